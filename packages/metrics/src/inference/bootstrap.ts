import {
  checkCount,
  checkFinite,
  checkInteger,
  checkLevel,
  checkNumber,
  checkSameLength,
  resolveOptions,
} from '../check.js';
import { nextIndex } from '../numbers/uniform.js';
import { bca, type BootstrapMethod, percentile } from './bootstrap-interval.js';
import { interquartileMean, mean } from './mean.js';

/** Options of every bootstrap. */
export interface BootstrapIntervalOptions {
  /** Random source: each call gives the next number, uniform in [0, 1). */
  readonly uniform: () => number;
  /** How often such intervals hold the true value, in (0, 1). @defaultValue 0.95 */
  readonly level?: number;
  /** How many times the values are drawn anew. @defaultValue 10000 */
  readonly resamples?: number;
}

/** Options of {@link bootstrap} and {@link pairedBootstrap}. */
export interface BootstrapOptions extends BootstrapIntervalOptions {
  /** From replicates to an interval: {@link percentile} or {@link bca}. @defaultValue bca */
  readonly interval?: BootstrapMethod;
}

/** What {@link bootstrap} returns. */
export interface BootstrapEstimate {
  /** The statistic of the data. */
  readonly estimate: number;
  /** Lower end; `null` when one item leaves it unknown. */
  readonly low: number | null;
  /** Upper end; `null` when one item leaves it unknown. */
  readonly high: number | null;
  /** Standard deviation of the replicates; `null` when one item leaves it unknown. */
  readonly standardError: number | null;
  /** How many items there were. */
  readonly n: number;
}

const DEFAULTS = { uniform: undefined, level: 0.95, resamples: 10_000 };

/** Numbers in groups in groups: seeds of prompts of samples, say. */
export type Nested = readonly (number | Nested)[];

/**
 * Bootstrap of any statistic.
 *
 *     replicate[b] = statistic(n items drawn with replacement),   interval = bca or percentile of the replicates
 *
 * Unit: that of the statistic. Range: that of the statistic. Misleads for few items, for statistics of extremes,
 * and for items that are not independent: see {@link hierarchicalBootstrap}.
 *
 * @param items - `[n]`, of any type.
 * @param statistic - From items to a number; gets an array that it must not keep.
 * @throws RangeError if there is no item, an option is out of range, `uniform` leaves [0, 1), or a replicate is
 *   not finite.
 * @see Efron and Tibshirani 1993, An Introduction to the Bootstrap, chapters 13 and 14, https://doi.org/10.1201/9780429246593
 *
 * @example
 * ```ts
 * let state = 7; // Park and Miller's generator; any seeded source will do
 * const uniform = () => (state = (state * 16807) % 2147483647) / 2147483647;
 * const largest = (values: readonly number[]) => Math.max(...values);
 * bootstrap([1, 2, 3, 9], largest, { uniform, interval: percentile }).low; // => 2
 * ```
 */
export function bootstrap<Item>(
  items: ArrayLike<Item>,
  statistic: (items: readonly Item[]) => number,
  options: BootstrapOptions,
): BootstrapEstimate {
  return bootstrapOf('bootstrap', items, statistic, options);
}

function bootstrapOf<Item>(
  where: string,
  items: ArrayLike<Item>,
  statistic: (items: readonly Item[]) => number,
  options: BootstrapOptions,
): BootstrapEstimate {
  const given = resolveOptions(where, options, { ...DEFAULTS, interval: bca });
  const { uniform } = given;
  checkCount(where, 'items', items.length, 1);
  const n = items.length;
  const all = Array.from(items);
  const resample = all.slice();
  const replicate = (): number => {
    for (let i = 0; i < n; i++) resample[i] = all[nextIndex(where, uniform, n)]!;
    return statistic(resample);
  };
  return estimateFrom(where, given, n, statistic(all), replicate, () =>
    Float64Array.from(all, (_, left) => statistic(all.filter((_, i) => i !== left))),
  );
}

/**
 * Paired bootstrap: a statistic of one method less that of another on the same prompts or seeds.
 *
 *     replicate[b] = statistic(a[i]) - statistic(b[i]),   i drawn with replacement, the same for both
 *
 * Unit: that of the statistic. Range: that of the statistic. What a prompt does to both cancels. Misleads when
 * the pairs share nothing, and when the best of many comparisons is the one reported.
 *
 * @param a - `[n]`, finite.
 * @param b - `[n]`, finite: the other method, in the same order.
 * @param statistic - From values to a number. The mean if left out.
 * @throws RangeError if the lengths differ, a value is not finite, or as {@link bootstrap}.
 * @see Efron and Tibshirani 1993, section 10.3, https://doi.org/10.1201/9780429246593
 *
 * @example
 * ```ts
 * let state = 7;
 * const uniform = () => (state = (state * 16807) % 2147483647) / 2147483647;
 * pairedBootstrap([3, 5, 9], [2, 4, 8], { uniform }); // => { estimate: 1, low: 1, high: 1, standardError: 0, n: 3 }
 * ```
 */
export function pairedBootstrap(
  a: ArrayLike<number>,
  b: ArrayLike<number>,
  options: BootstrapOptions,
  statistic: (values: readonly number[]) => number = mean,
): BootstrapEstimate {
  checkSameLength('pairedBootstrap', ['a', a], ['b', b]);
  checkFinite('pairedBootstrap', 'a', a);
  checkFinite('pairedBootstrap', 'b', b);
  const pairs = Array.from(a, (value, i): [number, number] => [value, b[i]!]);
  return bootstrapOf(
    'pairedBootstrap',
    pairs,
    (chosen) => statistic(chosen.map(([x]) => x)) - statistic(chosen.map(([, y]) => y)),
    options,
  );
}

/**
 * Hierarchical bootstrap of a mean of means: groups are resampled, and within each group its members.
 *
 *     replicate[b] = mean over drawn seeds of the mean over drawn prompts of ... ,   each with replacement
 *
 * Percentile interval. Every group counts alike, however large. Unit: that of the values. Range: within
 * [min, max] of the values. Misleads with few groups at the top: their number limits what the interval knows.
 *
 * @param groups - Nested lists of finite numbers, such as `[seeds][prompts]`; none empty.
 * @throws As {@link bootstrap}, and RangeError if a list is empty or a value not finite.
 * @see Saravanan et al. 2020, https://arxiv.org/abs/2007.07797
 *
 * @example
 * ```ts
 * let state = 7;
 * const uniform = () => (state = (state * 16807) % 2147483647) / 2147483647;
 * hierarchicalBootstrap([[1, 1], [3, 3]], { uniform }); // => { estimate: 2, low: 1, high: 3, standardError: 0.704183, n: 2 }
 * ```
 */
export function hierarchicalBootstrap(
  groups: Nested,
  options: BootstrapIntervalOptions,
): BootstrapEstimate {
  const where = 'hierarchicalBootstrap';
  const given = resolveOptions(where, options, DEFAULTS);
  const meanOf = (list: Nested, name: string): number => {
    const means = list.map((item, i) =>
      typeof item === 'number' ? item : meanOf(item, `${name}[${i}]`),
    );
    checkFinite(where, name, means, 1);
    return mean(means);
  };
  const drawn = (list: Nested): number => {
    let sum = 0;
    for (let i = 0; i < list.length; i++) {
      const item = list[nextIndex(where, given.uniform, list.length)]!;
      sum += typeof item === 'number' ? item : drawn(item);
    }
    return sum / list.length;
  };
  return estimateFrom(where, given, groups.length, meanOf(groups, 'groups'), () => drawn(groups));
}

/**
 * Stratified bootstrap of the scores of several runs on several tasks: runs are resampled within each task.
 *
 *     replicate[b] = statistic( { scores[run(m, r)][m] } ),   run(m, r) drawn with replacement for each task m
 *
 * Percentile interval; the statistic is the interquartile mean, as rliable recommends. Unit: that of the
 * scores. Range: that of the statistic. Misleads as uncertainty about other tasks: these tasks are kept.
 *
 * @param scores - `[runs][tasks]`, finite.
 * @param statistic - From all scores to a number. {@link interquartileMean} if left out.
 * @returns The statistic, its interval and standard error; `n` is the number of runs.
 * @throws As {@link bootstrap}, and RangeError if rows are empty, differ in length, or have a score that is not
 *   finite.
 * @see Agarwal et al. 2021, https://arxiv.org/abs/2108.13264
 *
 * @example
 * ```ts
 * let state = 7;
 * const uniform = () => (state = (state * 16807) % 2147483647) / 2147483647;
 * stratifiedBootstrap([[0.1, 0.9], [0.2, 0.8]], { uniform }).estimate; // => 0.5
 * ```
 */
export function stratifiedBootstrap(
  scores: readonly ArrayLike<number>[],
  options: BootstrapIntervalOptions,
  statistic: (scores: ArrayLike<number>) => number = interquartileMean,
): BootstrapEstimate {
  const where = 'stratifiedBootstrap';
  const given = resolveOptions(where, options, DEFAULTS);
  checkCount(where, 'scores', scores.length, 1);
  const n = scores.length;
  const tasks = scores[0]!.length;
  checkCount(where, 'scores[0]', tasks, 1);
  const all = new Float64Array(n * tasks);
  scores.forEach((row, r) => {
    checkSameLength(where, ['scores[0]', scores[0]!], [`scores[${r}]`, row]);
    checkFinite(where, `scores[${r}]`, row);
    all.set(row, r * tasks);
  });
  const resample = new Float64Array(n * tasks);
  return estimateFrom(where, given, n, statistic(all), () => {
    for (let i = 0; i < resample.length; i++) {
      resample[i] = all[nextIndex(where, given.uniform, n) * tasks + (i % tasks)]!;
    }
    return statistic(resample);
  });
}

/** An estimate from `n` items with what its replicates tell; one item tells nothing. */
function estimateFrom(
  where: string,
  {
    level,
    resamples,
    interval = percentile,
  }: Pick<BootstrapOptions, 'interval'> & { readonly level: number; readonly resamples: number },
  n: number,
  estimate: number,
  replicate: () => number,
  jackknife = () => new Float64Array(),
): BootstrapEstimate {
  checkLevel(where, level);
  checkInteger(where, 'resamples', resamples, 1);
  checkNumber(where, 'statistic of the data', estimate);
  if (n === 1) return { estimate, low: null, high: null, standardError: null, n };
  const replicates = Float64Array.from({ length: resamples }, replicate).sort();
  checkFinite(where, 'replicates', replicates);
  const [low, high] = interval({ replicates, estimate, level, jackknife });
  const centre = mean(replicates);
  const squares = replicates.reduce((sum, value) => sum + (value - centre) ** 2, 0);
  const standardError = resamples < 2 ? null : Math.sqrt(squares / (resamples - 1));
  return { estimate, low, high, standardError, n };
}

import { checkCount, checkFinite, checkInteger, checkLevel } from './check.js';
import type { MeanInterval } from './statistics.js';
import { mean } from './statistics.js';

/** Options of {@link bootstrapInterval}. */
export interface BootstrapIntervalOptions {
  /** Random source: each call gives the next number, uniform in [0, 1). */
  readonly uniform: () => number;
  /** How often such intervals hold the true mean, in (0, 1). @defaultValue 0.95 */
  readonly level?: number;
  /** How many times the values are drawn anew. @defaultValue 10000 */
  readonly resamples?: number;
}

/**
 * Mean with a percentile bootstrap interval, for values that are far from normal.
 *
 *     [ q((1 - level) / 2), q((1 + level) / 2) ]   of the means of resamples drawn with replacement
 *
 * Unit: that of the values. Range: within [min x, max x]; quantiles interpolate linearly. Misleads for
 * small n, where it is too narrow (its spread alone by `sqrt((n - 1) / n)`): prefer {@link meanInterval}
 * for a handful of seeds.
 *
 * @param values - `[n]`, finite, independent of one another.
 * @returns The mean and its interval; the ends are `null` when `n` is 1, since one value does not tell.
 * @throws RangeError if `values` is empty or not finite, an option is out of range, or `uniform` leaves
 *   [0, 1).
 * @see Efron and Tibshirani 1993, An Introduction to the Bootstrap, section 13.3, https://doi.org/10.1201/9780429246593
 *
 * @example
 * ```ts
 * let state = 7; // Park and Miller's generator; any seeded source will do
 * const uniform = () => (state = (state * 16807) % 2147483647) / 2147483647;
 * bootstrapInterval([0, 0, 1, 5], { uniform }); // => { mean: 1.5, low: 0, high: 3.75, n: 4 }
 * ```
 */
export function bootstrapInterval(
  values: ArrayLike<number>,
  { uniform, level = 0.95, resamples = 10_000 }: BootstrapIntervalOptions,
): MeanInterval {
  checkCount('bootstrapInterval', 'values', values.length, 1);
  checkFinite('bootstrapInterval', 'values', values);
  checkLevel('bootstrapInterval', level);
  checkInteger('bootstrapInterval', 'resamples', resamples, 1);
  const n = values.length;
  const centre = mean(values);
  if (n === 1) return { mean: centre, low: null, high: null, n };
  const resample = new Float64Array(n);
  const means = Float64Array.from({ length: resamples }, () => {
    for (let i = 0; i < n; i++) resample[i] = values[drawIndex(uniform, n)]!;
    return mean(resample);
  }).sort();
  const tail = (1 - level) / 2;
  return { mean: centre, low: quantile(means, tail), high: quantile(means, 1 - tail), n };
}

function drawIndex(uniform: () => number, n: number): number {
  const u = uniform();
  if (!(u >= 0 && u < 1)) {
    throw new RangeError(`bootstrapInterval: uniform() is ${u}, expected a number in [0, 1)`);
  }
  return Math.floor(u * n);
}

/** Quantile by linear interpolation between order statistics (Hyndman and Fan 1996, type 7). */
function quantile(sorted: Float64Array, probability: number): number {
  const position = probability * (sorted.length - 1);
  const below = Math.floor(position);
  const low = sorted[below]!;
  const high = sorted[Math.min(below + 1, sorted.length - 1)]!;
  return low + (position - below) * (high - low);
}

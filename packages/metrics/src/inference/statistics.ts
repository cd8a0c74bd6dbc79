import { checkCount, checkFinite, checkLevel, checkOptions, checkSameLength } from '../check.js';
import { powerOfTwoNear } from '../numbers/scale.js';
import { studentTCritical } from '../numbers/student-t.js';

/** Options of {@link meanInterval} and {@link pairedDifference}. */
export interface MeanIntervalOptions {
  /** How often such intervals hold the true mean, in (0, 1). @defaultValue 0.95 */
  readonly level?: number;
}

/** A mean and an interval for it. */
export interface MeanInterval {
  /** The sample mean, in the unit of the values. */
  readonly mean: number;
  /** Lower end; `null` when one value leaves it unknown. */
  readonly low: number | null;
  /** Upper end; `null` when one value leaves it unknown. */
  readonly high: number | null;
  /** How many values there were. */
  readonly n: number;
}

/**
 * Arithmetic mean.
 *
 *     mean = (1 / n) sum_i x[i]
 *
 * Unit: that of the values. Range: [min x, max x]. A second pass removes the first one's rounding, so
 * that equal values give back exactly that value. Misleads for skewed values, where a few decide it.
 *
 * @param values - `[n]`, finite.
 * @returns The mean.
 * @throws RangeError if `values` is empty or has an entry that is not finite.
 * @see Higham 2002, Accuracy and Stability of Numerical Algorithms, section 1.9, https://doi.org/10.1137/1.9780898718027
 *
 * @example
 * ```ts
 * mean([1, 2, 6]); // => 3
 * ```
 */
export function mean(values: ArrayLike<number>): number {
  checkCount('mean', 'values', values.length, 1);
  checkFinite('mean', 'values', values);
  return uncheckedMean(values, powerOfTwoNear(values));
}

/**
 * Sample standard deviation.
 *
 *     s = sqrt( (1 / (n - 1)) sum_i (x[i] - mean)^2 )
 *
 * Unit: that of the values. Range: [0, infinity). Its square is unbiased. Misleads as the uncertainty of
 * a mean: that is `s / sqrt(n)`, or {@link meanInterval}.
 *
 * @param values - `[n]`, finite, `n >= 2`.
 * @returns The standard deviation.
 * @throws RangeError if there are fewer than two values, or one is not finite.
 * @see Higham 2002, Accuracy and Stability of Numerical Algorithms, section 1.9, https://doi.org/10.1137/1.9780898718027
 *
 * @example
 * ```ts
 * standardDeviation([1, 3]); // => 1.414214
 * ```
 */
export function standardDeviation(values: ArrayLike<number>): number {
  checkCount('standardDeviation', 'values', values.length, 2);
  checkFinite('standardDeviation', 'values', values);
  const scale = powerOfTwoNear(values);
  const centre = uncheckedMean(values, scale) / scale;
  let squares = 0;
  for (let i = 0; i < values.length; i++) squares += (values[i]! / scale - centre) ** 2;
  return scale * Math.sqrt(squares / (values.length - 1));
}

/**
 * Mean with Student's t interval, as for a number measured once a seed.
 *
 *     mean +- t s / sqrt(n),   P(|T| <= t) = level for T of n - 1 degrees of freedom
 *
 * Unit: that of the values. Range: `low <= mean <= high`. Misleads when the values are not independent
 * (prompts that share a seed, steps of one run), or far from normal with n below about 10; two
 * overlapping intervals may still differ (see {@link pairedDifference}).
 *
 * @param values - `[n]`, finite: one number a seed.
 * @returns The mean and its interval; the ends are `null` when `n` is 1, since one value does not tell.
 * @throws RangeError if `values` is empty or not finite, or `level` is outside (0, 1).
 * @see Student 1908, https://doi.org/10.1093/biomet/6.1.1
 *
 * @example
 * ```ts
 * meanInterval([0.6, 0.7, 0.8]); // => { mean: 0.7, low: 0.451586, high: 0.948414, n: 3 }
 * ```
 */
export function meanInterval(
  values: ArrayLike<number>,
  options: MeanIntervalOptions = {},
): MeanInterval {
  const { level = 0.95 } = checkOptions('meanInterval', options, ['level']);
  checkCount('meanInterval', 'values', values.length, 1);
  checkFinite('meanInterval', 'values', values);
  checkLevel('meanInterval', level);
  const n = values.length;
  const centre = mean(values);
  if (n === 1) return { mean: centre, low: null, high: null, n };
  const halfWidth = (studentTCritical(level, n - 1) * standardDeviation(values)) / Math.sqrt(n);
  return { mean: centre, low: centre - halfWidth, high: centre + halfWidth, n };
}

/**
 * Mean of paired differences with Student's t interval: is `a` above `b` on the same seeds?
 *
 *     meanInterval(a - b)
 *
 * Unit: that of the values. Range: `low <= mean <= high`; 0 outside the interval is a difference at that
 * level. Sharper than two separate intervals, since what a seed does to both cancels. Misleads when the
 * pairs share nothing, and when the best of many comparisons is the one reported.
 *
 * @param a - `[n]`, finite: one number a seed.
 * @param b - `[n]`, finite: the other method, on the same seeds in the same order.
 * @returns The mean of `a - b` and its interval; the ends are `null` when `n` is 1.
 * @throws RangeError if the lengths differ, are 0, a value is not finite, or `level` is outside (0, 1).
 * @see Student 1908, https://doi.org/10.1093/biomet/6.1.1
 *
 * @example
 * ```ts
 * pairedDifference([3, 5, 7], [2, 3, 4]); // => { mean: 2, low: -0.484138, high: 4.484138, n: 3 }
 * ```
 */
export function pairedDifference(
  a: ArrayLike<number>,
  b: ArrayLike<number>,
  options: MeanIntervalOptions = {},
): MeanInterval {
  const { level = 0.95 } = checkOptions('pairedDifference', options, ['level']);
  checkSameLength('pairedDifference', ['a', a], ['b', b]);
  checkCount('pairedDifference', 'a', a.length, 1);
  checkFinite('pairedDifference', 'a', a);
  checkFinite('pairedDifference', 'b', b);
  checkLevel('pairedDifference', level);
  return meanInterval(
    Array.from(a, (value, i) => value - b[i]!),
    { level },
  );
}

/**
 * Interquartile mean: the mean of what is left without the lowest and the highest quarter.
 *
 *     IQM = mean of the sorted values from floor(n / 4) to n - floor(n / 4)
 *
 * Unit: that of the values. Range: [min x, max x]. Less noisy than the median, less moved by outliers than the
 * mean. Misleads when failures are what matters: it does not see the worst quarter.
 *
 * @param values - `[n]`, finite: the scores of all runs on all tasks.
 * @returns The mean.
 * @throws RangeError if `values` is empty or has an entry that is not finite.
 * @see Agarwal et al. 2021, section 4.2, https://arxiv.org/abs/2108.13264
 *
 * @example
 * ```ts
 * interquartileMean([0, 2, 3, 100]); // => 2.5
 * ```
 */
export function interquartileMean(values: ArrayLike<number>): number {
  checkCount('interquartileMean', 'values', values.length, 1);
  checkFinite('interquartileMean', 'values', values);
  const cut = Math.floor(values.length / 4);
  const kept = Float64Array.from(values)
    .sort()
    .subarray(cut, values.length - cut);
  return uncheckedMean(kept, powerOfTwoNear(kept));
}

/** Quantile by linear interpolation between order statistics (Hyndman and Fan 1996, type 7). */
export function quantile(sorted: Float64Array, probability: number): number {
  const position = probability * (sorted.length - 1);
  const below = Math.floor(position);
  const low = sorted[below]!;
  const high = sorted[Math.min(below + 1, sorted.length - 1)]!;
  return low + (position - below) * (high - low);
}

/** The mean of `values`, computed on `values / scale`, which cannot overflow. */
function uncheckedMean(values: ArrayLike<number>, scale: number): number {
  const n = values.length;
  let sum = 0;
  for (let i = 0; i < n; i++) sum += values[i]! / scale;
  const first = sum / n;
  let correction = 0;
  for (let i = 0; i < n; i++) correction += values[i]! / scale - first;
  return scale * (first + correction / n);
}

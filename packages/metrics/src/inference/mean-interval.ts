import { checkFinite, checkLevel, checkSameLength, resolveOptions } from '../check.js';
import { studentTCritical } from '../numbers/student-t.js';
import { mean, standardDeviation } from './mean.js';

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
 * Mean with Student's t interval, as for a number measured once a seed.
 *
 *     mean +- t s / sqrt(n),   P(|T| <= t) = level for T of n - 1 degrees of freedom
 *
 * Unit: that of the values. Range: `low <= mean <= high`. Misleads when the values are not independent (prompts
 * that share a seed, steps of one run), and far from normal with n below about 10; two overlapping intervals
 * may still differ (see {@link pairedDifference}).
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
  return intervalOf('meanInterval', 'values', values, options);
}

/**
 * Mean of paired differences with Student's t interval: is `a` above `b` on the same seeds?
 *
 *     meanInterval(a - b)
 *
 * What a seed does to both cancels: sharper than two separate intervals. 0 outside of it is a difference at
 * that level. Unit: that of the values. Range: `low <= mean <= high`. Misleads when the pairs share nothing,
 * and when the best of many comparisons is the one reported.
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
  const where = 'pairedDifference';
  checkSameLength(where, ['a', a], ['b', b]);
  checkFinite(where, 'a', a, 1);
  checkFinite(where, 'b', b);
  const differences = Array.from(a, (value, i) => value - b[i]!);
  return intervalOf(where, 'a - b', differences, options);
}

function intervalOf(
  where: string,
  name: string,
  values: ArrayLike<number>,
  options: MeanIntervalOptions,
): MeanInterval {
  const { level } = resolveOptions(where, options, { level: 0.95 });
  checkFinite(where, name, values, 1);
  checkLevel(where, level);
  const n = values.length;
  const centre = mean(values);
  if (n === 1) return { mean: centre, low: null, high: null, n };
  const halfWidth = (studentTCritical(level, n - 1) * standardDeviation(values)) / Math.sqrt(n);
  return { mean: centre, low: centre - halfWidth, high: centre + halfWidth, n };
}

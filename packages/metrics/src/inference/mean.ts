import { checkFinite } from '../check.js';
import { powerOfTwoNear } from '../numbers/scale.js';

/**
 * Arithmetic mean.
 *
 *     mean = (1 / n) sum_i x[i]
 *
 * A second pass removes the rounding of the first, so that the mean of equal values is that value. Unit: that
 * of the values. Range: [min x, max x]. Misleads for skewed values, where a few decide it.
 *
 * @param values - `[n]`, finite.
 * @throws RangeError if `values` is empty or has an entry that is not finite.
 * @see Higham 2002, Accuracy and Stability of Numerical Algorithms, section 1.9, https://doi.org/10.1137/1.9780898718027
 *
 * @example
 * ```ts
 * mean([1, 2, 6]); // => 3
 * ```
 */
export function mean(values: ArrayLike<number>): number {
  checkFinite('mean', 'values', values, 1);
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
 * @throws RangeError if there are fewer than two values, or one is not finite.
 * @see Higham 2002, Accuracy and Stability of Numerical Algorithms, section 1.9, https://doi.org/10.1137/1.9780898718027
 *
 * @example
 * ```ts
 * standardDeviation([1, 3]); // => 1.414214
 * ```
 */
export function standardDeviation(values: ArrayLike<number>): number {
  checkFinite('standardDeviation', 'values', values, 2);
  const scale = powerOfTwoNear(values);
  const centre = uncheckedMean(values, scale) / scale;
  let squares = 0;
  for (let i = 0; i < values.length; i++) squares += (values[i]! / scale - centre) ** 2;
  return scale * Math.sqrt(squares / (values.length - 1));
}

/**
 * Interquartile mean: the mean of what is left without the lowest and the highest quarter.
 *
 *     IQM = mean of the sorted values from floor(n / 4) to n - floor(n / 4)
 *
 * Less noisy than the median, less moved by outliers than the mean. Unit: that of the values. Range: [min x,
 * max x]. Misleads when failures are what matters: it does not see the worst quarter.
 *
 * @param values - `[n]`, finite: the scores of all runs on all tasks.
 * @throws As {@link mean}.
 * @see Agarwal et al. 2021, section 4.2, https://arxiv.org/abs/2108.13264
 *
 * @example
 * ```ts
 * interquartileMean([0, 2, 3, 100]); // => 2.5
 * ```
 */
export function interquartileMean(values: ArrayLike<number>): number {
  checkFinite('interquartileMean', 'values', values, 1);
  const cut = Math.floor(values.length / 4);
  const kept = Float64Array.from(values)
    .sort()
    .subarray(cut, values.length - cut);
  return uncheckedMean(kept, powerOfTwoNear(kept));
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

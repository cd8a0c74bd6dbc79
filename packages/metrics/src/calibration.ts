import { checkCount, checkInteger, checkSameLength } from './check.js';

/** Options of {@link expectedCalibrationError}. */
export interface CalibrationOptions {
  /** Number of bins of equal width over [0, 1]. @defaultValue 15 */
  readonly bins?: number;
}

/**
 * Expected calibration error: how far confidence is from accuracy, on average.
 *
 *     ECE = sum_m (|B_m| / n) |accuracy(B_m) - confidence(B_m)|,   B_m = ((m - 1) / bins, m / bins]
 *
 * A confidence of 0 falls into the first bin. Unit: probability. Range: [0, 1]; 0 is calibrated.
 * Misleads with few samples, where empty bins and chance raise it; with the number of bins, so compare
 * equal `bins`; and as quality: a model that always answers with its base rate has none.
 *
 * @param confidences - `[n]`, probabilities in [0, 1].
 * @param correct - `[n]`, whether each answer was right.
 * @returns The error.
 * @throws RangeError if the lengths differ or are 0, a confidence is outside [0, 1], or `bins` is not a
 *   positive integer; TypeError if an entry of `correct` is not a boolean.
 * @see Guo et al. 2017, eq. 3, https://arxiv.org/abs/1706.04599
 *
 * @example
 * ```ts
 * expectedCalibrationError([0.9, 0.9, 0.6], [true, false, true]); // => 0.4
 * ```
 */
export function expectedCalibrationError(
  confidences: ArrayLike<number>,
  correct: readonly boolean[],
  { bins = 15 }: CalibrationOptions = {},
): number {
  checkSameLength('expectedCalibrationError', ['confidences', confidences], ['correct', correct]);
  checkCount('expectedCalibrationError', 'confidences', confidences.length, 1);
  checkInteger('expectedCalibrationError', 'bins', bins, 1);
  // |B| |accuracy - confidence| is the absolute sum of (correct - confidence) over the bin.
  const gaps = new Float64Array(bins);
  correct.forEach((right, i) => {
    const p = confidences[i]!;
    if (!(p >= 0 && p <= 1)) {
      throw new RangeError(
        `expectedCalibrationError: confidences[${i}] is ${p}, expected a number in [0, 1]`,
      );
    }
    if (typeof right !== 'boolean') {
      throw new TypeError(
        `expectedCalibrationError: correct[${i}] is ${String(right)}, expected a boolean`,
      );
    }
    gaps[binOf(p, bins)]! += (right ? 1 : 0) - p;
  });
  return gaps.reduce((total, gap) => total + Math.abs(gap), 0) / confidences.length;
}

/** The m with `m / bins < p <= (m + 1) / bins`, decided by those quotients and not by `p * bins`. */
function binOf(p: number, bins: number): number {
  let bin = Math.max(0, Math.ceil(p * bins) - 1);
  if (bin > 0 && p <= bin / bins) bin--;
  else if (p > (bin + 1) / bins) bin++;
  return bin;
}

import { type CalibrationOptions, diagram, gap } from './reliability.js';

/**
 * Expected calibration error: how far confidence is from accuracy, on average.
 *
 *     ECE = sum_m (|B_m| / n) |accuracy(B_m) - confidence(B_m)|,   B_m = ((m - 1) / bins, m / bins]
 *
 * A confidence of 0 falls into the first bin. Unit: probability. Range: [0, 1]; 0 is calibrated. Misleads with
 * few samples, where chance raises it (see {@link debiasedCalibrationError}); across numbers of bins; and as
 * quality: a model that always answers with its base rate has none.
 *
 * @param confidences - `[n]`, probabilities in [0, 1].
 * @param correct - `[n]`, whether each answer was right.
 * @throws As {@link reliabilityDiagram}.
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
  options: CalibrationOptions = {},
): number {
  const bins = diagram('expectedCalibrationError', confidences, correct, options);
  return bins.reduce((sum, bin) => sum + bin.count * gap(bin), 0) / correct.length;
}

/**
 * Maximum calibration error: the gap of the worst bin.
 *
 *     MCE = max_m |accuracy(B_m) - confidence(B_m)|   over bins that are not empty
 *
 * Unit: probability. Range: [0, 1]. Misleads with few samples: the bin with the fewest decides it.
 *
 * @param confidences - `[n]`, probabilities in [0, 1].
 * @param correct - `[n]`, whether each answer was right.
 * @throws As {@link reliabilityDiagram}.
 * @see Guo et al. 2017, eq. 5, https://arxiv.org/abs/1706.04599
 *
 * @example
 * ```ts
 * maximumCalibrationError([0.9, 0.9, 0.6], [true, false, true]); // => 0.4
 * ```
 */
export function maximumCalibrationError(
  confidences: ArrayLike<number>,
  correct: readonly boolean[],
  options: CalibrationOptions = {},
): number {
  const bins = diagram('maximumCalibrationError', confidences, correct, options);
  return bins.reduce((worst, bin) => Math.max(worst, gap(bin)), 0);
}

/**
 * Debiased calibration error: the root mean square gap, less what chance adds to it.
 *
 *     sqrt( max(0, sum_m (|B_m| / n) ( (a_m - c_m)^2 - a_m (1 - a_m) / (|B_m| - 1) )) )
 *
 * with accuracy `a_m` and confidence `c_m`; a bin of one answer adds 0. Unit: probability. Range: [0, 1].
 * Misleads next to {@link expectedCalibrationError}, since squares weigh large gaps more; noise gives 0 too.
 *
 * @param confidences - `[n]`, probabilities in [0, 1].
 * @param correct - `[n]`, whether each answer was right.
 * @throws As {@link reliabilityDiagram}.
 * @see Kumar et al. 2019, definition 5.1, https://arxiv.org/abs/1909.10155
 *
 * @example
 * ```ts
 * debiasedCalibrationError([0.9, 0.9, 0.9, 0.9], [true, false, false, false]); // => 0.6
 * ```
 */
export function debiasedCalibrationError(
  confidences: ArrayLike<number>,
  correct: readonly boolean[],
  options: CalibrationOptions = {},
): number {
  let square = 0;
  for (const bin of diagram('debiasedCalibrationError', confidences, correct, options)) {
    if (bin.count < 2) continue;
    const accuracy = bin.accuracy!;
    square += bin.count * (gap(bin) ** 2 - (accuracy * (1 - accuracy)) / (bin.count - 1));
  }
  return Math.sqrt(Math.max(0, square / correct.length));
}

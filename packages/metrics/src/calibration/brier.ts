import { checkConfidences, checkCount, checkDistribution, checkSameLength } from '../check.js';
import { type CalibrationOptions, diagram, gap } from './reliability.js';

/** What {@link brierDecomposition} returns; `brier = reliability - resolution + uncertainty + withinBins`. */
export interface BrierDecomposition {
  /** The score itself, as {@link brierScore}. */
  readonly brier: number;
  /** Mean squared gap between a bin's confidence and its accuracy; 0 is calibrated. */
  readonly reliability: number;
  /** Mean squared distance of the bins' accuracies from the overall one; higher tells answers apart better. */
  readonly resolution: number;
  /** `accuracy (1 - accuracy)`: what a constant guess of the base rate scores. */
  readonly uncertainty: number;
  /** What bins lose by holding different confidences; 0 if each holds one. */
  readonly withinBins: number;
}

/**
 * Brier score: mean squared distance of confidence from the outcome.
 *
 *     brier = (1 / n) sum_i (p[i] - [correct[i]])^2
 *
 * A proper score: reporting one's true belief minimises it. Unit: none. Range: [0, 1]; a constant 0.5 scores
 * 0.25. Misleads for rare events, where the base rate alone scores near 0.
 *
 * @param confidences - `[n]`, probabilities in [0, 1].
 * @param correct - `[n]`, whether each answer was right.
 * @throws RangeError if the lengths differ or are 0, or a confidence is outside [0, 1]; TypeError if an entry
 *   of `correct` is not a boolean.
 * @see Brier 1950, https://doi.org/10.1175/1520-0493(1950)078%3C0001:VOFEIT%3E2.0.CO;2
 *
 * @example
 * ```ts
 * brierScore([1, 0.5], [true, false]); // => 0.125
 * ```
 */
export function brierScore(confidences: ArrayLike<number>, correct: readonly boolean[]): number {
  checkConfidences('brierScore', confidences, correct);
  return (
    correct.reduce((sum, right, i) => sum + (confidences[i]! - +right) ** 2, 0) / correct.length
  );
}

/**
 * Brier score of forecasts over several classes, as Brier defined it.
 *
 *     brier = (1 / n) sum_i sum_k (p[i, k] - [k = label[i]])^2
 *
 * A proper score. Unit: none. Range: [0, 2]; a uniform forecast over K classes scores 1 - 1 / K. Misleads next
 * to {@link brierScore}: with two classes it is twice as large, since both are counted.
 *
 * @param probabilities - `[n][K]`, a distribution over the same classes each.
 * @param labels - `[n]`, the class that came true, in [0, K).
 * @throws RangeError if the lengths differ or are 0, a row is no distribution, or a label is no class.
 * @see Brier 1950, eq. 2, https://doi.org/10.1175/1520-0493(1950)078%3C0001:VOFEIT%3E2.0.CO;2
 *
 * @example
 * ```ts
 * multiclassBrierScore([[0.5, 0.25, 0.25], [0, 1, 0]], [0, 1]); // => 0.1875
 * ```
 */
export function multiclassBrierScore(
  probabilities: readonly ArrayLike<number>[],
  labels: ArrayLike<number>,
): number {
  const where = 'multiclassBrierScore';
  checkSameLength(where, ['probabilities', probabilities], ['labels', labels]);
  checkCount(where, 'probabilities', probabilities.length, 1);
  const classes = probabilities[0]!.length;
  let sum = 0;
  for (const [i, row] of probabilities.entries()) {
    checkDistribution(where, `probabilities[${i}]`, row);
    checkSameLength(where, ['probabilities[0]', probabilities[0]!], [`probabilities[${i}]`, row]);
    const label = labels[i]!;
    if (!(Number.isInteger(label) && label >= 0 && label < classes)) {
      throw new RangeError(
        `${where}: labels[${i}] is ${label}, expected a class in [0, ${classes})`,
      );
    }
    for (let k = 0; k < classes; k++) sum += (row[k]! - +(k === label)) ** 2;
  }
  return sum / probabilities.length;
}

/**
 * The Brier score in parts: calibration, discrimination, and the uncertainty that no forecast removes.
 *
 *     brier = reliability - resolution + uncertainty + withinBins
 *
 * exactly; `withinBins` is for bins that hold different confidences. Unit: none. Range: [0, 1] each, but
 * `withinBins` in [-1, 1]. Misleads with many bins of few answers: resolution and reliability both grow.
 *
 * @param confidences - `[n]`, probabilities in [0, 1].
 * @param correct - `[n]`, whether each answer was right.
 * @throws As {@link reliabilityDiagram}.
 * @see Murphy 1973, https://doi.org/10.1175/1520-0450(1973)012%3C0595:ANVPOT%3E2.0.CO;2; within bins: Stephenson et al. 2008, https://doi.org/10.1175/2007WAF2006116.1
 *
 * @example
 * ```ts
 * const { reliability, resolution, uncertainty } = brierDecomposition([0.8, 0.8, 0.3], [true, false, false]);
 * [reliability, resolution, uncertainty]; // => [0.09, 0.055556, 0.222222]
 * ```
 */
export function brierDecomposition(
  confidences: ArrayLike<number>,
  correct: readonly boolean[],
  options: CalibrationOptions = {},
): BrierDecomposition {
  const bins = diagram('brierDecomposition', confidences, correct, options);
  const n = correct.length;
  const accuracy = correct.reduce((sum, right) => sum + +right, 0) / n;
  let reliability = 0;
  let resolution = 0;
  for (const bin of bins) {
    if (bin.count === 0) continue;
    reliability += (bin.count / n) * gap(bin) ** 2;
    resolution += (bin.count / n) * (bin.accuracy! - accuracy) ** 2;
  }
  const uncertainty = accuracy * (1 - accuracy);
  const brier = brierScore(confidences, correct);
  const withinBins = brier - reliability + resolution - uncertainty;
  return { brier, reliability, resolution, uncertainty, withinBins };
}

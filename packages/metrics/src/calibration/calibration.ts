import {
  checkConfidences,
  checkCount,
  checkDistribution,
  checkFinite,
  checkInteger,
  checkOptions,
  checkSameLength,
} from '../check.js';
import { quantile } from '../inference/statistics.js';

/** From confidences `[n]` to the edges `[bins + 1]` of bins, ascending. */
export type Binning = (confidences: ArrayLike<number>, bins: number) => ArrayLike<number>;

/** Options of functions that put confidences into bins. */
export interface CalibrationOptions {
  /** Number of bins. @defaultValue 15 */
  readonly bins?: number;
  /** Where the bins end: {@link equalWidth}, {@link equalMass} or your own. @defaultValue equalWidth */
  readonly binning?: Binning;
}

/** One bin of a {@link reliabilityDiagram}: the confidences in `(low, high]`, the first with its lower edge. */
export interface ReliabilityBin {
  /** Lower edge, probability. */
  readonly low: number;
  /** Upper edge, probability. */
  readonly high: number;
  /** Answers in the bin. */
  readonly count: number;
  /** Their mean confidence; `null` for an empty bin. */
  readonly confidence: number | null;
  /** Their share of right ones; `null` for an empty bin. */
  readonly accuracy: number | null;
}

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

/** More bins than this are a mistake. */
const MOST_BINS = 1_000_000;

/**
 * Bins of equal width over [0, 1].
 *
 *     edges[m] = m / bins
 *
 * Unit: probability. Range: [0, 1]. Misleads when confidences crowd at one end: most bins are empty then.
 *
 * @param _confidences - Not looked at.
 * @param bins - How many.
 * @returns The edges, `[bins + 1]`.
 * @throws RangeError if `bins` is no integer in [1, 1000000].
 * @see Guo et al. 2017, section 2, https://arxiv.org/abs/1706.04599
 *
 * @example
 * ```ts
 * equalWidth([], 4); // => [0, 0.25, 0.5, 0.75, 1]
 * ```
 */
export function equalWidth(_confidences: ArrayLike<number>, bins: number): Float64Array {
  checkBins('equalWidth', bins);
  return Float64Array.from({ length: bins + 1 }, (_, m) => m / bins);
}

/**
 * Bins that hold about equally many confidences: their edges are quantiles.
 *
 *     edges[m] = quantile(confidences, m / bins), by linear interpolation
 *
 * Equal confidences stay together, so the order of answers does not matter. Unit: probability. Range:
 * [min, max] of the confidences. Misleads when many confidences are equal: some bins are empty then.
 *
 * @param confidences - `[n]`.
 * @param bins - How many.
 * @returns The edges, `[bins + 1]`.
 * @throws RangeError if there is no confidence, one is not finite, or `bins` is no integer in [1, 1000000].
 * @see Nixon et al. 2019 (adaptive calibration error), https://arxiv.org/abs/1904.01685
 *
 * @example
 * ```ts
 * equalMass([0.9, 0.1, 0.8, 0.2, 0.7], 2); // => [0.1, 0.7, 0.9]
 * ```
 */
export function equalMass(confidences: ArrayLike<number>, bins: number): Float64Array {
  checkBins('equalMass', bins);
  checkCount('equalMass', 'confidences', confidences.length, 1);
  checkFinite('equalMass', 'confidences', confidences);
  const sorted = Float64Array.from(confidences).sort();
  return Float64Array.from({ length: bins + 1 }, (_, m) => quantile(sorted, m / bins));
}

/**
 * Data of a reliability diagram: confidence against accuracy, bin by bin.
 *
 *     confidence(B) = mean of p over B,   accuracy(B) = mean of [correct] over B
 *
 * Unit: probability. Range: [0, 1] each. Misleads without the counts: a bin of three answers is noise.
 *
 * @param confidences - `[n]`, probabilities in [0, 1].
 * @param correct - `[n]`, whether each answer was right.
 * @returns `[bins]`, empty ones included.
 * @throws RangeError if the lengths differ or are 0, a confidence is outside [0, 1], or `bins` is not a
 *   positive integer; TypeError if an entry of `correct` is not a boolean.
 * @see DeGroot and Fienberg 1983, https://doi.org/10.2307/2987588
 *
 * @example
 * ```ts
 * const [low, high] = reliabilityDiagram([0.2, 0.9, 0.7], [false, true, false], { bins: 2 });
 * [low!.accuracy, high!.confidence, high!.accuracy]; // => [0, 0.8, 0.5]
 * ```
 */
export function reliabilityDiagram(
  confidences: ArrayLike<number>,
  correct: readonly boolean[],
  options: CalibrationOptions = {},
): ReliabilityBin[] {
  return diagram('reliabilityDiagram', confidences, correct, options);
}

/**
 * Expected calibration error: how far confidence is from accuracy, on average.
 *
 *     ECE = sum_m (|B_m| / n) |accuracy(B_m) - confidence(B_m)|,   B_m = ((m - 1) / bins, m / bins]
 *
 * A confidence of 0 falls into the first bin; with `binning: equalMass` the bins hold about equally many.
 * Unit: probability. Range: [0, 1]; 0 is calibrated. Misleads with few samples, where empty bins and
 * chance raise it (see {@link debiasedCalibrationError}); with the number of bins, so compare equal
 * `bins`; and as quality: a model that always answers with its base rate has none.
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
 * Unit: probability. Range: [0, 1]. Misleads with few samples: the emptiest bin decides it.
 *
 * @param confidences - `[n]`, probabilities in [0, 1].
 * @param correct - `[n]`, whether each answer was right.
 * @returns The error.
 * @throws As {@link expectedCalibrationError}.
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
 * with accuracy `a_m` and confidence `c_m`. A bin of one answer tells nothing and adds 0. Unit:
 * probability. Range: [0, 1]. Misleads next to {@link expectedCalibrationError}: squares weigh large gaps
 * more; and 0 is also what noise gives.
 *
 * @param confidences - `[n]`, probabilities in [0, 1].
 * @param correct - `[n]`, whether each answer was right.
 * @returns The error.
 * @throws As {@link expectedCalibrationError}.
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

/**
 * Brier score: mean squared distance of confidence from the outcome.
 *
 *     brier = (1 / n) sum_i (p[i] - [correct[i]])^2
 *
 * A proper score: no other report than one's true belief lowers it. Unit: none. Range: [0, 1]; a constant
 * 0.5 scores 0.25. Misleads for rare events, where the base rate alone scores near 0.
 *
 * @param confidences - `[n]`, probabilities in [0, 1].
 * @param correct - `[n]`, whether each answer was right.
 * @returns The score.
 * @throws RangeError if the lengths differ or are 0, or a confidence is outside [0, 1]; TypeError if an
 *   entry of `correct` is not a boolean.
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
 * A proper score. Unit: none. Range: [0, 2]; a uniform forecast over K classes scores 1 - 1 / K. Misleads next to
 * {@link brierScore}: of two classes it is twice as much, since both are counted.
 *
 * @param probabilities - `[n][K]`, a distribution over the same classes each.
 * @param labels - `[n]`, the class that came true, in [0, K).
 * @returns The score.
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
 * The Brier score's parts: calibration, discrimination, and what no forecast could help.
 *
 *     brier = reliability - resolution + uncertainty + withinBins
 *
 * exactly, with the last term for bins that hold different confidences. Unit: none. Range: [0, 1] each,
 * but `withinBins` in [-1, 1]. Misleads with many bins of few answers: resolution and reliability both grow.
 *
 * @param confidences - `[n]`, probabilities in [0, 1].
 * @param correct - `[n]`, whether each answer was right.
 * @returns The score and its parts.
 * @throws As {@link expectedCalibrationError}.
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

function checkBins(where: string, bins: number): void {
  checkInteger(where, 'bins', bins, 1);
  if (bins > MOST_BINS) {
    throw new RangeError(`${where}: bins is ${bins}, expected at most ${MOST_BINS}`);
  }
}

function gap({ confidence, accuracy }: ReliabilityBin): number {
  return confidence === null ? 0 : Math.abs(accuracy! - confidence);
}

function diagram(
  where: string,
  confidences: ArrayLike<number>,
  correct: readonly boolean[],
  options: CalibrationOptions,
): ReliabilityBin[] {
  const { bins = 15, binning = equalWidth } = checkOptions(where, options, ['bins', 'binning']);
  checkBins(where, bins);
  checkConfidences(where, confidences, correct);
  const edges = binning(confidences, bins);
  checkCount(where, 'edges of binning', edges.length, 2);
  for (let m = 0; m + 1 < edges.length; m++) {
    if (!(edges[m]! <= edges[m + 1]!)) {
      throw new RangeError(
        `${where}: binning returned the edges ${edges[m]}, ${edges[m + 1]}, expected ascending numbers`,
      );
    }
  }
  const count = edges.length - 1;
  const counts = new Int32Array(count);
  const right = new Int32Array(count);
  // |accuracy - confidence| as one sum keeps gaps that cancel exactly 0.
  const gaps = new Float64Array(count);
  correct.forEach((isRight, i) => {
    const p = confidences[i]!;
    // The first bin whose upper edge is not below p.
    let low = 0;
    let high = count - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (p <= edges[middle + 1]!) high = middle;
      else low = middle + 1;
    }
    counts[low]!++;
    right[low]! += +isRight;
    gaps[low]! += +isRight - p;
  });
  return Array.from(counts, (size, m) => {
    const accuracy = size === 0 ? null : right[m]! / size;
    return {
      low: edges[m]!,
      high: edges[m + 1]!,
      count: size,
      confidence: accuracy === null ? null : accuracy - gaps[m]! / size,
      accuracy,
    };
  });
}

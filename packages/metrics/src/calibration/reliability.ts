import {
  checkConfidences,
  checkCount,
  checkFinite,
  checkNumberOf,
  resolveOptions,
} from '../check.js';
import { quantile } from '../numbers/quantile.js';

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

const MOST_BINS = 1_000_000;

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
 * Bins of equal width over [0, 1].
 *
 *     edges[m] = m / bins
 *
 * Unit: probability. Range: [0, 1]. Misleads when confidences crowd at one end, which leaves most bins empty.
 *
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
  checkNumberOf('equalWidth', 'bins', bins, 1, MOST_BINS, '');
  return Float64Array.from({ length: bins + 1 }, (_, m) => m / bins);
}

/**
 * Bins that hold about equally many confidences: their edges are quantiles.
 *
 *     edges[m] = quantile(confidences, m / bins), by linear interpolation
 *
 * Equal confidences share a bin, so the order of answers does not matter. Unit: probability. Range: [min, max]
 * of the confidences. Misleads when many confidences are equal: some bins are empty then.
 *
 * @param confidences - `[n]`.
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
  checkNumberOf('equalMass', 'bins', bins, 1, MOST_BINS, '');
  checkFinite('equalMass', 'confidences', confidences, 1);
  const sorted = Float64Array.from(confidences).sort();
  return Float64Array.from({ length: bins + 1 }, (_, m) => quantile(sorted, m / bins));
}

export function gap({ confidence, accuracy }: ReliabilityBin): number {
  return confidence === null ? 0 : Math.abs(accuracy! - confidence);
}

export function diagram(
  where: string,
  confidences: ArrayLike<number>,
  correct: readonly boolean[],
  options: CalibrationOptions,
): ReliabilityBin[] {
  const { bins, binning } = resolveOptions(where, options, { bins: 15, binning: equalWidth });
  checkNumberOf(where, 'bins', bins, 1, MOST_BINS, '');
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

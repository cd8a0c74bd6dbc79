import { checkInteger } from './check.js';
import type { NgramPrecision, Smoothing } from './smoothing.js';

/** The weights given, checked; uniform ones if none are. */
export function weightsOf(
  where: string,
  maxN: number,
  given?: readonly number[],
): readonly number[] {
  checkInteger(where, 'maxN', maxN, 1);
  const weights = given ?? new Array<number>(maxN).fill(1 / maxN);
  const sum = weights.reduce((total, weight) => total + weight, 0);
  if (
    weights.length !== maxN ||
    !weights.every((weight) => weight >= 0) ||
    !(Math.abs(sum - 1) <= 1e-6)
  ) {
    throw new RangeError(
      `${where}: weights is [${weights.join(', ')}], expected maxN = ${maxN} numbers >= 0 of sum 1`,
    );
  }
  return weights;
}

/** BLEU from its counts: smoothing, weighted geometric mean, brevity penalty. */
export function scoreBleu(
  where: string,
  {
    precisions,
    length,
    referenceLength,
    weights,
    smoothing,
  }: {
    readonly precisions: readonly NgramPrecision[];
    readonly length: number;
    readonly referenceLength: number;
    readonly weights: readonly number[];
    readonly smoothing: Smoothing;
  },
): number {
  if (precisions[0]!.matches === 0) return 0;
  const smoothed = smoothing(precisions);
  if (smoothed.length !== weights.length || !smoothed.every((p) => p >= 0 && p < Infinity)) {
    throw new RangeError(
      `${where}: smoothing returned [${smoothed.join(', ')}], expected ${weights.length} finite numbers >= 0`,
    );
  }
  let logScore = 0;
  // An order without weight must not matter, and 0 * log 0 is NaN.
  for (const [i, weight] of weights.entries()) {
    if (weight > 0) logScore += weight * Math.log(smoothed[i]!);
  }
  const brevityPenalty = length > referenceLength ? 1 : Math.exp(1 - referenceLength / length);
  return brevityPenalty * Math.exp(logScore);
}

import { checkInteger } from '../check.js';
import type { Token, TokenizeOptions } from '../tokenization/tokens.js';
import type { NgramPrecision, Smoothing } from './smoothing.js';

/** Options of {@link bleu}, {@link corpusBleu} and {@link selfBleu}. */
export interface BleuOptions extends TokenizeOptions {
  /** Longest n-gram that is counted, in tokens. @defaultValue 4 */
  readonly maxN?: number;
  /** `[maxN]`: weight of each order; at least 0, sum 1. @defaultValue uniform, 1 / maxN each */
  readonly weights?: readonly number[];
  /** What becomes of orders without a match. @defaultValue smoothingMethod1, of a corpus smoothingMethod3 */
  readonly smoothing?: Smoothing;
}

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
  smoothing: Smoothing,
  weights: readonly number[],
  precisions: readonly NgramPrecision[],
  length: number,
  referenceLength: number,
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
  return brevityPenalty(length, referenceLength) * Math.exp(logScore);
}

/** What texts shorter than their references are multiplied by. */
export function brevityPenalty(length: number, referenceLength: number): number {
  return length >= referenceLength ? 1 : Math.exp(1 - referenceLength / length);
}

/** The reference length closest to that of the candidate, the shorter one on a tie. */
export function closestLength(length: number, references: readonly ArrayLike<Token>[]): number {
  return references
    .map((reference) => reference.length)
    .sort((a, b) => Math.abs(a - length) - Math.abs(b - length) || a - b)[0]!;
}

/**
 * For n = 1 to `orders`: the candidate's n-grams, and how many of them its references have, each as often as the
 * reference that has it most often. An n-gram is named by the numbers of its first and its last n - 1 tokens.
 */
export function clippedPrecisions(
  candidate: ArrayLike<Token>,
  references: readonly ArrayLike<Token>[],
  orders: number,
): NgramPrecision[] {
  let rows: Token[][] = [candidate, ...references].map((text) => Array.from(text));
  return Array.from({ length: orders }, () => {
    const numbers = new Map<Token, number>();
    const [own, ...others] = rows.map((row) =>
      row.map((name) => {
        if (!numbers.has(name)) numbers.set(name, numbers.size);
        return numbers.get(name)!;
      }),
    );
    const { size } = numbers;
    const largest = new Int32Array(size);
    for (const row of others) {
      const counts = new Int32Array(size);
      for (const id of row) largest[id] = Math.max(largest[id]!, ++counts[id]!);
    }
    rows = [own!, ...others].map((row) => row.slice(1).map((id, t) => row[t]! * size + id));
    return { matches: own!.filter((id) => largest[id]!-- > 0).length, total: own!.length };
  });
}

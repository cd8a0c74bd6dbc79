/** How many n-grams of a candidate occur in its references, for one n. */
export interface NgramPrecision {
  /** N-grams found, each at most as often as in the reference that has it most often. */
  readonly matches: number;
  /** N-grams of the candidate; 1 where it is shorter than n, as in NLTK. */
  readonly total: number;
}

/** Turns the counts for n = 1 to maxN into the precisions that BLEU multiplies. */
export type Smoothing = (precisions: readonly NgramPrecision[]) => readonly number[];

/**
 * No smoothing: one order without a match makes the whole score 0.
 *
 *     p[n] = matches[n] / total[n]
 *
 * Unit: none. Range: [0, 1]. NLTK's `method0` puts the smallest float in place of 0, and so returns a
 * number below 1e-76 where this gives 0. Misleads on short texts, most of which score exactly 0.
 *
 * @param precisions - Counts for n = 1 to maxN.
 * @returns One precision an order.
 * @see Papineni et al. 2002, section 2.3, https://aclanthology.org/P02-1040
 *
 * @example
 * ```ts
 * noSmoothing([{ matches: 3, total: 4 }, { matches: 0, total: 3 }]); // => [0.75, 0]
 * ```
 */
export function noSmoothing(precisions: readonly NgramPrecision[]): number[] {
  return precisions.map(({ matches, total }) => matches / total);
}

/**
 * Smoothing method 1: an order without a match counts as `epsilon` matches.
 *
 *     p[n] = (matches[n] or epsilon) / total[n]
 *
 * Unit: none. Range: (0, 1]. For another epsilon pass `(p) => smoothingMethod1(p, 0.01)`. Misleads on
 * short texts, whose score is then mostly epsilon.
 *
 * @param precisions - Counts for n = 1 to maxN.
 * @param epsilon - What stands in for 0 matches, n-grams; 0.1 as in NLTK.
 * @returns One precision an order.
 * @see Chen and Cherry 2014 (smoothing 1), https://aclanthology.org/W14-3346
 *
 * @example
 * ```ts
 * smoothingMethod1([{ matches: 3, total: 4 }, { matches: 0, total: 2 }]); // => [0.75, 0.05]
 * ```
 */
export function smoothingMethod1(precisions: readonly NgramPrecision[], epsilon = 0.1): number[] {
  return precisions.map(({ matches, total }) => (matches === 0 ? epsilon : matches) / total);
}

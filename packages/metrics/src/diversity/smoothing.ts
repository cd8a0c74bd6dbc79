/** How many n-grams of a candidate occur in its references, for one n. */
export interface NgramPrecision {
  /** N-grams found, each at most as often as in the reference that has it most often. */
  readonly matches: number;
  /** N-grams of the candidate; 1 where it is shorter than n, as in NLTK, but 0 (precision 0) for a corpus without any. */
  readonly total: number;
}

/** Turns the counts for n = 1 to maxN into the precisions that BLEU multiplies. */
export type Smoothing = (precisions: readonly NgramPrecision[]) => readonly number[];

/**
 * No smoothing: one order without a match makes the whole score 0.
 *
 *     p[n] = matches[n] / total[n]
 *
 * Unit: none. Range: [0, 1]. NLTK's `method0` puts the smallest float in place of 0, and so a number below
 * 1e-76 where this gives 0. Misleads on short texts, most of which score exactly 0.
 *
 * @throws RangeError if there is no order, or counts give no precision that is finite and at least 0.
 * @see Papineni et al. 2002, section 2.3, https://aclanthology.org/P02-1040
 *
 * @example
 * ```ts
 * noSmoothing([{ matches: 3, total: 4 }, { matches: 0, total: 3 }]); // => [0.75, 0]
 * ```
 */
export function noSmoothing(precisions: readonly NgramPrecision[]): number[] {
  return checked(
    'noSmoothing',
    precisions.map(({ matches, total }) => total && matches / total),
  );
}

/**
 * Smoothing method 1: an order without a match counts as `epsilon` matches.
 *
 *     p[n] = (matches[n] or epsilon) / total[n]
 *
 * Unit: none. Range: (0, 1]. For another epsilon pass `(p) => smoothingMethod1(p, 0.01)`. Misleads on short
 * texts, whose score is then mostly epsilon.
 *
 * @param epsilon - What stands in for 0 matches, n-grams; 0.1 as in NLTK.
 * @throws As {@link noSmoothing}.
 * @see Chen and Cherry 2014 (smoothing 1), https://aclanthology.org/W14-3346
 *
 * @example
 * ```ts
 * smoothingMethod1([{ matches: 3, total: 4 }, { matches: 0, total: 2 }]); // => [0.75, 0.05]
 * ```
 */
export function smoothingMethod1(precisions: readonly NgramPrecision[], epsilon = 0.1): number[] {
  return checked(
    'smoothingMethod1',
    precisions.map(({ matches, total }) => total && (matches || epsilon) / total),
  );
}

/**
 * Smoothing method 2: one match is added to every order but the first.
 *
 *     p[n] = (matches[n] + 1) / (total[n] + 1),   p[1] = matches[1] / total[1]
 *
 * Unit: none. Range: (0, 1]. Misleads on short texts, which gain most by the added match.
 *
 * @throws As {@link noSmoothing}.
 * @see Lin and Och 2004, https://aclanthology.org/C04-1072
 *
 * @example
 * ```ts
 * smoothingMethod2([{ matches: 3, total: 4 }, { matches: 0, total: 3 }]); // => [0.75, 0.25]
 * ```
 */
export function smoothingMethod2(precisions: readonly NgramPrecision[]): number[] {
  return checked(
    'smoothingMethod2',
    precisions.map(({ matches, total }, i) =>
      i === 0 ? matches / total : (matches + 1) / (total + 1),
    ),
  );
}

/**
 * Smoothing method 3: orders without a match count as 1/2, 1/4, 1/8, ... matches (NIST).
 *
 *     p[n] = (matches[n] or 2^-k) / total[n],   k = 1, 2, ... for each order without a match
 *
 * Unit: none. Range: (0, 1]. Misleads on short texts: a total of 1 leaves 1/2 for no match at all.
 *
 * @throws As {@link noSmoothing}.
 * @see Chen and Cherry 2014 (smoothing 3), https://aclanthology.org/W14-3346
 *
 * @example
 * ```ts
 * smoothingMethod3([{ matches: 1, total: 3 }, { matches: 0, total: 2 }, { matches: 0, total: 1 }]); // => [0.333333, 0.25, 0.25]
 * ```
 */
export function smoothingMethod3(precisions: readonly NgramPrecision[]): number[] {
  return checked('smoothingMethod3', geometric(precisions, 1));
}

/**
 * Smoothing method 4: method 3 with smaller counts for short texts.
 *
 *     p[n] = (matches[n] or log(c) / (5 2^k)) / total[n],   c the candidate's length
 *
 * Unit: none. Range: (0, infinity); counts for texts above 22,000 tokens exceed 1. A candidate of one token
 * leaves orders without a match out of the product, as NLTK does. Misleads across lengths.
 *
 * @throws As {@link noSmoothing}.
 * @see Chen and Cherry 2014 (smoothing 4, K = 5), https://aclanthology.org/W14-3346
 *
 * @example
 * ```ts
 * smoothingMethod4([{ matches: 1, total: 3 }, { matches: 0, total: 2 }]); // => [0.333333, 0.054931]
 * ```
 */
export function smoothingMethod4(precisions: readonly NgramPrecision[]): number[] {
  const smoothed = geometric(precisions, Math.log(precisions[0]?.total ?? 1) / 5);
  // A factor of 1 leaves an order of precision 0 out of the product, as NLTK does.
  return checked(
    'smoothingMethod4',
    smoothed.map((p) => (p === 0 ? 1 : p)),
  );
}

function checked(where: string, precisions: number[]): number[] {
  if (precisions.length === 0 || !precisions.every((p) => p >= 0 && p < Infinity)) {
    throw new RangeError(
      `${where}: precisions gives [${precisions.join(', ')}], expected counts for each n, matches >= 0 and total > 0`,
    );
  }
  return precisions;
}

/** Orders without a match count as `scale / 2^k` matches. */
function geometric(precisions: readonly NgramPrecision[], scale: number): number[] {
  let k = 0;
  return precisions.map(({ matches, total }) => total && (matches || scale / 2 ** ++k) / total);
}

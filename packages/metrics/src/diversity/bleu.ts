import { checkCount, checkOptions } from '../check.js';
import { clippedPrecisions, closestLength, scoreBleu, weightsOf } from './bleu-score.js';
import type { Smoothing } from './smoothing.js';
import { smoothingMethod1 } from './smoothing.js';
import type { Text, TokenizeOptions } from '../tokenization/tokens.js';
import { splitAtWhitespace, toTokenLists, toTokens } from '../tokenization/tokens.js';

/** Options of {@link bleu} and {@link selfBleu}. */
export interface BleuOptions extends TokenizeOptions {
  /** Longest n-gram that is counted, in tokens. @defaultValue 4 */
  readonly maxN?: number;
  /** `[maxN]`: weight of each order; at least 0, sum 1. @defaultValue uniform, 1 / maxN each */
  readonly weights?: readonly number[];
  /** What becomes of orders without a match. @defaultValue smoothingMethod1 */
  readonly smoothing?: Smoothing;
}

/**
 * Sentence BLEU of one candidate against its references, as NLTK's `sentence_bleu` defines it.
 *
 *     BLEU  = BP exp( sum_n weights[n] log p[n] )
 *     p[n]  = sum_g min(count(g), max over references of count(g)) / max(1, n-grams of the candidate)
 *     BP    = 1 if c > r, else exp(1 - r / c)
 *
 * with `c` the candidate's length and `r` the closest reference length (the shorter one on a tie). It is
 * 0 without a single common token. Unit: none. Range: [0, 1]; 1 if the candidate is a reference of at
 * least maxN tokens. Misleads as a corpus score (that pools counts before dividing: {@link corpusBleu}), across
 * tokenizers, and on texts shorter than maxN, which cannot reach 1. NLTK's own default is
 * {@link noSmoothing}.
 *
 * @param candidate - A string or its tokens.
 * @param references - At least one string or token list.
 * @returns The score.
 * @throws RangeError if there is no reference, a token is not a string or a finite number, or an option
 *   is out of range; TypeError if a text is neither a string nor a list.
 * @see Papineni et al. 2002, section 2.3, https://aclanthology.org/P02-1040
 *
 * @example
 * ```ts
 * bleu('the cat sat on the mat', ['the cat sat on a mat', 'a cat on the mat']); // => 0.6756
 * ```
 */
export function bleu(
  candidate: Text,
  references: readonly Text[],
  options: BleuOptions = {},
): number {
  const {
    maxN = 4,
    weights: given,
    tokenize = splitAtWhitespace,
  } = checkOptions('bleu', options, ['maxN', 'weights', 'smoothing', 'tokenize']);
  const smoothing: Smoothing = options.smoothing ?? smoothingMethod1;
  const weights = weightsOf('bleu', maxN, given);
  const tokens = toTokens('bleu', 'candidate', candidate, tokenize);
  const others = toTokenLists('bleu', 'references', references, tokenize);
  checkCount('bleu', 'references', others.length, 1);
  const precisions = clippedPrecisions(tokens, others, maxN + (smoothing.looksAhead ? 1 : 0)).map(
    ({ matches, total }) => ({ matches, total: Math.max(1, total) }),
  );
  const length = tokens.length;
  const referenceLength = closestLength(length, others);
  return scoreBleu('bleu', { precisions, length, referenceLength, weights, smoothing });
}

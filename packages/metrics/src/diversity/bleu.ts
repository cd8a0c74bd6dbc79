import { checkCount, resolveOptions } from '../check.js';
import { splitAtWhitespace, type Text, toTokenLists, toTokens } from '../tokenization/tokens.js';
import { clippedPrecisions, closestLength, scoreBleu, weightsOf } from './bleu-score.js';
import type { BleuOptions } from './bleu-score.js';
import { smoothingMethod1 } from './smoothing.js';

/**
 * Sentence BLEU of one candidate against its references, as NLTK's `sentence_bleu` defines it.
 *
 *     BLEU  = BP exp( sum_n weights[n] log p[n] )
 *     p[n]  = sum_g min(count(g), max over references of count(g)) / max(1, n-grams of the candidate)
 *     BP    = 1 if c > r, else exp(1 - r / c)
 *
 * with `c` the candidate's length and `r` the closest reference length (the shorter one on a tie). It is 0
 * without a single common token. NLTK's own default is {@link noSmoothing}. Unit: none. Range: [0, 1]; 1 if the
 * candidate is a reference of at least maxN tokens. Misleads as a corpus score (that pools counts before
 * dividing: {@link corpusBleu}), across tokenizers, and on texts shorter than maxN, which cannot reach 1.
 *
 * @param references - At least one string or token list.
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
  const { maxN, smoothing, tokenize, ...given } = resolveOptions('bleu', options, {
    maxN: 4,
    weights: undefined,
    smoothing: smoothingMethod1,
    tokenize: splitAtWhitespace,
  });
  const weights = weightsOf('bleu', maxN, given.weights);
  const tokens = toTokens('bleu', 'candidate', candidate, tokenize);
  const others = toTokenLists('bleu', 'references', references, tokenize);
  checkCount('bleu', 'references', others.length, 1);
  const precisions = clippedPrecisions(tokens, others, maxN).map(({ matches, total }) => ({
    matches,
    total: Math.max(1, total),
  }));
  const { length } = tokens;
  return scoreBleu('bleu', smoothing, weights, precisions, length, closestLength(length, others));
}

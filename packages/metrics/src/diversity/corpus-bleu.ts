import { checkCount, checkSameLength, resolveOptions } from '../check.js';
import { mtevalTokens } from '../tokenization/tokenizers.js';
import { type Text, toTokenLists } from '../tokenization/tokens.js';
import {
  brevityPenalty,
  clippedPrecisions,
  closestLength,
  scoreBleu,
  weightsOf,
} from './bleu-score.js';
import type { BleuOptions } from './bleu-score.js';
import { smoothingMethod3 } from './smoothing.js';

/** What {@link corpusBleu} returns. */
export interface CorpusBleu {
  /** The score, in [0, 1]. */
  readonly bleu: number;
  /** `[maxN]`: matches of all candidates divided by their n-grams, before smoothing; `null` where they have none. */
  readonly precisions: readonly (number | null)[];
  /** What the score was multiplied by for candidates that are shorter than their references. */
  readonly brevityPenalty: number;
  /** Tokens of all candidates. */
  readonly length: number;
  /** Tokens of the references that were closest in length. */
  readonly referenceLength: number;
}

/**
 * BLEU of a corpus, as sacreBLEU defines it: counts are summed over all candidates before anything is divided.
 *
 *     BLEU = BP exp( sum_n weights[n] log p[n] )
 *     p[n] = sum_i matches[i, n] / sum_i total[i, n],   smoothed
 *     BP   = 1 if c >= r, else exp(1 - r / c),   c = sum_i c[i],   r = sum_i r[i]
 *
 * with `r[i]` the reference length closest to that of candidate i (the shorter one on a tie). The defaults are
 * sacreBLEU's: tokens of `13a`, smoothing `exp`, which is {@link smoothingMethod3}. Its other tokenizers are
 * {@link intlTokens} and {@link splitCharacters}; its other smoothings are {@link smoothingMethod1} (`floor`),
 * {@link smoothingMethod2} (`add-k`) and {@link noSmoothing} (`none`). It is 0 if no candidate has an n-gram of
 * some order (but under `add-k`). Unit: none. Range: [0, 1], where sacreBLEU prints percents. Misleads across
 * tokenizers, and next to the mean of {@link bleu} over sentences, which is another number.
 *
 * @param candidates - `[n]`, strings or token lists; white space at the end of a string is left out.
 * @param references - `[n][at least 1]`: those of each candidate, in the same order.
 * @throws As {@link bleu}, and RangeError if there is no candidate or one has no reference.
 * @see Post 2018 (sacreBLEU), https://aclanthology.org/W18-6319; Papineni et al. 2002, section 2.3, https://aclanthology.org/P02-1040
 *
 * @example
 * ```ts
 * const { bleu, precisions } = corpusBleu(
 *   ['the cat sat on the mat.', 'so it is'],
 *   [['the cat sat on a mat.', 'a cat on the mat.'], ['so it is 12']],
 * );
 * bleu; // => 0.708074
 * precisions; // => [0.9, 1, 0.833333, 0.5]
 * ```
 */
export function corpusBleu(
  candidates: readonly Text[],
  references: readonly (readonly Text[])[],
  options: BleuOptions = {},
): CorpusBleu {
  const where = 'corpusBleu';
  const { maxN, smoothing, tokenize, ...given } = resolveOptions(where, options, {
    maxN: 4,
    weights: undefined,
    smoothing: smoothingMethod3,
    tokenize: mtevalTokens,
  });
  const weights = weightsOf(where, maxN, given.weights);
  const trimmed = (text: string): ArrayLike<string | number> => tokenize(text.trimEnd());
  const texts = toTokenLists(where, 'candidates', candidates, trimmed);
  checkCount(where, 'candidates', texts.length, 1);
  checkSameLength(where, ['candidates', texts], ['references', references]);
  const precisions = Array.from({ length: maxN }, () => ({ matches: 0, total: 0 }));
  let [length, referenceLength] = [0, 0];
  for (const [i, text] of texts.entries()) {
    const others = toTokenLists(where, `references[${i}]`, references[i]!, trimmed);
    checkCount(where, `references[${i}]`, others.length, 1);
    length += text.length;
    referenceLength += closestLength(text.length, others);
    for (const [n, { matches, total }] of clippedPrecisions(text, others, maxN).entries()) {
      precisions[n]!.matches += matches;
      precisions[n]!.total += total;
    }
  }
  return {
    bleu: scoreBleu(where, smoothing, weights, precisions, length, referenceLength),
    precisions: precisions.map(({ matches, total }) => (total === 0 ? null : matches / total)),
    brevityPenalty: brevityPenalty(length, referenceLength),
    length,
    referenceLength,
  };
}

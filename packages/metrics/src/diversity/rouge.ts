import { resolveOptions } from '../check.js';
import { rougeTokens } from '../tokenization/tokenizers.js';
import { type Text, type TokenizeOptions, toTokenLists } from '../tokenization/tokens.js';
import { commonSubsequence } from './bit-parallel.js';
import { atLeastTwo, forEachPair, onePair } from './pairs.js';

/** What {@link selfRougeL} returns. */
export interface SelfSimilarity {
  /** Mean of `perSample`. */
  readonly mean: number;
  /** `[n]`: each text's score against the one of the others that it is most like. */
  readonly perSample: readonly number[];
  /** Mean over all ordered pairs of different texts. */
  readonly pairwise: number;
}

/**
 * ROUGE-L of a candidate against a reference: their longest common subsequence, as an F1.
 *
 *     F = 2 P R / (P + R),   P = LCS / |candidate|,   R = LCS / |reference|
 *
 * Unit: none. Range: [0, 1]; symmetric. The default tokens are {@link rougeTokens}: rouge-score without
 * stemming. Misleads as a judge of facts: one word can change the meaning.
 *
 * @returns The F1.
 * @throws As {@link editDistance}.
 * @see Lin 2004, section 3, https://aclanthology.org/W04-1013
 *
 * @example
 * ```ts
 * rougeL('the cat sat', 'The cat ran, and sat.'); // => 0.75
 * ```
 */
export function rougeL(candidate: Text, reference: Text, options: TokenizeOptions = {}): number {
  const { tokenize } = resolveOptions('rougeL', options, { tokenize: rougeTokens });
  const lists = toTokenLists('rougeL', 'texts', [candidate, reference], tokenize);
  return fMeasure(onePair(commonSubsequence, lists), lists[0]!.length, lists[1]!.length);
}

/**
 * Self-ROUGE-L: how alike texts are, each scored by {@link rougeL} against the one that it is most like.
 *
 *     selfRougeL = (1 / n) sum_i max over j != i of ROUGE-L(i, j);   pairwise = mean over i != j
 *
 * Quadratic in the texts. Unit: none. Range: [0, 1]; higher is less diverse. Misleads across set sizes: the
 * best of more others is higher; `pairwise` is not affected.
 *
 * @param texts - `[n]`, `n >= 2`: strings or token lists.
 * @throws As {@link editDistance}, and RangeError if there are fewer than two texts.
 * @see Lin 2004, section 3 (several references: the best), https://aclanthology.org/W04-1013
 *
 * @example
 * ```ts
 * selfRougeL(['a b c', 'a b c', 'x b y z']); // => { mean: 0.761905, perSample: [1, 1, 0.285714], pairwise: 0.52381 }
 * ```
 */
export function selfRougeL(texts: readonly Text[], options: TokenizeOptions = {}): SelfSimilarity {
  const { tokenize } = resolveOptions('selfRougeL', options, { tokenize: rougeTokens });
  const lists = atLeastTwo('selfRougeL', texts, tokenize);
  const best = new Array<number>(lists.length).fill(0);
  let sum = 0;
  forEachPair(lists, commonSubsequence, (common, a, b, i, j) => {
    const score = fMeasure(common, a, b);
    best[i] = Math.max(best[i]!, score);
    best[j] = Math.max(best[j]!, score);
    sum += 2 * score;
  });
  const n = best.length;
  const mean = best.reduce((total, score) => total + score, 0) / n;
  return { mean, perSample: best, pairwise: sum / (n * (n - 1)) };
}

function fMeasure(common: number, a: number, b: number): number {
  return common === 0 ? 0 : (2 * common) / (a + b);
}

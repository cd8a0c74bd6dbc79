import { resolveOptions } from '../check.js';
import { splitAtWhitespace, toTokenLists } from '../tokenization/tokens.js';
import type { Text, TokenizeOptions } from '../tokenization/tokens.js';
import { levenshtein } from './bit-parallel.js';
import { atLeastTwo, forEachPair, onePair } from './pairs.js';

/**
 * Edit distance: the fewest insertions, deletions and substitutions of tokens from one text to the other.
 *
 *     d(a, b) = Levenshtein distance of token lists
 *
 * Unit: tokens. Range: [0, max(|a|, |b|)]. For characters pass `{ tokenize: splitCharacters }`. Misleads on
 * moved blocks, which cost twice their length.
 *
 * @throws RangeError if a token is not a string or a finite number; TypeError if a text is neither string nor
 *   list.
 * @see Levenshtein 1966; computed as Myers 1999, https://doi.org/10.1145/316542.316550
 *
 * @example
 * ```ts
 * editDistance('so it is 12', 'so is 13'); // => 2
 * ```
 */
export function editDistance(a: Text, b: Text, options: TokenizeOptions = {}): number {
  const { tokenize } = resolveOptions('editDistance', options, { tokenize: splitAtWhitespace });
  return onePair(levenshtein, toTokenLists('editDistance', 'texts', [a, b], tokenize));
}

/**
 * Edit diversity: mean edit distance of all pairs, each as a share of the longer text.
 *
 *     editDiversity = mean over pairs i < j of d(i, j) / max(|i|, |j|)
 *
 * Quadratic in the texts. Unit: none. Range: [0, 1]; 0 when all are equal. Misleads on paraphrases, which count
 * as different, and on very unequal lengths, which count as diverse.
 *
 * @param texts - `[n]`, `n >= 2`: strings or token lists.
 * @throws As {@link editDistance}, and RangeError if there are fewer than two texts.
 * @see Levenshtein 1966; as a diversity: Alihosseini et al. 2019, https://aclanthology.org/W19-2311
 *
 * @example
 * ```ts
 * editDiversity(['a b', 'a c', 'a b']); // => 0.333333
 * ```
 */
export function editDiversity(texts: readonly Text[], options: TokenizeOptions = {}): number {
  const { tokenize } = resolveOptions('editDiversity', options, { tokenize: splitAtWhitespace });
  const lists = atLeastTwo('editDiversity', texts, tokenize);
  let sum = 0;
  forEachPair(lists, levenshtein, (distance, a, b) => {
    sum += distance === 0 ? 0 : distance / Math.max(a, b);
  });
  return sum / ((lists.length * (lists.length - 1)) / 2);
}

import { checkInteger, resolveOptions } from '../check.js';
import { ngramsOf, numberTokens } from '../tokenization/n-grams.js';
import { splitAtWhitespace, type Text, type TokenizeOptions } from '../tokenization/tokens.js';
import { atLeastTwo } from './pairs.js';

/**
 * Jaccard diversity: one less the mean overlap of the pairs' sets of n-grams.
 *
 *     jaccardDiversity = 1 - mean over pairs i < j of |S_i and S_j| / |S_i or S_j|
 *
 * Quadratic in the texts. Unit: none. Range: [0, 1]; texts without n-grams count as equal. Misleads in that
 * order and repetition beyond n tokens do not matter.
 *
 * @param texts - `[n]`, `n >= 2`: strings or token lists.
 * @param n - Length of the n-grams, tokens.
 * @throws As {@link editDiversity}, and RangeError if `n` is not a positive integer.
 * @see Jaccard 1912, https://doi.org/10.1111/j.1469-8137.1912.tb05611.x
 *
 * @example
 * ```ts
 * jaccardDiversity(['a b c', 'a b d'], 1); // => 0.5
 * ```
 */
export function jaccardDiversity(
  texts: readonly Text[],
  n: number,
  options: TokenizeOptions = {},
): number {
  const { tokenize } = resolveOptions('jaccardDiversity', options, { tokenize: splitAtWhitespace });
  checkInteger('jaccardDiversity', 'n', n, 1);
  const lists = atLeastTwo('jaccardDiversity', texts, tokenize);
  const corpus = numberTokens(lists);
  const { ids, size } = ngramsOf(corpus, n);
  const sets = lists.map((_, i) =>
    Int32Array.from(new Set(ids.subarray(corpus.starts[i]!, corpus.starts[i + 1]!))).filter(
      (id) => id >= 0,
    ),
  );
  // Which text an n-gram was last marked for, plus 1.
  const marks = new Int32Array(size);
  let similarity = 0;
  sets.forEach((set, i) => {
    for (const id of set) marks[id] = i + 1;
    for (let j = 0; j < i; j++) {
      let both = 0;
      for (const id of sets[j]!) if (marks[id] === i + 1) both++;
      const either = set.length + sets[j]!.length - both;
      similarity += either === 0 ? 1 : both / either;
    }
  });
  return Math.max(0, 1 - similarity / ((sets.length * (sets.length - 1)) / 2));
}

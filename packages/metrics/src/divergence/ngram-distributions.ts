import { checkCount, checkInteger, resolveOptions } from '../check.js';
import { ngramsOf, numberTokens } from '../tokenization/n-grams.js';
import { splitAtWhitespace, toTokenLists } from '../tokenization/tokens.js';
import type { Text, TokenizeOptions } from '../tokenization/tokens.js';

/**
 * How often each n-gram occurs in each of several runs, as distributions over the same n-grams.
 *
 *     p[run][g] = count(g in run) / (n-grams of the run)
 *
 * For {@link jensenShannonDivergence} and the others. Unit: probability. Range: [0, 1]. Misleads as the
 * distribution of what a policy says: rare n-grams are missing.
 *
 * @param runs - `[runs][samples]`: strings or token lists.
 * @param n - Length of the n-grams, tokens.
 * @returns `[runs][V]`: V is the number of different n-grams in all runs.
 * @throws RangeError if a run has no n-gram, `n` is not a positive integer, or a token is not a string or a
 *   finite number; TypeError if a sample is neither a string nor a list.
 * @see Zhao et al. 2017, https://arxiv.org/abs/1703.10960
 *
 * @example
 * ```ts
 * const [before, after] = ngramDistributions([['a b', 'a c'], ['a c', 'a c']], 1);
 * totalVariation(before!, after!); // => 0.25
 * ```
 */
export function ngramDistributions(
  runs: readonly (readonly Text[])[],
  n: number,
  options: TokenizeOptions = {},
): Float64Array[] {
  const { tokenize } = resolveOptions('ngramDistributions', options, {
    tokenize: splitAtWhitespace,
  });
  checkInteger('ngramDistributions', 'n', n, 1);
  const lists = runs.map((run, i) =>
    toTokenLists('ngramDistributions', `runs[${i}]`, run, tokenize),
  );
  const corpus = numberTokens(lists.flat());
  const { ids, size } = ngramsOf(corpus, n);
  let first = 0;
  return lists.map((texts, i) => {
    const counts = new Float64Array(size);
    let total = 0;
    const end = corpus.starts[first + texts.length]!;
    for (let t = corpus.starts[first]!; t < end; t++) {
      if (ids[t]! < 0) continue;
      counts[ids[t]!]!++;
      total++;
    }
    first += texts.length;
    checkCount('ngramDistributions', `${n}-grams of runs[${i}]`, total, 1);
    return counts.map((count) => count / total);
  });
}

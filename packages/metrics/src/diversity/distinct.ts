import { checkCount, checkInteger, resolveOptions } from '../check.js';
import { ngramSpectrum, type Spectrum } from '../tokenization/n-gram-spectrum.js';
import { splitAtWhitespace, toTokenLists } from '../tokenization/tokens.js';
import type { Text, Tokenize, TokenizeOptions } from '../tokenization/tokens.js';

/**
 * Distinct-n: the share of n-grams that are different, over all samples together.
 *
 *     distinctN = |set of n-grams of all samples| / (number of n-grams of all samples)
 *
 * Unit: none. Range: (0, 1]; lower is less diverse. Misleads across amounts of text, since it falls as samples
 * grow in number or length: compare equal token counts, or see {@link adjustedDistinct}. It does not tell
 * repetition within a sample from likeness between samples.
 *
 * @param samples - At least one string or token list.
 * @param n - Length of the n-grams, tokens.
 * @throws RangeError if no sample has n tokens, `n` is not a positive integer, or a token is not a string or a
 *   finite number; TypeError if a sample is neither a string nor a list.
 * @see Li et al. 2016 (distinct-1, distinct-2), https://arxiv.org/abs/1510.03055
 *
 * @example
 * ```ts
 * distinctN(['a b a b', 'a b'], 2); // => 0.5
 * ```
 */
export function distinctN(
  samples: readonly Text[],
  n: number,
  options: TokenizeOptions = {},
): number {
  const { tokenize } = resolveOptions('distinctN', options, { tokenize: splitAtWhitespace });
  const { spectrum, total } = checkedSpectrum('distinctN', samples, n, tokenize);
  return different(spectrum) / total;
}

/**
 * Expectation-adjusted distinct-n: distinct n-grams over what a uniform source of `V` would give.
 *
 *     adjusted = distinct / ( V (1 - ((V - 1) / V)^C) )   with C n-grams in all
 *
 * Unit: none. Range: (0, infinity), near 1 for uniform draws. Misleads by its `V`: state it. Language is not
 * uniform.
 *
 * @param samples - At least one string or token list.
 * @param n - Length of the n-grams, tokens.
 * @param vocabSize - `V`: how many different n-grams there could be.
 * @throws As {@link distinctN}, and RangeError if `vocabSize` is not a positive integer.
 * @see Liu et al. 2022, https://arxiv.org/abs/2202.13587
 *
 * @example
 * ```ts
 * adjustedDistinct(['a b a b'], 1, 2); // => 1.066667
 * ```
 */
export function adjustedDistinct(
  samples: readonly Text[],
  n: number,
  vocabSize: number,
  { tokenize = splitAtWhitespace }: TokenizeOptions = {},
): number {
  checkInteger('adjustedDistinct', 'vocabSize', vocabSize, 1);
  const { spectrum, total } = checkedSpectrum('adjustedDistinct', samples, n, tokenize);
  // V (1 - (1 - 1/V)^C) without cancellation for large V.
  return different(spectrum) / (-vocabSize * Math.expm1(total * Math.log1p(-1 / vocabSize)));
}

/**
 * Entropy of the n-grams of all samples.
 *
 *     H = - sum_g p[g] log p[g],   p[g] = count(g) / (number of n-grams)
 *
 * Unit: nats. Range: [0, log(number of n-grams)]; lower is less diverse. Misleads with few tokens, where it is
 * too low, and across amounts of text.
 *
 * @param samples - At least one string or token list.
 * @param n - Length of the n-grams, tokens.
 * @throws As {@link distinctN}.
 * @see Zhang et al. 2018 (Ent-n), https://arxiv.org/abs/1809.05972
 *
 * @example
 * ```ts
 * ngramEntropy(['a b', 'a c'], 1); // => 1.039721
 * ```
 */
export function ngramEntropy(
  samples: readonly Text[],
  n: number,
  options: TokenizeOptions = {},
): number {
  const { tokenize } = resolveOptions('ngramEntropy', options, { tokenize: splitAtWhitespace });
  const { spectrum, total } = checkedSpectrum('ngramEntropy', samples, n, tokenize);
  let sum = 0;
  for (const [count, ngrams] of spectrum) sum += ngrams * count * Math.log(count);
  return Math.max(0, Math.log(total) - sum / total);
}

/**
 * The share of samples that are different as a whole.
 *
 *     uniqueRatio = |set of samples| / n
 *
 * Unit: none. Range: [1 / n, 1]; lower is less diverse. Strings are compared by characters, token lists by
 * tokens. Misleads on long samples, which differ by one comma and count as two, and across n.
 *
 * @param samples - `[n]`, at least one string or token list.
 * @throws RangeError if there is no sample or a token is not a string or a finite number; TypeError if a
 *   sample is neither a string nor a list.
 * @see Kirk et al. 2024 (diversity after RLHF), https://arxiv.org/abs/2310.06452
 *
 * @example
 * ```ts
 * uniqueRatio(['42', '42', '7', '42']); // => 0.5
 * ```
 */
export function uniqueRatio(samples: readonly Text[]): number {
  const lists = toTokenLists('uniqueRatio', 'samples', samples, (text) => [text]);
  checkCount('uniqueRatio', 'samples', lists.length, 1);
  // JSON is one-to-one on strings and on lists of strings and finite numbers, and tells the two apart.
  const keys = lists.map((list, i) =>
    JSON.stringify(typeof samples[i] === 'string' ? samples[i] : Array.from(list)),
  );
  return new Set(keys).size / keys.length;
}

/** How many n-grams occur how often in all samples together, and how many there are: at least one. */
function checkedSpectrum(
  where: string,
  samples: readonly Text[],
  n: number,
  tokenize: Tokenize,
): { spectrum: Spectrum; total: number } {
  checkInteger(where, 'n', n, 1);
  const tokens = toTokenLists(where, 'samples', samples, tokenize);
  let [total, length] = [0, 0];
  for (const text of tokens) {
    total += Math.max(0, text.length - n + 1);
    length += text.length;
  }
  if (total === 0) {
    throw new RangeError(
      `${where}: samples has no ${n}-gram, expected at least one sample of ${n} tokens; lower n`,
    );
  }
  return { spectrum: ngramSpectrum(tokens, n, length), total };
}

function different(spectrum: Spectrum): number {
  let size = 0;
  for (const ngrams of spectrum.values()) size += ngrams;
  return size;
}

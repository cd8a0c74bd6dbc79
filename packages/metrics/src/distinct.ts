import { checkCount, checkInteger } from './check.js';
import { ngramOrders } from './n-grams.js';
import type { Text, TokenizeOptions } from './tokens.js';
import { splitAtWhitespace, toTokenLists } from './tokens.js';

/**
 * Distinct-n: the share of n-grams that are different, over all samples together.
 *
 *     distinctN = |set of n-grams of all samples| / (number of n-grams of all samples)
 *
 * Unit: none. Range: (0, 1]; lower is less diverse. Misleads across amounts of text, since it falls as
 * samples grow in number or length: compare equal token counts. It does not tell repetition within a
 * sample from likeness between samples.
 *
 * @param samples - At least one string or token list.
 * @param n - Length of the n-grams, tokens.
 * @returns The ratio.
 * @throws RangeError if no sample has n tokens, `n` is not a positive integer, or a token is not a string
 *   or a finite number; TypeError if a sample is neither a string nor a list.
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
  { tokenize = splitAtWhitespace }: TokenizeOptions = {},
): number {
  checkInteger('distinctN', 'n', n, 1);
  const tokens = toTokenLists('distinctN', 'samples', samples, tokenize);
  const { ids, size } = ngramOrders(tokens, n)[n - 1]!;
  if (size === 0) {
    throw new RangeError(
      `distinctN: samples has no ${n}-gram, expected at least one sample of ${n} tokens; lower n`,
    );
  }
  return size / ids.reduce((total, text) => total + text.length, 0);
}

/**
 * The share of samples that are different as a whole.
 *
 *     uniqueRatio = |set of samples| / n
 *
 * Unit: none. Range: [1 / n, 1]; lower is less diverse. Strings are compared character by character,
 * token lists token by token. Misleads on long samples, which differ by one comma and count as two, and
 * across n.
 *
 * @param samples - `[n]`, at least one string or token list.
 * @returns The ratio.
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

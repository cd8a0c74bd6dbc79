import { checkInteger, resolveOptions } from '../check.js';
import { ngramsOf, numberTokens } from '../tokenization/n-grams.js';
import { splitAtWhitespace, toTokens } from '../tokenization/tokens.js';
import type { Text, TokenizeOptions } from '../tokenization/tokens.js';

/** What {@link trailingLoop} returns. */
export interface Loop {
  /** Tokens of one turn; 0 without a loop. */
  readonly period: number;
  /** How often it is there, the last turn perhaps in part; 0 without a loop. */
  readonly turns: number;
  /** Tokens at the end of the text that belong to the loop; 0 without one. */
  readonly length: number;
}

/**
 * rep-n: the share of a text's n-grams that repeat earlier ones.
 *
 *     repN = 1 - |set of n-grams| / (number of n-grams)
 *
 * Unit: none. Range: [0, 1); 0 for a text below n tokens. Misleads across lengths: long texts repeat more.
 *
 * @param n - Length of the n-grams, tokens.
 * @throws RangeError if `n` is not a positive integer, otherwise as {@link trailingLoop}.
 * @see Welleck et al. 2020 (seq-rep-n), https://arxiv.org/abs/1908.04319
 *
 * @example
 * ```ts
 * repetitionRate('no no no no', 1); // => 0.75
 * ```
 */
export function repetitionRate(text: Text, n: number, options: TokenizeOptions = {}): number {
  const { tokenize } = resolveOptions('repetitionRate', options, { tokenize: splitAtWhitespace });
  checkInteger('repetitionRate', 'n', n, 1);
  const tokens = toTokens('repetitionRate', 'text', text, tokenize);
  const total = tokens.length - n + 1;
  return total < 1 ? 0 : 1 - ngramsOf(numberTokens([tokens]), n).size / total;
}

/**
 * The loop that a text ends in, if it ends in one: the longest end that repeats itself.
 *
 *     length = the largest L whose last L tokens have a period p <= L / 2,   turns = L / p
 *
 * Linear in the tokens. Unit: tokens. Range: [0, T]. Misleads on what repeats rightly, such as a list of equal
 * digits, and on a word that happens to come twice: look at `length` too.
 *
 * @returns Period, turns and length.
 * @throws RangeError if a token is not a string or a finite number; TypeError if `text` is neither string nor
 *   list.
 * @see Holtzman et al. 2020 (degenerate loops), https://arxiv.org/abs/1904.09751
 *
 * @example
 * ```ts
 * trailingLoop('well I think I think I think'); // => { period: 2, turns: 3, length: 6 }
 * ```
 */
export function trailingLoop(text: Text, options: TokenizeOptions = {}): Loop {
  const { tokenize } = resolveOptions('trailingLoop', options, { tokenize: splitAtWhitespace });
  const tokens = toTokens('trailingLoop', 'text', text, tokenize);
  const ids = numberTokens([tokens]).ids.reverse();
  // Knuth, Morris and Pratt: border[L] is the longest proper prefix of the first L that also ends them.
  const border = new Int32Array(ids.length + 1);
  let best: Loop = { period: 0, turns: 0, length: 0 };
  for (let length = 2, k = 0; length <= ids.length; length++) {
    while (k > 0 && ids[k] !== ids[length - 1]) k = border[k]!;
    if (ids[k] === ids[length - 1]) k++;
    border[length] = k;
    const period = length - k;
    if (2 * period <= length) best = { period, turns: length / period, length };
  }
  return best;
}

import { checkPositiveInteger, checkTokens } from '@cfrl/engine';

import type { PretrainedTokenizer } from './pretrained.js';
import type { EncodeOptions } from './types.js';

/** Options of {@link padTokens}. */
export interface PadOptions {
  /** Fills rows up. */
  readonly padToken: number;
  /** The side that is filled. @defaultValue 'right' */
  readonly side?: 'left' | 'right';
  /** Rows get at least this long. @defaultValue the longest row */
  readonly length?: number;
  /** Rows get a multiple of this long. @defaultValue 1 */
  readonly multipleOf?: number;
}

/** Rows of one length. */
export interface PaddedTokens {
  /** `[B, T]` */
  readonly tokens: number[][];
  /** `[B, T]`, 1 for tokens and 0 for padding. */
  readonly attentionMask: number[][];
}

/**
 * Pads rows of tokens to one length.
 *
 * @param rows - tokens, one row a text
 * @returns the rows, and which of their entries are tokens
 * @throws RangeError if a length is no positive integer
 *
 * @example
 * ```ts
 * padTokens([[5, 6, 7], [8]], { padToken: 0, side: 'left' }).tokens; // => [[5, 6, 7], [0, 0, 8]]
 * ```
 */
export function padTokens(
  rows: readonly (readonly number[])[],
  { padToken, side = 'right', length = 1, multipleOf = 1 }: PadOptions,
): PaddedTokens {
  checkPositiveInteger('padTokens: length', length);
  checkPositiveInteger('padTokens: multipleOf', multipleOf);
  checkTokens('padTokens: padToken', [padToken]);
  rows.forEach((row: unknown, i) => {
    if (!Array.isArray(row)) {
      throw new TypeError(`padTokens: rows[${i}] is ${typeof row}, expected a list of tokens`);
    }
    checkTokens(`padTokens: rows[${i}]`, row as readonly number[]);
  });
  const longest = Math.max(length, ...rows.map((row) => row.length));
  const time = Math.ceil(longest / multipleOf) * multipleOf;
  const fill = (row: readonly number[], filler: number): number[] => {
    const padding = new Array<number>(time - row.length).fill(filler);
    return side === 'left' ? [...padding, ...row] : [...row, ...padding];
  };
  return {
    tokens: rows.map((row) => fill(row, padToken)),
    attentionMask: rows.map((row) => fill(new Array<number>(row.length).fill(1), 0)),
  };
}

/** Options of {@link encodeBatch}. */
export interface BatchOptions extends EncodeOptions, Omit<PadOptions, 'padToken'> {
  /** Cuts texts that have more tokens, those that are added included. @defaultValue nothing is cut */
  readonly maxLength?: number;
  /** The side that is cut. @defaultValue 'right' */
  readonly truncationSide?: 'left' | 'right';
}

/**
 * Encodes texts to rows of one length, as transformers does with `padding=True`.
 *
 * @param tokenizer - its `paddingSide` is the default side
 * @param texts - one a row
 * @returns the rows, and which of their entries are tokens
 * @throws RangeError as `encode`, or if `maxLength` has no room for the tokens that are added
 *
 * @example
 * ```ts
 * const vocab = { a: 0, b: 1, '</s>': 2 };
 * const tokenizer = tokenizerFromFiles({
 *   tokenizer: { model: { type: 'BPE', vocab, merges: [] } },
 *   config: { eos_token: '</s>', padding_side: 'left' },
 * });
 * encodeBatch(tokenizer, ['abba', 'b'], { maxLength: 3 }).tokens; // => [[0, 1, 1], [2, 2, 1]]
 * ```
 */
export function encodeBatch(
  tokenizer: PretrainedTokenizer,
  texts: readonly string[],
  options: BatchOptions = {},
): PaddedTokens {
  const { maxLength, truncationSide = 'right', side = tokenizer.paddingSide } = options;
  const rows = texts.map((text) => {
    const row = tokenizer.encode(text, options);
    if (maxLength === undefined || row.length <= maxLength) return row;
    return truncate(tokenizer, text, row, options, maxLength, truncationSide);
  });
  return padTokens(rows, { ...options, side, padToken: tokenizer.padToken });
}

/** Cuts a text's own tokens, and leaves those that are added. */
function truncate(
  tokenizer: PretrainedTokenizer,
  text: string,
  whole: readonly number[],
  options: EncodeOptions,
  maxLength: number,
  side: 'left' | 'right',
): number[] {
  checkPositiveInteger('encodeBatch: maxLength', maxLength);
  const bare = tokenizer.encode(text, { ...options, addSpecialTokens: false });
  const added = whole.length - bare.length;
  const room = maxLength - added;
  if (room < 0) {
    throw new RangeError(
      `encodeBatch: maxLength is ${maxLength}, expected at least the ${added} tokens that are added`,
    );
  }
  const start = startOf(whole, bare);
  const kept = side === 'right' ? bare.slice(0, room) : bare.slice(bare.length - room);
  return [...whole.slice(0, start), ...kept, ...whole.slice(start + bare.length)];
}

/** Where the text's own tokens begin. */
function startOf(whole: readonly number[], bare: readonly number[]): number {
  for (let start = 0; start + bare.length <= whole.length; start++) {
    if (bare.every((token, i) => whole[start + i] === token)) return start;
  }
  throw new RangeError('encodeBatch: the text has other tokens with special ones than without');
}

import { bucket, checkTokens } from '@cfrl/engine';
import * as tf from '@tensorflow/tfjs-core';

import type { Policy, TokenBatch } from '../types.js';

/** What padding needs to know of a completion: the prompt's tokens and its own, at least one of each. */
export interface TokenSequence {
  /** `[Tp]` */
  readonly promptTokens: readonly number[];
  /** `[L]` */
  readonly tokens: readonly number[];
}

/**
 * Where the completions lie in padded tensors. Sequences are right-padded, so a causal policy sees
 * the same prefix as without padding. Column `t` of the input predicts the token of column `t + 1`;
 * the window leaves out the columns in which every row still predicts its prompt.
 */
export interface Layout {
  /** First column of the window: the shortest prompt's last token. */
  readonly start: number;
  /** `T`, columns of the window. */
  readonly width: number;
  /** `[B]`, the column of the window that predicts the row's first completion token. */
  readonly offsets: readonly number[];
  /** `[B]`, completion tokens. */
  readonly lengths: readonly number[];
}

/** Tokens with what follows them. A type, since compiled functions take no interfaces. */
type Targets = TokenBatch & {
  /** `[B, T]`, int32, over the window: the token that follows; 0 where `mask` is false. */
  readonly targets: tf.Tensor2D;
  /** `[B, T]`, bool, over the window: true where the token that follows is the completion's. */
  readonly mask: tf.Tensor2D;
};

/** Completions as tensors, and the window's first column and width: all that computing with them needs. */
export type BatchTensors = Targets & Pick<Layout, 'start' | 'width'>;

/** Completions as tensors; the caller owns them. */
export type PaddedBatch = Targets & {
  /** Where the completions lie. */
  readonly layout: Layout;
};

/** How the columns of a batch are rounded up. */
export interface Rounding {
  readonly multiple: number;
  readonly most: number;
}

/** Training pads to multiples of eight columns where the policy says how many it can read: each new shape costs a new graph. */
export const roundingOf = ({ maxPositions }: Policy): Rounding =>
  maxPositions === undefined
    ? { multiple: 1, most: Infinity }
    : { multiple: 8, most: maxPositions };

/**
 * Where the completions of a batch lie.
 *
 * @param sequences - `[B]`, at least one
 * @returns the layout
 * @throws RangeError if there is no sequence, or a prompt or a completion is empty
 *
 * @example
 * ```ts
 * const short = { promptTokens: [5], tokens: [1, 2] };
 * const long = { promptTokens: [6, 7, 8], tokens: [3] };
 * layoutOf([short, long]); // => { start: 0, width: 3, offsets: [0, 2], lengths: [2, 1] }
 * ```
 */
export function layoutOf(sequences: readonly TokenSequence[]): Layout {
  if (!Array.isArray(sequences)) {
    throw new TypeError(
      `layoutOf: sequences is ${typeof sequences}, expected a list of { promptTokens, tokens }`,
    );
  }
  if (sequences.length === 0) {
    throw new RangeError('layoutOf: sequences is empty, expected at least 1');
  }
  sequences.forEach(({ promptTokens, tokens }, i) => {
    if (promptTokens.length === 0 || tokens.length === 0) {
      throw new RangeError(
        `layoutOf: sequence ${i} has ${promptTokens.length} prompt tokens and ${tokens.length} ` +
          'completion tokens, expected at least 1 of each (a sampled stop token counts)',
      );
    }
  });
  const start = Math.min(...sequences.map(({ promptTokens }) => promptTokens.length)) - 1;
  const offsets = sequences.map(({ promptTokens }) => promptTokens.length - 1 - start);
  const lengths = sequences.map(({ tokens }) => tokens.length);
  return { start, width: Math.max(...offsets.map((o, i) => o + lengths[i]!)), offsets, lengths };
}

/** A window that begins and ends at multiples, with the first one inside. */
function rounded({ start, width, offsets, lengths }: Layout, { multiple, most }: Rounding): Layout {
  const shift = start % multiple;
  const end = Math.max(start + width, Math.min(bucket(start + width, multiple), most));
  return {
    start: start - shift,
    width: end - (start - shift),
    offsets: offsets.map((offset) => offset + shift),
    lengths,
  };
}

/**
 * Prompts and completions as the tensors that a policy scores, padded to the longest. The last token
 * is a target only: nothing follows it.
 *
 * @param sequences - `[B]`, at least one
 * @param padToken - a token that the policy can read
 * @param rounding - what the number of columns, and the first of the window, are rounded to, so that few shapes
 *   come about, and the largest number of columns
 * @returns the batch. The caller owns the result.
 * @throws RangeError if there is no sequence, or a prompt or a completion is empty
 *
 * @example
 * ```ts
 * const batch = padCompletions([{ promptTokens: [5], tokens: [1, 2] }, { promptTokens: [6, 7], tokens: [3] }], 0);
 * batch.tokens.arraySync(); // => [[5, 1], [6, 7]]
 * batch.targets.arraySync(); // => [[1, 2], [0, 3]]
 * ```
 */
export function padCompletions(
  sequences: readonly TokenSequence[],
  padToken: number,
  rounding: Rounding = { multiple: 1, most: Infinity },
): PaddedBatch {
  const layout = rounded(layoutOf(sequences), rounding);
  checkTokens('padCompletions: padToken', [padToken]);
  sequences.forEach(({ promptTokens, tokens }, i) => {
    checkTokens(`padCompletions: sequence ${i}: promptTokens`, promptTokens);
    checkTokens(`padCompletions: sequence ${i}: tokens`, tokens);
  });
  const inputs = sequences.map(({ promptTokens, tokens }) => [
    ...promptTokens,
    ...tokens.slice(0, -1),
  ]);
  const shape: [number, number] = [sequences.length, layout.start + layout.width];
  const tokens = new Int32Array(shape[0] * shape[1]).fill(padToken);
  const attentionMask = new Int32Array(tokens.length);
  inputs.forEach((row, i) => {
    tokens.set(row, i * shape[1]);
    attentionMask.fill(1, i * shape[1], i * shape[1] + row.length);
  });
  const completions = sequences.map((sequence) => sequence.tokens);
  const ones = completions.map((completion) => completion.map(() => 1));
  const tensors = tf.tidy(() => ({
    tokens: tf.tensor2d(tokens, shape, 'int32'),
    attentionMask: tf.tensor2d(attentionMask, shape, 'int32'),
    targets: tf.cast(padRows(completions, layout), 'int32'),
    mask: tf.cast(padRows(ones, layout), 'bool'),
  }));
  return { ...tensors, layout };
}

/**
 * Per-token numbers of ragged completions as a tensor over the window, 0 elsewhere.
 *
 * @param rows - `[B][L_i]`
 * @param layout - where the completions lie
 * @returns `[B, T]`, float32. The caller owns the result.
 * @throws RangeError if the rows' lengths are not the layout's
 *
 * @example
 * ```ts
 * const layout = layoutOf([{ promptTokens: [5], tokens: [1, 2] }, { promptTokens: [6, 7], tokens: [3] }]);
 * padRows([[0.1, 0.2], [0.3]], layout).arraySync(); // => [[0.1, 0.2], [0, 0.3]]
 * ```
 */
export function padRows(rows: readonly (readonly number[])[], layout: Layout): tf.Tensor2D {
  checkLayout('padRows', layout);
  const { width, offsets, lengths } = layout;
  const data = new Float32Array(lengths.length * width);
  lengths.forEach((length, i) => {
    if (rows[i]?.length !== length) {
      throw new RangeError(
        `padRows: row ${i} has ${rows[i]?.length ?? 'no'} entries, expected ${length}`,
      );
    }
    data.set(rows[i], i * width + offsets[i]!);
  });
  return tf.tensor2d(data, [lengths.length, width]);
}

/**
 * The inverse of {@link padRows}, from the tensor's data.
 *
 * @param data - `[B * T]`, row by row
 * @param layout - where the completions lie
 * @returns `[B][L_i]`
 *
 * @example
 * ```ts
 * const layout = layoutOf([{ promptTokens: [5], tokens: [1, 2] }, { promptTokens: [6, 7], tokens: [3] }]);
 * unpadRows([1, 2, 0, 3], layout); // => [[1, 2], [3]]
 * ```
 */
export function unpadRows(data: ArrayLike<number>, layout: Layout): number[][] {
  checkLayout('unpadRows', layout);
  const { width, offsets, lengths } = layout;
  if (data.length !== lengths.length * width) {
    throw new RangeError(
      `unpadRows: data has ${data.length} entries, expected ${lengths.length} rows of ${width}`,
    );
  }
  return lengths.map((length, i) =>
    Array.from({ length }, (_, l) => data[i * width + offsets[i]! + l]!),
  );
}

function checkLayout(where: string, { width, offsets, lengths }: Layout): void {
  const inside = (length: number, i: number): boolean =>
    Number.isInteger(length) && length >= 0 && offsets[i]! >= 0 && offsets[i]! + length <= width;
  if (
    !Number.isSafeInteger(width * lengths.length) ||
    offsets.length !== lengths.length ||
    !offsets.every(Number.isInteger) ||
    !lengths.every(inside)
  ) {
    throw new RangeError(
      `${where}: layout has rows of ${lengths.join(', ')} at ${offsets.join(', ')} in a width of ${width}, expected rows inside of it; make it with layoutOf`,
    );
  }
}

import * as tf from '@tensorflow/tfjs-core';

import { checkPositiveInteger, checkShape } from '../check.js';
import { sliceAxis } from './slice.js';

/**
 * Added to the scores that must not count. Both are finite, so that a row without any key stays
 * finite; what lies ahead counts less than padding, so that such a row does not look ahead either.
 */
const PADDING = -1e9;
const AHEAD = -2e9;

/** 0 where true; both factors are finite, and this spares `tf.where` from tiling two scalars. */
const unless = (seen: tf.Tensor, amount: number): tf.Tensor =>
  tf.mul(tf.sub(1, tf.cast(seen, 'float32')), amount);

/** The biases `[to - from, S]` of a block's queries, the first at position `ahead + from`, for keys at 0 to `S`. */
function positionBias(block: Block, ahead: number, { causal, window }: MaskRules): tf.Tensor[] {
  const [from, to] = [ahead + block.from, ahead + block.to];
  // One query is the last of its keys; all keys are near while there are no more than the window.
  const looksAhead = causal === true && to - from > 1;
  const looksFar = window !== undefined && to > window;
  if (!looksAhead && !looksFar) return [];
  const query = tf.reshape(tf.range(from, to, 1, 'int32'), [-1, 1]);
  const key = tf.reshape(tf.range(0, block.keys, 1, 'int32'), [1, -1]);
  return [
    ...(looksAhead ? [unless(tf.lessEqual(key, query), AHEAD)] : []),
    ...(looksFar
      ? [unless(tf.greater(key, tf.sub(query, tf.scalar(window, 'int32'))), AHEAD)]
      : []),
  ];
}

/** The bias `[B, 1, 1, S]` of keys, by their mask `[B, S]`. */
const keyBias = (mask: tf.Tensor): tf.Tensor =>
  tf.reshape(unless(mask, PADDING), [mask.shape[0]!, 1, 1, mask.shape[1]!]);

/** Queries at a time; with more than these, memory grows with `T` and not with `T^2`. */
export const ATTENTION_BLOCK = 256;

/** What masks attention; the masks add up, and no gradient flows into any of them. */
export interface MaskRules {
  /** Added to the scores: of rank 2 at least, broadcast to `[B, H, T, S]`. */
  readonly bias?: tf.Tensor;
  /** Whether a query sees only keys up to its own position; the `T` queries are the last of `S`. @defaultValue false */
  readonly causal?: boolean;
  /** `[B, S]`, 1 on keys that count and 0 on padding. */
  readonly keyMask?: tf.Tensor;
  /** Keys that a query sees at most, its own position included: the last ones. Without it, all. */
  readonly window?: number;
}

/** A stretch of the queries, and how many of the keys it may see at most. */
export interface Block {
  readonly from: number;
  readonly to: number;
  readonly keys: number;
}

/** {@link sliceAxis} of what is broadcast along an axis of one entry. */
const cut = (x: tf.Tensor, axis: number, from: number, to: number): tf.Tensor =>
  x.shape[axis] === 1 ? x : sliceAxis(x, axis, from, to);

/**
 * The bias of a block of queries, or nothing if it sees all of its keys.
 *
 * @param ahead - how many keys stand before the first query: a cache
 */
export function blockBias(rules: MaskRules, block: Block, ahead: number): tf.Tensor | undefined {
  const { bias, keyMask } = rules;
  const { from, to, keys } = block;
  const parts = [
    ...(bias ? [cut(cut(bias, bias.rank - 2, from, to), bias.rank - 1, 0, keys)] : []),
    ...positionBias(block, ahead, rules),
    ...(keyMask ? [keyBias(cut(keyMask, 1, 0, keys))] : []),
  ];
  return parts.length === 0 ? undefined : parts.reduce((sum, part) => tf.add(sum, part));
}

/**
 * The mask of a causal pass over a batch, for {@link attention} in every layer. What all queries of a
 * block may see is made once, as a bias; of longer sequences each block makes its own, so that memory
 * stays linear in `T`.
 *
 * @param time - `T`, queries and keys
 * @param keyMask - `[B, T]`, 1 on real tokens; without it every token is real
 * @param window - keys that a query sees at most, its own included; without it, all before it
 * @returns options of {@link attention}; the caller owns the `bias` in it
 * @throws RangeError if the mask has another length, or `window` is not a positive integer
 *
 * @example
 * ```ts
 * import * as tf from '@tensorflow/tfjs-core';
 * causalMask(2); // => {"bias": [[0, -2e9], [0, 0]]}
 * Object.keys(causalMask(1000, tf.ones([1, 1000]))); // => ["causal", "keyMask"]
 * ```
 */
export function causalMask(time: number, keyMask?: tf.Tensor, window?: number): MaskRules {
  checkPositiveInteger('causalMask: time', time);
  if (window !== undefined) checkPositiveInteger('causalMask: window', window);
  if (keyMask !== undefined) {
    const fits = keyMask.rank === 2 && keyMask.shape[1] === time;
    checkShape('causalMask: keyMask', keyMask, fits, `[B, ${time}]`);
  }
  const rules = {
    causal: true,
    ...(keyMask && { keyMask }),
    ...(window !== undefined && window < time && { window }),
  };
  if (time > ATTENTION_BLOCK) return rules;
  const bias = tf.tidy(() => blockBias(rules, { from: 0, to: time, keys: time }, 0));
  return bias === undefined ? {} : { bias };
}

/**
 * What is added to the scores of one query a row over keys that are padded at the left.
 *
 * @param padding - `R` numbers of keys that must not count, one a row
 * @param keys - `S`
 * @returns `[R, 1, 1, S]`; the caller owns it
 *
 * @example
 * ```ts
 * paddingBias([0, 1], 2).arraySync(); // => [[[[0, 0]]], [[[-1e9, 0]]]]
 * ```
 */
export function paddingBias(padding: readonly number[], keys: number): tf.Tensor {
  checkPositiveInteger('paddingBias: keys', keys);
  padding.forEach((length, row) => {
    if (Number.isInteger(length) && length >= 0 && length <= keys) return;
    throw new RangeError(
      `paddingBias: padding[${row}] is ${length}, expected an integer in [0, ${keys}] (keys)`,
    );
  });
  const bias = new Float32Array(padding.length * keys);
  padding.forEach((length, row) => bias.fill(PADDING, row * keys, row * keys + length));
  return tf.tensor4d(bias, [padding.length, 1, 1, keys]);
}

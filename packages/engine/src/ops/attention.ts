import * as tf from '@tensorflow/tfjs-core';

import {
  checkFinite,
  checkInRange,
  checkOptions,
  checkPositiveInteger,
  checkShape,
} from '../check.js';
import { ATTENTION_BLOCK, blockBias, type MaskRules } from './attention-bias.js';
import { blocksOf, blockwise } from './attention-blocks.js';
import { attentionWeights, mix, type Operands, type Shape4 } from './attention-weights.js';

/** Options of {@link attention}: masks, which add up and take no gradient, and the size of blocks. */
export interface AttentionOptions extends MaskRules {
  /** Queries at a time; with more than these the weights are computed again in the gradient. @defaultValue 256 */
  readonly blockSize?: number;
  /** What the products of queries and keys are multiplied by. @defaultValue 1 / sqrt(d) */
  readonly scale?: number;
  /** Bounds the scores, before the bias: `cap tanh(score / cap)`. Without it, they have no bound. */
  readonly softCap?: number;
}

const OPTIONS = ['bias', 'blockSize', 'causal', 'keyMask', 'scale', 'softCap', 'window'];

function checkShapes({ q, k, v }: Operands, { causal, keyMask }: AttentionOptions): void {
  const [batch, heads, time, width] = q.shape as Shape4;
  const [keyBatch, keyHeads, keys, keyWidth] = k.shape as Shape4;
  const same = tf.util.arraysEqual;
  checkShape('attention: q', q, q.rank === 4, '[B, H, T, d]');
  const keysFit = k.rank === 4 && keyBatch === batch && keyWidth === width;
  const whole = heads % keyHeads === 0;
  const divided = `with K a divisor of ${heads}`;
  checkShape('attention: k', k, keysFit && whole, `[${batch}, K, S, ${width}] ${divided}`);
  const valuesFit = v.rank === 4 && same(v.shape.slice(0, 3), k.shape.slice(0, 3));
  checkShape('attention: v', v, valuesFit, `[${batch}, ${keyHeads}, ${keys}, d]`);
  if (causal && keys < time) {
    throw new RangeError(
      `attention: k has ${keys} keys, expected at least ${time}: causal queries are the last of the keys`,
    );
  }
  if (keyMask === undefined) return;
  checkShape(
    'attention: keyMask',
    keyMask,
    same(keyMask.shape, [batch, keys]),
    `[${batch}, ${keys}]`,
  );
}

/**
 * Scaled dot-product attention with grouped heads.
 *
 *     attention(q, k, v) = softmax(scale q k^T + bias) v,   scale = 1 / sqrt(d)
 *
 * Up to `blockSize` queries the weights are kept for the gradient; of more, memory is linear in `T`.
 * A query that may see no key gets a mean of what is masked: finite, and without meaning.
 *
 * @param q - `[B, H, T, d]`, float32
 * @param k - `[B, K, S, d]`; query head `h` reads key head `floor(h K / H)`
 * @param v - `[B, K, S, e]`
 * @returns `[B, H, T, e]`; the caller owns it
 * @throws RangeError if the shapes do not fit or an option is out of range
 * @see Vaswani et al. 2017, eq. 1, https://arxiv.org/abs/1706.03762; Ainslie et al. 2023 (grouped
 *   heads), https://arxiv.org/abs/2305.13245; Dao et al. 2022, section 3.1 (recomputation by blocks),
 *   https://arxiv.org/abs/2205.14135
 *
 * @example
 * ```ts
 * import * as tf from '@tensorflow/tfjs-core';
 * const q = tf.zeros([1, 1, 2, 1]); // equal scores: a mean of what is seen
 * const v = tf.tensor4d([1, 3], [1, 1, 2, 1]);
 * attention(q, q, v, { causal: true }).arraySync(); // => [[[[1], [2]]]]
 * ```
 */
export function attention(
  q: tf.Tensor,
  k: tf.Tensor,
  v: tf.Tensor,
  options: AttentionOptions = {},
): tf.Tensor {
  checkOptions('attention', options, OPTIONS);
  const { blockSize = ATTENTION_BLOCK, causal = false, window, softCap } = options;
  const operands = { q, k, v };
  checkPositiveInteger('attention: blockSize', blockSize);
  if (window !== undefined) checkPositiveInteger('attention: window', window);
  if (options.scale !== undefined) checkFinite('attention: scale', options.scale);
  if (softCap !== undefined) {
    checkInRange('attention: softCap', softCap, Number.MIN_VALUE, Number.MAX_VALUE);
  }
  checkShapes(operands, options);
  const [time, keys] = [q.shape[2]!, k.shape[2]!];
  const blocks = blocksOf(time, keys, blockSize, causal);
  const { scale = 1 / Math.sqrt(q.shape[3]!) } = options;
  const scoring = { scale, ...(softCap !== undefined && { softCap }) };
  return tf.tidy(() =>
    blocks.length === 1
      ? mix(attentionWeights(q, k, blockBias(options, blocks[0]!, keys - time), scoring), v)
      : blockwise(operands, options, scoring, blocks),
  );
}

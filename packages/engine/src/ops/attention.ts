import * as tf from '@tensorflow/tfjs-core';

import { checkPositiveInteger } from '../check.js';
import { ATTENTION_BLOCK, type Block, blockBias, type MaskRules } from './attention-bias.js';
import { recalled, withGradient } from './with-gradient.js';

/** Options of {@link attention}: masks, which add up and take no gradient, and the size of blocks. */
export interface AttentionOptions extends MaskRules {
  /** Queries at a time; with more than these the weights are computed again in the gradient. @defaultValue 256 */
  readonly blockSize?: number;
}

interface Operands {
  readonly q: tf.Tensor;
  readonly k: tf.Tensor;
  readonly v: tf.Tensor;
}

type Shape4 = [number, number, number, number];

const rowSum = (x: tf.Tensor): tf.Tensor => tf.sum(x, -1, true);

/** Query heads that share a key head stand below each other: `[B, H, T, .] -> [B, K, H/K T, .]`. */
function grouped(x: tf.Tensor, keyHeads: number): tf.Tensor {
  const [batch, heads, time, last] = x.shape as Shape4;
  return heads === keyHeads ? x : tf.reshape(x, [batch, keyHeads, (heads / keyHeads) * time, last]);
}

/** The inverse of {@link grouped}. */
function ungrouped(x: tf.Tensor, heads: number): tf.Tensor {
  const [batch, keyHeads, rows, last] = x.shape as Shape4;
  return heads === keyHeads ? x : tf.reshape(x, [batch, heads, (rows * keyHeads) / heads, last]);
}

/** `1 / sqrt(d)` times the queries, so that the scores come out scaled. */
const scale = (x: tf.Tensor, width: number): tf.Tensor => tf.mul(x, 1 / Math.sqrt(width));

/** `softmax(q k^T / sqrt(d) + bias)`, `[B, H, T, S]`. */
function weightsValue(q: tf.Tensor, k: tf.Tensor, bias: tf.Tensor | undefined): tf.Tensor {
  const [, heads, , width] = q.shape as Shape4;
  const scaled = grouped(scale(q, width), k.shape[1]!);
  const scores = ungrouped(tf.matMul(scaled, k, false, true), heads);
  return tf.softmax(bias === undefined ? scores : tf.add(scores, bias));
}

/** Cotangents of queries and keys for that of the weights. */
function weightsGradient(
  dWeights: tf.Tensor,
  weights: tf.Tensor,
  q: tf.Tensor,
  k: tf.Tensor,
): [tf.Tensor, tf.Tensor] {
  const [, heads, , width] = q.shape as Shape4;
  const along = tf.mul(dWeights, weights);
  const dScores = grouped(tf.sub(along, tf.mul(weights, rowSum(along))), k.shape[1]!);
  const dq = ungrouped(tf.matMul(dScores, k), heads);
  const dk = tf.matMul(dScores, grouped(scale(q, width), k.shape[1]!), true, false);
  return [scale(dq, width), dk];
}

/** The weights as they were computed, in a gradient that may itself be differentiated. */
const recalledWeights = (kept: tf.Tensor, q: tf.Tensor, k: tf.Tensor): tf.Tensor =>
  recalled(kept, [q, k], (dy, [query, key], again) =>
    weightsGradient(dy, recalledWeights(again, query!, key!), query!, key!),
  );

/** {@link weightsValue}, differentiable any number of times; it keeps the weights for the gradient. */
const attentionWeights = (q: tf.Tensor, k: tf.Tensor, bias: tf.Tensor | undefined): tf.Tensor =>
  withGradient({
    inputs: [q, k],
    save: [q, k],
    value: () => {
      const weights = weightsValue(q, k, bias);
      return { value: weights, kept: [weights] };
    },
    gradient: (dy, [query, key], [kept]) =>
      weightsGradient(dy, recalledWeights(kept!, query!, key!), query!, key!),
  });

/** `weights v`, `[B, H, T, e]`. */
const mix = (weights: tf.Tensor, v: tf.Tensor): tf.Tensor =>
  ungrouped(tf.matMul(grouped(weights, v.shape[1]!), v), weights.shape[1]!);

/** Cotangents of queries, keys and values for that of the result. */
function attentionGradient(dy: tf.Tensor, weights: tf.Tensor, { q, k, v }: Operands): tf.Tensor[] {
  const g = grouped(dy, v.shape[1]!);
  const dv = tf.matMul(grouped(weights, v.shape[1]!), g, true, false);
  const dWeights = ungrouped(tf.matMul(g, v, false, true), dy.shape[1]!);
  return [...weightsGradient(dWeights, weights, q, k), dv];
}

const operandsOf = ([q, k, v]: readonly tf.Tensor[]): Operands => ({ q: q!, k: k!, v: v! });

const stretch = (x: tf.Tensor, from: number, to: number): tf.Tensor => {
  const [batch, heads, time, width] = x.shape as Shape4;
  if (from === 0 && to === time) return x;
  return tf.slice(x, [0, 0, from, 0], [batch, heads, to - from, width]);
};

/** `[B, K, t, d]` followed by zeros up to `[B, K, S, d]`. */
const padded = (x: tf.Tensor, keys: number): tf.Tensor =>
  x.shape[2] === keys
    ? x
    : tf.pad(x, [
        [0, 0],
        [0, 0],
        [0, keys - x.shape[2]!],
        [0, 0],
      ]);

/**
 * Block after block of queries, each with the keys that it may see; nothing but the inputs is kept,
 * and the gradient computes each block's weights again.
 */
function blockwise(all: Operands, rules: MaskRules, blocks: readonly Block[]): tf.Tensor {
  const keys = all.k.shape[2]!;
  const before = keys - all.q.shape[2]!;
  const masks = [rules.bias, rules.keyMask].filter((mask) => mask !== undefined);
  const saved = [all.q, all.k, all.v, ...masks];
  const rulesOf = (tensors: readonly tf.Tensor[]): MaskRules => ({
    ...(rules.causal && { causal: true }),
    ...(rules.bias && { bias: tensors[0]! }),
    ...(rules.keyMask && { keyMask: tensors[tensors.length - 1]! }),
  });
  const inBlock = (block: Block, { q, k, v }: Operands): Operands => ({
    q: stretch(q, block.from, block.to),
    k: stretch(k, 0, block.keys),
    v: stretch(v, 0, block.keys),
  });
  const weightsOf = (block: Block, part: Operands, given: MaskRules): tf.Tensor => {
    const bias = blockBias(given, block, before);
    return attentionWeights(part.q, part.k, bias);
  };
  return withGradient({
    inputs: [all.q, all.k, all.v],
    save: saved,
    value: () =>
      tf.concat(
        blocks.map((block) =>
          tf.tidy(() => {
            const part = inBlock(block, all);
            return mix(weightsOf(block, part, rules), part.v);
          }),
        ),
        2,
      ),
    gradient: (dy, tensors) => {
      const operands = operandsOf(tensors);
      const given = rulesOf(tensors.slice(3));
      const dqs: tf.Tensor[] = [];
      let [dk, dv]: (tf.Tensor | undefined)[] = [];
      for (const block of blocks) {
        const [dq, dkNext, dvNext] = tf.tidy(() => {
          const part = inBlock(block, operands);
          const weights = weightsOf(block, part, given);
          const [q, k, v] = attentionGradient(stretch(dy, block.from, block.to), weights, part);
          const sum = (total: tf.Tensor | undefined, x: tf.Tensor): tf.Tensor =>
            total === undefined ? padded(x, keys) : tf.add(total, padded(x, keys));
          return [q!, sum(dk, k!), sum(dv, v!)];
        }) as [tf.Tensor, tf.Tensor, tf.Tensor];
        // A tape that is on keeps what it needs itself.
        tf.dispose([dk, dv].filter((x) => x !== undefined));
        dqs.push(dq);
        [dk, dv] = [dkNext, dvNext];
      }
      return [tf.concat(dqs, 2), dk!, dv!];
    },
  });
}

function blocksOf(time: number, keys: number, size: number, causal: boolean): Block[] {
  return Array.from({ length: Math.ceil(time / size) }, (_, i) => {
    const to = Math.min(time, (i + 1) * size);
    return { from: i * size, to, keys: causal ? keys - time + to : keys };
  });
}

const show = (x: tf.Tensor): string => `[${x.shape.join(', ')}]`;

function checkShapes({ q, k, v }: Operands, { causal, keyMask }: AttentionOptions): void {
  const [batch, heads, time, width] = q.shape as Shape4;
  const [keyBatch, keyHeads, keys, keyWidth] = k.shape as Shape4;
  if (q.rank !== 4)
    throw new RangeError(`attention: q has shape ${show(q)}, expected [B, H, T, d]`);
  if (k.rank !== 4 || keyBatch !== batch || keyWidth !== width || heads % keyHeads !== 0) {
    throw new RangeError(
      `attention: k has shape ${show(k)}, expected [${batch}, K, S, ${width}] with K a divisor of ${heads}`,
    );
  }
  if (!tf.util.arraysEqual(v.shape.slice(0, 3), k.shape.slice(0, 3)) || v.rank !== 4) {
    throw new RangeError(
      `attention: v has shape ${show(v)}, expected [${batch}, ${keyHeads}, ${keys}, d]`,
    );
  }
  if (causal && keys < time) {
    throw new RangeError(
      `attention: k has ${keys} keys, expected at least ${time}: causal queries are the last of the keys`,
    );
  }
  if (keyMask && !tf.util.arraysEqual(keyMask.shape, [batch, keys])) {
    throw new RangeError(
      `attention: keyMask has shape ${show(keyMask)}, expected [${batch}, ${keys}]`,
    );
  }
}

/**
 * Scaled dot-product attention with grouped heads.
 *
 *     attention(q, k, v) = softmax(q k^T / sqrt(d) + bias) v
 *
 * Up to `blockSize` queries the weights are kept for the gradient; of more, memory is linear in `T`.
 * A query that may see no key gets a mean of what is masked: finite, and without meaning.
 *
 * @param q - `[B, H, T, d]`, float32
 * @param k - `[B, K, S, d]`; query head `h` reads key head `floor(h K / H)`
 * @param v - `[B, K, S, e]`
 * @param options - what may be seen
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
  const { blockSize = ATTENTION_BLOCK, causal = false } = options;
  const operands = { q, k, v };
  checkPositiveInteger('attention: blockSize', blockSize);
  checkShapes(operands, options);
  const [time, keys] = [q.shape[2]!, k.shape[2]!];
  const blocks = blocksOf(time, keys, blockSize, causal);
  return tf.tidy(() =>
    blocks.length === 1
      ? mix(attentionWeights(q, k, blockBias(options, blocks[0]!, keys - time)), v)
      : blockwise(operands, options, blocks),
  );
}

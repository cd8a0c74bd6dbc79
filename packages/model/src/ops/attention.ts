import * as tf from '@tensorflow/tfjs-core';

/** Added to the scores that must not count: finite, so that a row without any key stays finite. */
const MASKED = -1e9;

/** Splits rows `[B T, n d]` into heads `[B, n, T, d]`; one token a row needs no transposition. */
export function toHeads(x: tf.Tensor, batch: number, time: number, heads: number): tf.Tensor {
  if (time === 1) return tf.reshape(x, [batch, heads, 1, -1]);
  return tf.transpose(tf.reshape(x, [batch, time, heads, -1]), [0, 2, 1, 3]);
}

/** The inverse of {@link toHeads}. */
function fromHeads(x: tf.Tensor): tf.Tensor {
  const [batch, heads, time, width] = x.shape as [number, number, number, number];
  const rows = time === 1 ? x : tf.transpose(x, [0, 2, 1, 3]);
  return tf.reshape(rows, [batch * time, heads * width]);
}

/**
 * What is added to the scores: 0 where a query may see a key, a large negative number where not.
 *
 * @param time - `T`, queries and keys
 * @param keyMask - `[B, T]`, 1 on real tokens; without it every token is real
 * @returns `[T, T]`, or `[B, 1, T, T]` with a mask
 */
export function causalBias(time: number, keyMask?: tf.Tensor): tf.Tensor {
  const index = tf.range(0, time, 1, 'int32');
  const causal = tf.lessEqual(tf.reshape(index, [1, -1]), tf.reshape(index, [-1, 1]));
  if (keyMask === undefined) return biasOf(causal);
  const real = tf.cast(tf.reshape(keyMask, [-1, 1, 1, time]), 'bool');
  return biasOf(tf.logicalAnd(real, tf.reshape(causal, [1, 1, time, time])));
}

/** 0 where true; both factors are finite, and this spares `tf.where` from tiling two scalars. */
const biasOf = (seen: tf.Tensor): tf.Tensor => tf.mul(tf.sub(1, tf.cast(seen, 'float32')), MASKED);

/** The bias `[R, 1, 1, T]` of one query a row over left-padded keys: `padding[r]` keys are masked. */
export function paddingBias(padding: readonly number[], time: number): tf.Tensor {
  const bias = new Float32Array(padding.length * time);
  padding.forEach((length, row) => bias.fill(MASKED, row * time, row * time + length));
  return tf.tensor4d(bias, [padding.length, 1, 1, time]);
}

/**
 * `softmax(q k^T / sqrt(d) + bias) v`, causal through the bias.
 *
 * @param q - `[B, H, T, d]`
 * @param k - `[B, K, S, d]`; head `h` reads key-value head `floor(h K / H)`
 * @param v - `[B, K, S, d]`
 * @param bias - broadcast to `[B, H, T, S]`; without it every key counts
 * @returns `[B T, H d]`
 */
export function attention(q: tf.Tensor, k: tf.Tensor, v: tf.Tensor, bias?: tf.Tensor): tf.Tensor {
  const [batch, heads, time, width] = q.shape as [number, number, number, number];
  const [, keyHeads, keys] = k.shape as [number, number, number, number];
  // Query heads that share a key head stand below each other: [B, H, T, .] <-> [B, K, H/K T, .]
  const grouped = (x: tf.Tensor, last: number): tf.Tensor =>
    keyHeads === heads ? x : tf.reshape(x, [batch, keyHeads, (heads / keyHeads) * time, last]);
  const ungrouped = (x: tf.Tensor, last: number): tf.Tensor =>
    keyHeads === heads ? x : tf.reshape(x, [batch, heads, time, last]);

  const scaled = grouped(tf.mul(q, 1 / Math.sqrt(width)), width);
  const scores = ungrouped(tf.matMul(scaled, k, false, true), keys);
  const weights = tf.softmax(bias === undefined ? scores : tf.add(scores, bias));
  return fromHeads(ungrouped(tf.matMul(grouped(weights, keys), v), width));
}

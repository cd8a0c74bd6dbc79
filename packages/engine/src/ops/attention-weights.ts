import * as tf from '@tensorflow/tfjs-core';

import { recalled, withGradient } from './with-gradient.js';

/** Queries `[B, H, T, d]`, keys `[B, K, S, d]` and values `[B, K, S, e]`. */
export interface Operands {
  readonly q: tf.Tensor;
  readonly k: tf.Tensor;
  readonly v: tf.Tensor;
}

export type Shape4 = [number, number, number, number];

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
export const attentionWeights = (
  q: tf.Tensor,
  k: tf.Tensor,
  bias: tf.Tensor | undefined,
): tf.Tensor =>
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
export const mix = (weights: tf.Tensor, v: tf.Tensor): tf.Tensor =>
  ungrouped(tf.matMul(grouped(weights, v.shape[1]!), v), weights.shape[1]!);

/** Cotangents of queries, keys and values for that of the result. */
export function attentionGradient(
  dy: tf.Tensor,
  weights: tf.Tensor,
  { q, k, v }: Operands,
): tf.Tensor[] {
  const g = grouped(dy, v.shape[1]!);
  const dv = tf.matMul(grouped(weights, v.shape[1]!), g, true, false);
  const dWeights = ungrouped(tf.matMul(g, v, false, true), dy.shape[1]!);
  return [...weightsGradient(dWeights, weights, q, k), dv];
}

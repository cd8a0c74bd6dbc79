import * as tf from '@tensorflow/tfjs-core';

import { softCap } from './activation.js';
import { keptValue, recalled, withGradient } from './with-gradient.js';

/** Queries `[B, H, T, d]`, keys `[B, K, S, d]` and values `[B, K, S, e]`. */
export interface Operands {
  readonly q: tf.Tensor;
  readonly k: tf.Tensor;
  readonly v: tf.Tensor;
}

/** How scores come from products of queries and keys. */
export interface ScoreRules {
  /** What the products are multiplied by. */
  readonly scale: number;
  /** The bound that scores approach, before the bias. */
  readonly softCap?: number;
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

/** `scale q k^T`, `[B, H, T, S]`; the queries are scaled, which are fewer. */
const products = (q: tf.Tensor, k: tf.Tensor, { scale }: ScoreRules): tf.Tensor =>
  ungrouped(tf.matMul(grouped(tf.mul(q, scale), k.shape[1]!), k, false, true), q.shape[1]!);

/** `softmax(cap(scale q k^T) + bias)`, `[B, H, T, S]`. */
function weightsValue(
  q: tf.Tensor,
  k: tf.Tensor,
  bias: tf.Tensor | undefined,
  rules: ScoreRules,
): tf.Tensor {
  const found = products(q, k, rules);
  const scores = rules.softCap === undefined ? found : softCap(found, rules.softCap);
  return tf.softmax(bias === undefined ? scores : tf.add(scores, bias));
}

/** The slope of the soft cap at each score, from the scores made again. */
function capSlope(q: tf.Tensor, k: tf.Tensor, rules: ScoreRules, cap: number): tf.Tensor {
  const reached = tf.div(softCap(products(q, k, rules), cap), cap);
  return tf.sub(1, tf.square(reached));
}

function weightsGradient(
  dWeights: tf.Tensor,
  weights: tf.Tensor,
  q: tf.Tensor,
  k: tf.Tensor,
  rules: ScoreRules,
): [tf.Tensor, tf.Tensor] {
  const { scale, softCap: cap } = rules;
  const along = tf.mul(dWeights, weights);
  const dCapped = tf.sub(along, tf.mul(weights, rowSum(along)));
  const dProducts = cap === undefined ? dCapped : tf.mul(dCapped, capSlope(q, k, rules, cap));
  const dScores = grouped(dProducts, k.shape[1]!);
  const dq = ungrouped(tf.matMul(dScores, k), q.shape[1]!);
  const dk = tf.matMul(dScores, grouped(tf.mul(q, scale), k.shape[1]!), true, false);
  return [tf.mul(dq, scale), dk];
}

/** The weights as they were computed, in a gradient that may itself be differentiated. */
const recalledWeights = (
  kept: tf.Tensor,
  q: tf.Tensor,
  k: tf.Tensor,
  rules: ScoreRules,
): tf.Tensor =>
  recalled(kept, [q, k], (dy, [query, key], again) =>
    weightsGradient(dy, recalledWeights(again, query!, key!, rules), query!, key!, rules),
  );

/** {@link weightsValue}, differentiable any number of times; it keeps the weights for the gradient. */
export const attentionWeights = (
  q: tf.Tensor,
  k: tf.Tensor,
  bias: tf.Tensor | undefined,
  rules: ScoreRules,
): tf.Tensor =>
  withGradient({
    inputs: [q, k],
    save: [q, k],
    value: keptValue(() => weightsValue(q, k, bias, rules)),
    gradient: (dy, [query, key], [kept]) =>
      weightsGradient(dy, recalledWeights(kept!, query!, key!, rules), query!, key!, rules),
  });

/** `weights v`, `[B, H, T, e]`. */
export const mix = (weights: tf.Tensor, v: tf.Tensor): tf.Tensor =>
  ungrouped(tf.matMul(grouped(weights, v.shape[1]!), v), weights.shape[1]!);

/** Cotangents of queries, keys and values for that of the result. */
export function attentionGradient(
  dy: tf.Tensor,
  weights: tf.Tensor,
  { q, k, v }: Operands,
  rules: ScoreRules,
): tf.Tensor[] {
  const g = grouped(dy, v.shape[1]!);
  const dv = tf.matMul(grouped(weights, v.shape[1]!), g, true, false);
  const dWeights = ungrouped(tf.matMul(g, v, false, true), dy.shape[1]!);
  return [...weightsGradient(dWeights, weights, q, k, rules), dv];
}

import { type Rng, randomNormal } from '@cfrl/engine';
import * as tf from '@tensorflow/tfjs-core';

import { randomSigns } from './random-signs.js';

/** Directions in the space of logits, along which kernels are looked at. */
export interface Probes {
  /** `[P, V]`: first `exact` orthonormal rows, then `random` ones orthogonal to them. */
  readonly directions: tf.Tensor2D;
  readonly exact: number;
  readonly random: number;
}

/** Rounds of subspace iteration: the directions need not be the first ones exactly. */
const ROUNDS = 8;

/**
 * Probes of `G = W A W^T`, as Hutch++ has them (Meyer et al. 2021, arXiv 2010.09649, algorithm 1): orthonormal `U` where `G` is large, and
 * random signs `v` in the rest. `U` is taken of `W`, whose range holds that of `G`, so it costs no backward pass.
 *
 *     tr G = sum_k u_k^T G u_k + E v'^T G v',   v' = (I - U U^T) v,   E v v^T = I
 */
export function drawProbes(
  W: tf.Tensor2D,
  { deflate, random }: { readonly deflate: number; readonly random: number },
  source: Rng,
): Probes {
  return tf.tidy((): Probes & tf.TensorContainerObject => {
    const [V, D] = W.shape;
    const signs = randomSigns(source, [random, V]);
    if (deflate === 0) return { directions: signs, exact: 0, random };
    const S = tf.matMul(W, W, true) as tf.Tensor2D;
    let Q = orthonormalRows(randomNormal(source, [Math.min(deflate, D), D]) as tf.Tensor2D);
    for (let i = 0; i < ROUNDS && Q.shape[0] > 0; i++) Q = orthonormalRows(tf.matMul(Q, S));
    const U = Q.shape[0] === 0 ? Q : orthonormalRows(tf.matMul(Q, W, false, true));
    const exact = U.shape[0];
    if (exact === 0) return { directions: signs, exact, random };
    const within = tf.matMul(tf.matMul(signs, U, false, true), U);
    const directions = tf.concat([U, tf.sub(signs, within)]) as tf.Tensor2D;
    return { directions, exact, random };
  }) as Probes;
}

/** What of a row is less than this share of it is rounding. */
const DEPENDENT = 1e-5;

/** An orthonormal basis of what rows span, by Gram and Schmidt, twice, in double precision. */
function orthonormalRows(rows: tf.Tensor2D): tf.Tensor2D {
  const [count, width] = rows.shape;
  const values = rows.dataSync();
  const basis: Float64Array[] = [];
  for (let i = 0; i < count; i++) {
    const row = Float64Array.from(values.subarray(i * width, (i + 1) * width));
    const before = length(row);
    for (const unit of [...basis, ...basis]) {
      const along = row.reduce((sum, x, d) => sum + x * unit[d]!, 0);
      unit.forEach((x, d) => (row[d]! -= along * x));
    }
    const after = length(row);
    if (after > DEPENDENT * before) basis.push(row.map((x) => x / after));
  }
  const flat = new Float32Array(basis.length * width);
  basis.forEach((unit, i) => flat.set(unit, i * width));
  return tf.tensor2d(flat, [basis.length, width]);
}

const length = (x: Float64Array): number =>
  Math.sqrt(x.reduce((sum, value) => sum + value ** 2, 0));

import * as tf from '@tensorflow/tfjs-core';

import { jacobianRows } from './gradient-rows.js';
import type { SplitModel } from '../split-model.js';

/**
 * The cross terms of a tied model: `W` is classifier and embedding, and an update through one path
 * is seen through the other.
 */
export interface CrossTerms {
  /** `[N, M, V, D]`, `B`; `C = B W^T`: direct path in the first context, features in the second. */
  readonly factor: tf.Tensor4D;
  /** `[N, M, V, D]`, `B'`; `C' = W B'^T`: features in the first context, direct in the second. */
  readonly mirrorFactor: tf.Tensor4D;
  /** `[N, M]`, Frobenius norm of `C`. */
  readonly norm: tf.Tensor2D;
  /** `[N, M]`, Frobenius norm of `C'`. */
  readonly mirrorNorm: tf.Tensor2D;
  /** `[N, M]`, trace of `C`. */
  readonly trace: tf.Tensor2D;
  /** `[N, M]`, trace of `C'`. */
  readonly mirrorTrace: tf.Tensor2D;
}

/**
 * `B[n, m, v, d] = sum_b phi_b(c_n) d phi_d(c'_m) / d W[v, b]`, `[N, M, V, D]`. The direct path's
 * Jacobian, `d z_v(c) / d W[v, b] = phi_b(c)`, is never formed.
 */
export function crossFactors<X>(
  model: SplitModel<X>,
  phi: tf.Tensor2D,
  contexts2: readonly X[],
): tf.Tensor4D {
  const D = phi.shape[1];
  const V = model.params[model.classifier]!.shape[0]!;
  const isClassifier = (name: string) => name === model.classifier;
  const byContext = contexts2.map((context) =>
    tf.tidy(() => {
      const rows = jacobianRows(model.features, model.params, isClassifier, [context], D);
      // One row at a time, d phi_d / d W: a [V, D] gradient that only its products outlive.
      const products = Array.from({ length: D }, (_, d) =>
        tf.tidy(() => {
          const gradient = tf.reshape(rows.rows(d, d + 1)[model.classifier]!, [V, D]);
          return tf.matMul(gradient, tf.transpose(phi)); // [V, N]
        }),
      );
      return tf.transpose(tf.stack(products), [2, 1, 0]); // [D, V, N] -> [N, V, D]
    }),
  );
  return tf.stack(byContext, 1) as tf.Tensor4D;
}

/** Norms and traces of `C = B W^T` and `C' = W B'^T`, without a `V x V` matrix. */
export function crossTerms(
  factor: tf.Tensor4D,
  mirrorFactor: tf.Tensor4D,
  W: tf.Tensor2D,
): CrossTerms {
  const sizes = (B: tf.Tensor4D) => {
    const [N, M, V, D] = B.shape;
    const S = tf.matMul(tf.transpose(W), W);
    const BS = tf.reshape(tf.matMul(tf.reshape(B, [N * M * V, D]), S), B.shape);
    return {
      // ||B W^T||^2 = sum_vd (B S)_vd B_vd
      norm: tf.sqrt(tf.relu(tf.sum(tf.mul(BS, B), [2, 3]))) as tf.Tensor2D,
      trace: tf.sum(tf.mul(B, W), [2, 3]) as tf.Tensor2D,
    };
  };
  const own = sizes(factor);
  const mirror = sizes(mirrorFactor);
  return {
    factor,
    mirrorFactor,
    ...own,
    mirrorNorm: mirror.norm,
    mirrorTrace: mirror.trace,
  };
}

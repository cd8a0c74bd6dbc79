import type { Params } from '@cfrl/engine';
import * as tf from '@tensorflow/tfjs-core';

import { runsOf } from '../runs.js';
import { type BlockUses, usesReader } from '../uses/block-uses.js';
import type { Examples } from '../uses/examples.js';
import { wholeGradients } from './contract-uses.js';
import type { Method } from './cost.js';
import { everyOutput } from './directions.js';
import { inspect } from './kernels.js';
import { sideRows } from './reference.js';
import { bytesPerRow } from './structured.js';

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
 * `B[n, m, v, d] = sum_b phi_b(c_n) d phi_d(c'_m) / d W[v, b]`, `[N, M, V, D]`. The direct path's Jacobian, `d z_v(c) / d W[v, b] = phi_b(c)`,
 * is never formed, nor the features' where they look `W` up as a table: then only its tokens' rows are not 0.
 */
export function crossFactors(
  { params, classifier }: { readonly params: Params; readonly classifier: string },
  phi: tf.Tensor2D,
  examples: Examples,
  { maxBytes, method }: { readonly maxBytes: number; readonly method: 'auto' | Method },
): tf.Tensor4D {
  const [V, D] = params[classifier]!.shape as [number, number];
  const isClassifier = (name: string): boolean => name === classifier;
  const side = { examples, directions: everyOutput(D) };
  const { known, shapes } =
    method === 'jacobian'
      ? { known: new Set(), shapes: [] }
      : inspect(params, isClassifier, [examples], D);
  const perContext = D * bytesPerRow(shapes, D) + 4 * V * D * phi.shape[0];
  const size = Math.max(1, Math.floor(maxBytes / 4 / perContext));
  const reader = usesReader(side, params, isClassifier, Math.max(size, 64));
  const jacobian = (from: number, to: number): tf.Tensor => {
    const rows = sideRows(side, params, isClassifier);
    // One row at a time, d phi_d / d W: a [V, D] gradient that only its products outlive.
    const products = Array.from({ length: (to - from) * D }, (_, r) =>
      tf.tidy(() => {
        const gradient = rows.rows(from * D + r, from * D + r + 1)[classifier]!;
        return tf.matMul(tf.reshape(gradient, [V, D]), tf.transpose(phi)); // [V, N]
      }),
    );
    return tf.reshape(tf.stack(products), [to - from, D, V, -1]);
  };
  try {
    const parts = runsOf(0, examples.count, size).map(([from, to]) =>
      tf.tidy(() => {
        const products = known.has(classifier)
          ? usesTimes(reader.read(from, to, 0, D), phi, [to - from, D, V])
          : jacobian(from, to);
        return tf.transpose(products, [3, 0, 2, 1]); // [M, D, V, N] -> [N, M, V, D]
      }),
    );
    return tf.concat(parts, 1) as tf.Tensor4D;
  } finally {
    reader.dispose();
  }
}

/** Gradients `[M, D, V, D]` of uses of a table times rows `[N, D]`: `[M, D, V, N]`. */
function usesTimes(
  { factored: [use], formed: { ...formed } }: BlockUses,
  rows: tf.Tensor2D,
  [M, K, V]: readonly [number, number, number],
): tf.Tensor {
  const N = rows.shape[0];
  const times = (x: tf.Tensor): tf.Tensor =>
    tf.matMul(tf.reshape(x, [-1, rows.shape[1]]) as tf.Tensor2D, rows, false, true);
  const gradients = use?.kind === 'dense' ? wholeGradients(use) : Object.values(formed)[0];
  if (gradients !== undefined) return tf.reshape(times(gradients), [M, K, V, N]);
  if (use === undefined) return tf.zeros([M, K, V, N]);
  const R = use.input.shape[1]!;
  const byRow = tf.transpose(tf.reshape(times(use.cotangent), [M, K, R, N]), [0, 2, 1, 3]);
  const tokens = tf.equal(tf.expandDims(use.input, 2), tf.range(0, V, 1, 'int32')); // [M, R, V]
  const sums = tf.matMul(tf.cast(tokens, 'float32'), tf.reshape(byRow, [M, R, K * N]), true);
  return tf.transpose(tf.reshape(sums, [M, V, K, N]), [0, 2, 1, 3]);
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

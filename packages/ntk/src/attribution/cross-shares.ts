import type { Params } from '@cfrl/engine';
import * as tf from '@tensorflow/tfjs-core';

import { wholeGradients } from '../kernel/contract-uses.js';
import { inspect } from '../kernel/kernels.js';
import { sideRows } from '../kernel/reference.js';
import { runsOf } from '../runs.js';
import { type FactoredUse, type Side, usesReader } from '../uses/block-uses.js';
import type { OutputSide } from './output-side.js';

/** Examples whose gradients are looked at together. */
const SIZE = 16;

/**
 * The gradient of a tied `W` as a classifier, met by that of `W` as a table: `<h_n phi_n^T, d<u_m, phi(c_m)> / dW>`, `[N, M]`. Of a table
 * that is looked up it is `sum_r h_n[id_r] <phi_n, delta_r>`: no gradient is formed.
 */
export function crossShares(
  params: Params,
  classifier: string,
  { h, phi }: OutputSide,
  { examples, u }: OutputSide,
): tf.Tensor2D {
  const isClassifier = (name: string): boolean => name === classifier;
  const [V, D] = params[classifier]!.shape as [number, number];
  const side: Side = {
    examples,
    directions: {
      count: 1,
      rows: (from, to) => tf.expandDims(tf.slice(u, [from, 0], [to - from, -1]), 1) as tf.Tensor3D,
    },
  };
  /** `sum (h G) phi` of gradients `[m, V, D]`. */
  const ofGradients = (gradients: tf.Tensor, m: number): tf.Tensor => {
    const columns = tf.reshape(tf.transpose(tf.reshape(gradients, [m, V, D]), [1, 0, 2]), [
      V,
      m * D,
    ]);
    const products = tf.reshape(tf.matMul(h, columns as tf.Tensor2D), [-1, m, D]);
    return tf.sum(tf.mul(products, tf.expandDims(phi, 1)), 2);
  };
  const known = inspect(params, isClassifier, [examples], D).known.has(classifier);
  const reader = usesReader(side, params, isClassifier, SIZE);
  const rows = sideRows(side, params, isClassifier);
  try {
    const parts = runsOf(0, examples.count, SIZE).map(([from, to]) =>
      tf.tidy(() => {
        const m = to - from;
        if (!known) return ofGradients(rows.rows(from, to)[classifier]!, m);
        const { factored, formed } = reader.read(from, to, 0, 1);
        const [use] = factored;
        if (use?.kind === 'embedding') return ofTable(use, h, phi);
        const gradients = use ? wholeGradients(use) : formed[classifier];
        return gradients ? ofGradients(gradients, m) : tf.zeros([h.shape[0], m]);
      }),
    );
    return tf.concat(parts, 1) as tf.Tensor2D;
  } finally {
    reader.dispose();
  }
}

function ofTable({ input, cotangent }: FactoredUse, h: tf.Tensor2D, phi: tf.Tensor2D): tf.Tensor {
  const [m, , R, D] = cotangent.shape;
  const deltas = tf.reshape(cotangent, [m * R, D]) as tf.Tensor2D;
  const ids = tf.reshape(tf.cast(input, 'int32'), [m * R]) as tf.Tensor1D;
  const products = tf.mul(tf.matMul(phi, deltas, false, true), tf.gather(h, ids, 1));
  return tf.sum(tf.reshape(products, [-1, m, R]), 2);
}

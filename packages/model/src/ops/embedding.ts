import * as tf from '@tensorflow/tfjs-core';

import { matMul2d } from './linear.js';
import { withGradient } from './with-gradient.js';

/** Rows of a table `[V, D]` at `ids` `[...]`: `[..., D]`. */
export function embedding(table: tf.Tensor, ids: tf.Tensor): tf.Tensor {
  const [rows, width] = table.shape as [number, number];
  return withGradient({
    inputs: [table],
    save: [ids],
    value: () => tf.gather(table, ids as tf.Tensor1D),
    gradient: (dy, saved) => [
      scatterRows(tf.reshape(dy, [-1, width]), tf.reshape(saved[0]!, [-1]) as tf.Tensor1D, rows),
    ],
  });
}

/**
 * The sum of the rows that share an id. A backend without the kernel multiplies by a one-hot, cast
 * from int32 because the wasm kernel writes integers whatever type it is asked for.
 */
function scatterRows(values: tf.Tensor, ids: tf.Tensor1D, rows: number): tf.Tensor {
  return tf.getKernel(tf.UnsortedSegmentSum, tf.getBackend()) === undefined
    ? matMul2d(tf.cast(tf.oneHot(ids, rows), 'float32'), values, true, false)
    : tf.unsortedSegmentSum(values, ids, rows);
}

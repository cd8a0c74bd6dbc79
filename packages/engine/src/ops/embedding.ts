import * as tf from '@tensorflow/tfjs-core';

import { checkShape } from '../check.js';
import { noted } from '../gradients/use-scope.js';
import { withGradient } from './with-gradient.js';

/**
 * Rows of a table. The gradient sums the cotangents of equal ids.
 *
 *     embedding(table, ids)[...] = table[ids[...]]
 *
 * @param table - `[V, D]`, float32
 * @param ids - `[...]`, int32, in `[0, V)`; not checked, since that would read them back
 * @returns `[..., D]`; the caller owns it
 * @throws RangeError if the table is no matrix
 *
 * @example
 * ```ts
 * import * as tf from '@tensorflow/tfjs-core';
 * const table = tf.tensor2d([[1, 2], [3, 4]]);
 * embedding(table, tf.tensor1d([1, 0, 1], 'int32')).arraySync(); // => [[3, 4], [1, 2], [3, 4]]
 * ```
 */
export function embedding(table: tf.Tensor, ids: tf.Tensor): tf.Tensor {
  checkShape('embedding: table', table, table.rank === 2, '[V, D]');
  const [rows, width] = table.shape as [number, number];
  const taken = withGradient({
    inputs: [table],
    save: [ids],
    value: () => tf.gather(table, ids as tf.Tensor1D),
    gradient: (dy, [saved]) => [
      tf.tidy(() => scatterRows(tf.reshape(dy, [-1, width]), tf.reshape(saved!, [-1]), rows)),
    ],
  });
  return tf.tidy(() =>
    noted(taken, [{ weight: table, kind: 'embedding', input: tf.reshape(ids, [-1]) }]),
  );
}

/** The sum of the rows of `[N, D]` that share an id: `[V, D]`. */
const scatterRows = (values: tf.Tensor, ids: tf.Tensor, rows: number): tf.Tensor =>
  withGradient({
    inputs: [values],
    save: [ids],
    value: () => tf.unsortedSegmentSum(values, ids as tf.Tensor1D, rows),
    gradient: (dy, [taken]) => [embedding(dy, taken!)],
  });

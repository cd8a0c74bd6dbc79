import * as tf from '@tensorflow/tfjs-core';

import { checkPositiveInteger, checkShape } from '../check.js';

/**
 * Rows as heads. One token a row needs no transposition.
 *
 * @param x - `[B T, n d]`
 * @param batch - `B`
 * @param heads - `n`
 * @returns `[B, n, T, d]`; the caller owns it
 * @throws RangeError if the sizes do not divide
 *
 * @example
 * ```ts
 * import * as tf from '@tensorflow/tfjs-core';
 * splitHeads(tf.tensor2d([[1, 2], [3, 4]]), 1, 2).arraySync(); // => [[[[1], [3]], [[2], [4]]]]
 * ```
 */
export function splitHeads(x: tf.Tensor, batch: number, heads: number): tf.Tensor {
  checkPositiveInteger('splitHeads: batch', batch);
  checkPositiveInteger('splitHeads: heads', heads);
  const [rows, width] = x.shape as [number, number];
  const fits = x.rank === 2 && rows % batch === 0 && width % heads === 0;
  checkShape('splitHeads: x', x, fits, `[${batch} T, ${heads} d]`);
  const time = rows / batch;
  if (time === 1) return tf.reshape(x, [batch, heads, 1, width / heads]);
  return tf.tidy(() =>
    tf.transpose(tf.reshape(x, [batch, time, heads, width / heads]), [0, 2, 1, 3]),
  );
}

/**
 * Heads as rows: the inverse of {@link splitHeads}.
 *
 * @param x - `[B, n, T, d]`
 * @returns `[B T, n d]`; the caller owns it
 * @throws RangeError if `x` has another rank
 *
 * @example
 * ```ts
 * import * as tf from '@tensorflow/tfjs-core';
 * mergeHeads(tf.tensor4d([1, 3, 2, 4], [1, 2, 2, 1])).arraySync(); // => [[1, 2], [3, 4]]
 * ```
 */
export function mergeHeads(x: tf.Tensor): tf.Tensor {
  checkShape('mergeHeads: x', x, x.rank === 4, '[B, n, T, d]');
  const [batch, heads, time, width] = x.shape as [number, number, number, number];
  return tf.tidy(() => {
    const rows = time === 1 ? x : tf.transpose(x, [0, 2, 1, 3]);
    return tf.reshape(rows, [batch * time, heads * width]);
  });
}

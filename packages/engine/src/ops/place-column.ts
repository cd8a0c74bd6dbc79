import * as tf from '@tensorflow/tfjs-core';

import { isNative } from './native.js';

/**
 * A cache with one more column filled in.
 *
 *     placeColumn(x, now, column)[..., s, :] = now[..., 0, :]   where column[s], else x[..., s, :]
 *
 * @param x - `[B, n, S, d]`, float32, 0 in the column that is filled
 * @param now - `[B, n, 1, d]`
 * @param column - `[S, 1]` bool, true in one place
 * @returns `[B, n, S, d]`; the caller owns it
 * @throws RangeError if the shapes do not fit
 *
 * @example
 * ```ts
 * import * as tf from '@tensorflow/tfjs-core';
 * const x = tf.tensor4d([1, 0, 0], [1, 1, 3, 1]);
 * const second = tf.tensor2d([[0], [1], [0]], [3, 1], 'bool');
 * placeColumn(x, tf.tensor4d([7], [1, 1, 1, 1]), second).arraySync(); // => [[[[1], [7], [0]]]]
 * ```
 */
export function placeColumn(x: tf.Tensor, now: tf.Tensor, column: tf.Tensor): tf.Tensor {
  const [batch, heads, columns, width] = x.shape;
  if (
    x.rank !== 4 ||
    !tf.util.arraysEqual(now.shape, [batch!, heads!, 1, width!]) ||
    !tf.util.arraysEqual(column.shape, [columns!, 1])
  ) {
    throw new RangeError(
      `placeColumn: x, now and column have shapes [${x.shape.join(', ')}], [${now.shape.join(', ')}] and ` +
        `[${column.shape.join(', ')}], expected [B, n, S, d], [B, n, 1, d] and [S, 1]`,
    );
  }
  // XLA makes the choice in place, and not the sum; elsewhere the choice tiles its arguments, which is slow.
  return tf.tidy(() =>
    isNative() ? tf.where(column, now, x) : tf.add(x, tf.mul(now, tf.cast(column, 'float32'))),
  );
}

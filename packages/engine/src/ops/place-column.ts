import * as tf from '@tensorflow/tfjs-core';

import { checkShape, shapeOf } from '../check.js';
import { activeRecorder } from '../compile/recorder.js';
import { isNative, runNative } from './native.js';

/**
 * A cache with one more column filled in, which XLA does in place. It has no gradient.
 *
 *     placeColumn(x, now, at)[..., s, :] = now[..., 0, :]   for s = at, else x[..., s, :]
 *
 * @param x - `[B, n, S, d]`, float32, 0 in the column that is filled
 * @param now - `[B, n, 1, d]`
 * @param at - scalar int32 in `[0, S)`
 * @returns `[B, n, S, d]`; the caller owns it
 * @throws RangeError if the shapes do not fit
 *
 * @example
 * ```ts
 * import * as tf from '@tensorflow/tfjs-core';
 * const x = tf.tensor4d([1, 0, 0], [1, 1, 3, 1]);
 * placeColumn(x, tf.tensor4d([7], [1, 1, 1, 1]), tf.scalar(1, 'int32')).arraySync(); // => [[[[1], [7], [0]]]]
 * ```
 */
export function placeColumn(x: tf.Tensor, now: tf.Tensor, at: tf.Scalar): tf.Tensor {
  const [batch, heads, columns, width] = x.shape;
  if (x.rank !== 4 || !tf.util.arraysEqual(now.shape, [batch!, heads!, 1, width!])) {
    throw new RangeError(
      `placeColumn: now has shape ${shapeOf(now)} and x ${shapeOf(x)}, expected [B, n, 1, d] and [B, n, S, d]`,
    );
  }
  checkShape('placeColumn: at', at, at.size === 1, 'a scalar');
  return tf.tidy(() => {
    if (activeRecorder()?.xla) {
      const start = tf.mul(tf.tensor1d([0, 0, 1, 0], 'int32'), at);
      return runNative('XlaDynamicUpdateSlice', x, now, start);
    }
    const column = tf.reshape(tf.equal(tf.range(0, columns!, 1, 'int32'), at), [-1, 1]);
    // A choice tiles its arguments, which is slow elsewhere.
    return isNative()
      ? tf.where(column, now, x)
      : tf.add(x, tf.mul(now, tf.cast(column, 'float32')));
  });
}

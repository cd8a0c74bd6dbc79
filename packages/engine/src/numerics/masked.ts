import * as tf from '@tensorflow/tfjs-core';

import { checkSameShape } from '../check.js';

/**
 * The sum of the entries that a mask selects. Entries outside the mask are replaced, not
 * multiplied, so they may be infinite or NaN.
 *
 * @param x - `[...]`, float32
 * @param mask - of the same shape, bool or 0/1
 * @returns scalar; the caller owns it
 * @throws RangeError if the shapes differ
 *
 * @example
 * ```ts
 * import * as tf from '@tensorflow/tfjs-core';
 * maskedSum(tf.tensor1d([1, NaN, 3]), tf.tensor1d([1, 0, 1])).arraySync(); // => 4
 * ```
 */
export function maskedSum(x: tf.Tensor, mask: tf.Tensor): tf.Scalar {
  checkSameShape('maskedSum: mask', mask, x, 'x');
  return tf.tidy(() => tf.sum(tf.where(tf.cast(mask, 'bool'), x, tf.zerosLike(x))) as tf.Scalar);
}

/**
 * The mean of the entries that a mask selects; 0 if it selects none.
 *
 * @param x - `[...]`, float32
 * @param mask - of the same shape, bool or 0/1
 * @returns scalar; the caller owns it
 * @throws RangeError if the shapes differ
 *
 * @example
 * ```ts
 * import * as tf from '@tensorflow/tfjs-core';
 * maskedMean(tf.tensor1d([1, NaN, 3]), tf.tensor1d([1, 0, 1])).arraySync(); // => 2
 * ```
 */
export function maskedMean(x: tf.Tensor, mask: tf.Tensor): tf.Scalar {
  checkSameShape('maskedMean: mask', mask, x, 'x');
  return tf.tidy(() => {
    const count = tf.sum(tf.cast(mask, 'float32'));
    return tf.div(maskedSum(x, mask), tf.maximum(count, 1)) as tf.Scalar;
  });
}

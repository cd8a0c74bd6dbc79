import * as tf from '@tensorflow/tfjs-core';

/** Unit vectors as rows, `[n, size]`; tf.oneHot refuses a size of 1. */
export const oneHotRows = (indices: readonly number[], size: number): tf.Tensor2D =>
  tf.tidy(() => {
    const column = tf.tensor2d([...indices], [indices.length, 1], 'int32');
    return tf.cast(tf.equal(column, tf.range(0, size, 1, 'int32')), 'float32') as tf.Tensor2D;
  });

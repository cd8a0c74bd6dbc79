import * as tf from '@tensorflow/tfjs-core';

import { withGradient } from './with-gradient.js';

const rowMean = (x: tf.Tensor): tf.Tensor => tf.mean(x, -1, true);

/** The inverse of the root mean square of each row, `1 / sqrt(mean(x^2) + epsilon)`. */
const inverseRms = (x: tf.Tensor, epsilon: number): tf.Tensor =>
  tf.rsqrt(tf.add(rowMean(tf.square(x)), epsilon));

/** Gradient of `x * inverseRms(x)`: `r (g - xhat mean(g xhat))` with `r` the inverse root. */
const normalizedGradient = (g: tf.Tensor, xhat: tf.Tensor, inverse: tf.Tensor): tf.Tensor =>
  tf.mul(inverse, tf.sub(g, tf.mul(xhat, rowMean(tf.mul(g, xhat)))));

/** RMS norm of rows `x` `[N, D]`: `x / sqrt(mean(x^2) + epsilon) * gain`. */
export function rmsNorm(x: tf.Tensor, gain: tf.Tensor, epsilon: number): tf.Tensor {
  return withGradient({
    inputs: [x, gain],
    save: [x, gain],
    value: () => tf.mul(tf.mul(x, inverseRms(x, epsilon)), gain),
    gradient: (dy, saved) => {
      const [input, scale] = saved as [tf.Tensor, tf.Tensor];
      const inverse = inverseRms(input, epsilon);
      const xhat = tf.mul(input, inverse);
      return [normalizedGradient(tf.mul(dy, scale), xhat, inverse), tf.sum(tf.mul(dy, xhat), 0)];
    },
  });
}

/** Layer norm of rows `x` `[N, D]`: the RMS norm of `x - mean(x)`, plus a bias. */
export function layerNorm(
  x: tf.Tensor,
  gain: tf.Tensor,
  bias: tf.Tensor,
  epsilon: number,
): tf.Tensor {
  return withGradient({
    inputs: [x, gain, bias],
    save: [x, gain],
    value: () => {
      const centred = tf.sub(x, rowMean(x));
      return tf.add(tf.mul(tf.mul(centred, inverseRms(centred, epsilon)), gain), bias);
    },
    gradient: (dy, saved) => {
      const [input, scale] = saved as [tf.Tensor, tf.Tensor];
      const centred = tf.sub(input, rowMean(input));
      const inverse = inverseRms(centred, epsilon);
      const xhat = tf.mul(centred, inverse);
      const dCentred = normalizedGradient(tf.mul(dy, scale), xhat, inverse);
      return [tf.sub(dCentred, rowMean(dCentred)), tf.sum(tf.mul(dy, xhat), 0), tf.sum(dy, 0)];
    },
  });
}

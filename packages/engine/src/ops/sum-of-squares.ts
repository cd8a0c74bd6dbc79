import * as tf from '@tensorflow/tfjs-core';

import { isNative, runNative } from './native.js';
import { unary } from './with-gradient.js';

/** Half the sum of the squares of all entries, which is one operation of native TensorFlow. */
const halfSquare = (x: tf.Tensor): tf.Tensor =>
  unary(
    x,
    () => runNative('L2Loss', x),
    (dy, input) => tf.mul(dy, input),
  );

/** The sum of the squares of all entries of all tensors, of which there is at least one; a scalar. */
export const sumOfSquares = (tensors: readonly tf.Tensor[]): tf.Tensor =>
  isNative()
    ? tf.mul(tf.addN(tensors.map(halfSquare)), 2)
    : tf.addN(tensors.map((x) => tf.sum(tf.square(x))));

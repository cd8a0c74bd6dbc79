import * as tf from '@tensorflow/tfjs-core';

import { isNative, runNative } from './native.js';
import { withGradient } from './with-gradient.js';

/** Half the sum of the squares of all entries, a scalar; one operation on native TensorFlow. */
export const halfSquare = (x: tf.Tensor): tf.Tensor =>
  withGradient({
    inputs: [x],
    save: [x],
    value: () => (isNative() ? runNative('L2Loss', x) : tf.mul(tf.sum(tf.square(x)), 0.5)),
    gradient: (dy, [input]) => [tf.mul(dy, input!)],
  });

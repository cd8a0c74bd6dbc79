import * as tf from '@tensorflow/tfjs-core';

import { isNative, runNative } from './native.js';
import { withGradient } from './with-gradient.js';

/** The sum of the rows of `[N, D]`: `[D]`, which is the gradient of what is added to each row. */
export function columnSum(x: tf.Tensor): tf.Tensor {
  const { shape } = x;
  return withGradient({
    inputs: [x],
    save: [],
    value: () => (isNative() ? runNative('BiasAddGrad', x) : tf.sum(x, 0)),
    gradient: (dy) => [tf.broadcastTo(dy, shape as [number, number])],
  });
}

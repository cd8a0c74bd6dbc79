import * as tf from '@tensorflow/tfjs-core';

import { withGradient } from './with-gradient.js';

// gelu(x) = x/2 (1 + tanh(c (x + 0.044715 x^3))), c = sqrt(2/pi), is x sigmoid(A x + B x^3).
const A = 2 * Math.sqrt(2 / Math.PI);
const B = A * 0.044715;

const geluGate = (x: tf.Tensor, square: tf.Tensor): tf.Tensor =>
  tf.sigmoid(tf.mul(x, tf.add(tf.mul(square, B), A)));

/** GELU by its tanh approximation (`gelu_new` of Hugging Face), elementwise. */
export function geluTanh(x: tf.Tensor): tf.Tensor {
  return withGradient({
    inputs: [x],
    save: [x],
    value: () => tf.mul(x, geluGate(x, tf.square(x))),
    gradient: (dy, saved) => {
      const input = saved[0]!;
      const square = tf.square(input);
      const gate = geluGate(input, square);
      // d(x s) = s + x s (1 - s) (A + 3 B x^2)
      const slope = tf.mul(input, tf.add(tf.mul(square, 3 * B), A));
      return [tf.mul(dy, tf.mul(gate, tf.add(tf.mul(slope, tf.sub(1, gate)), 1)))];
    },
  });
}

/** The gate of SwiGLU, `silu(gate) * up` with `silu(x) = x sigmoid(x)`, elementwise. */
export function swiGlu(gate: tf.Tensor, up: tf.Tensor): tf.Tensor {
  return withGradient({
    inputs: [gate, up],
    save: [gate, up],
    value: () => tf.mul(tf.mul(gate, tf.sigmoid(gate)), up),
    gradient: (dy, saved) => {
      const [g, u] = saved as [tf.Tensor, tf.Tensor];
      const s = tf.sigmoid(g);
      const silu = tf.mul(g, s);
      const slope = tf.add(s, tf.mul(silu, tf.sub(1, s)));
      return [tf.mul(tf.mul(dy, u), slope), tf.mul(dy, silu)];
    },
  });
}

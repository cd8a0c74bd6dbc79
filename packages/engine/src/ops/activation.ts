import * as tf from '@tensorflow/tfjs-core';

import { MOST_FLOAT32, checkInRange, checkSameShape } from '../check.js';
import { recalledUnary, unary, withGradient } from './with-gradient.js';

// gelu(x) = x/2 (1 + tanh(c (x + 0.044715 x^3))), c = sqrt(2/pi), is x sigmoid(A x + B x^3).
const A = 2 * Math.sqrt(2 / Math.PI);
const B = A * 0.044715;

const oneMinus = (x: tf.Tensor): tf.Tensor => tf.sub(1, x);

/** `sigmoid(A x + B x^3)` as it was computed, with the gradient `s (1 - s) (A + 3 B x^2)`. */
const recalledGate = (kept: tf.Tensor, x: tf.Tensor): tf.Tensor =>
  recalledUnary(kept, x, (dy, input, again) => {
    const gate = recalledGate(again, input);
    const inner = tf.add(tf.mul(tf.square(input), 3 * B), A);
    return tf.mul(dy, tf.mul(inner, tf.mul(gate, oneMinus(gate))));
  });

/**
 * GELU by its tanh approximation (`gelu_new` of Hugging Face), elementwise.
 *
 *     geluTanh(x) = x/2 (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3)))
 *
 * @param x - any shape, float32
 * @returns of the same shape; the caller owns it
 * @see Hendrycks and Gimpel 2016, section 2, https://arxiv.org/abs/1606.08415
 *
 * @example
 * ```ts
 * import * as tf from '@tensorflow/tfjs-core';
 * geluTanh(tf.tensor1d([-1, 0, 1])).arraySync(); // => [-0.158808, 0, 0.841192]
 * ```
 */
export function geluTanh(x: tf.Tensor): tf.Tensor {
  return tf.tidy(() =>
    unary(
      x,
      () => {
        const gate = tf.sigmoid(tf.mul(x, tf.add(tf.mul(tf.square(x), B), A)));
        return { value: tf.mul(x, gate), kept: [gate] };
      },
      (dy, input, kept) => {
        const gate = recalledGate(kept, input);
        // d(x s) = s (1 + x (1 - s) (A + 3 B x^2))
        const slope = tf.mul(input, tf.add(tf.mul(tf.square(input), 3 * B), A));
        return tf.mul(dy, tf.mul(gate, tf.add(tf.mul(slope, oneMinus(gate)), 1)));
      },
    ),
  );
}

/**
 * GELU, elementwise.
 *
 *     gelu(x) = x Phi(x) = x/2 (1 + erf(x / sqrt(2)))
 *
 * @param x - any shape, float32
 * @returns of the same shape; the caller owns it
 * @see Hendrycks and Gimpel 2016, section 2, https://arxiv.org/abs/1606.08415
 *
 * @example
 * ```ts
 * import * as tf from '@tensorflow/tfjs-core';
 * gelu(tf.tensor1d([-1, 0, 1])).arraySync(); // => [-0.1586553, 0, 0.8413447]
 * ```
 */
export function gelu(x: tf.Tensor): tf.Tensor {
  return tf.tidy(() => tf.mul(x, normalCdf(x)));
}

const normalCdf = (x: tf.Tensor): tf.Tensor =>
  unary(
    x,
    () => tf.add(tf.mul(tf.erf(tf.mul(x, Math.SQRT1_2)), 0.5), 0.5),
    (dy, input) => tf.mul(dy, normalDensity(input)),
  );

const normalDensity = (x: tf.Tensor): tf.Tensor =>
  unary(
    x,
    () => tf.mul(tf.exp(tf.mul(tf.square(x), -0.5)), 1 / Math.sqrt(2 * Math.PI)),
    (dy, input) => tf.neg(tf.mul(dy, tf.mul(input, normalDensity(input)))),
  );

const recalledSigmoid = (kept: tf.Tensor, x: tf.Tensor): tf.Tensor =>
  recalledUnary(kept, x, (dy, input, again) => {
    const s = recalledSigmoid(again, input);
    return tf.mul(dy, tf.mul(s, oneMinus(s)));
  });

/**
 * The gate of SwiGLU, elementwise.
 *
 *     swiGlu(g, u) = silu(g) u,   silu(g) = g sigmoid(g)
 *
 * @param gate - any shape, float32
 * @param up - of the same shape
 * @returns of the same shape; the caller owns it
 * @throws RangeError if the shapes differ
 * @see Shazeer 2020, eq. 5, https://arxiv.org/abs/2002.05202
 *
 * @example
 * ```ts
 * import * as tf from '@tensorflow/tfjs-core';
 * swiGlu(tf.tensor1d([0, 1]), tf.tensor1d([5, 10])).arraySync(); // => [0, 7.310586]
 * ```
 */
export function swiGlu(gate: tf.Tensor, up: tf.Tensor): tf.Tensor {
  checkSameShape('swiGlu: up', up, gate, 'gate');
  return tf.tidy(() =>
    withGradient({
      inputs: [gate, up],
      save: [gate, up],
      value: () => {
        const s = tf.sigmoid(gate);
        return { value: tf.mul(tf.mul(gate, s), up), kept: [s] };
      },
      gradient: (dy, [g, u], [kept]) => {
        const s = recalledSigmoid(kept!, g!);
        const silu = tf.mul(g!, s);
        // d silu = s + silu (1 - s)
        const slope = tf.add(s, tf.mul(silu, oneMinus(s)));
        return [tf.mul(tf.mul(dy, u!), slope), tf.mul(dy, silu)];
      },
    }),
  );
}

/** `tanh(x / cap)` as it was computed. */
const recalledTanh = (kept: tf.Tensor, x: tf.Tensor, cap: number): tf.Tensor =>
  recalledUnary(kept, x, (dy, input, again) => {
    const t = recalledTanh(again, input, cap);
    return tf.div(tf.mul(dy, oneMinus(tf.square(t))), cap);
  });

/**
 * Bounds numbers smoothly, elementwise: the identity near 0, the bound far from it.
 *
 *     softCap(x) = cap tanh(x / cap)
 *
 * @param x - any shape, float32
 * @param cap - the bound, positive
 * @returns of the same shape, in `[-cap, cap]`; the caller owns it
 * @throws RangeError if `cap` is not positive
 * @see Gemma Team 2024, section 2, https://arxiv.org/abs/2408.00118
 *
 * @example
 * ```ts
 * import * as tf from '@tensorflow/tfjs-core';
 * softCap(tf.tensor1d([0.1, 100]), 2).arraySync(); // => [0.0999168, 2]
 * ```
 */
export function softCap(x: tf.Tensor, cap: number): tf.Tensor {
  checkInRange('softCap: cap', cap, Number.MIN_VALUE, MOST_FLOAT32);
  return tf.tidy(() =>
    unary(
      x,
      () => {
        const t = tf.tanh(tf.div(x, cap));
        return { value: tf.mul(t, cap), kept: [t] };
      },
      (dy, input, kept) => tf.mul(dy, oneMinus(tf.square(recalledTanh(kept, input, cap)))),
    ),
  );
}

import * as tf from '@tensorflow/tfjs-core';

import { withGradient } from './with-gradient.js';

/** How a checkpoint stores a weight: GPT-2's `Conv1D` is `[in, out]`, `Linear` is `[out, in]`. */
export type WeightLayout = 'in-out' | 'out-in';

/**
 * A product of two matrices with optional transposition. The wasm backend multiplies with a
 * transpose flag 20 to 50 times slower than without, forward and backward, so there the
 * transposition is an operation of its own; elsewhere the flags cost nothing.
 */
export function matMul2d(
  a: tf.Tensor,
  b: tf.Tensor,
  transposeA = false,
  transposeB = false,
): tf.Tensor {
  if (tf.getBackend() !== 'wasm') return tf.matMul(a, b, transposeA, transposeB);
  return matMulWithoutFlags(transposeA ? tf.transpose(a) : a, transposeB ? tf.transpose(b) : b);
}

const matMulWithoutFlags = (a: tf.Tensor, b: tf.Tensor): tf.Tensor =>
  withGradient({
    inputs: [a, b],
    save: [a, b],
    value: () => tf.matMul(a, b),
    gradient: (dy, saved) => [
      matMul2d(dy, saved[1]!, false, true),
      matMul2d(saved[0]!, dy, true, false),
    ],
  });

/** `x W + b` for rows `x` `[N, in]`; the result is `[N, out]`. */
export function linear(
  x: tf.Tensor,
  weight: tf.Tensor,
  layout: WeightLayout,
  bias?: tf.Tensor,
): tf.Tensor {
  const product = matMul2d(x, weight, false, layout === 'out-in');
  return bias === undefined ? product : tf.add(product, bias);
}

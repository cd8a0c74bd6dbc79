import * as tf from '@tensorflow/tfjs-core';

import { checkShape, shapeOf } from '../check.js';
import { type Used, noted } from '../gradients/use-scope.js';
import { columnSum } from './column-sum.js';
import { isNative, runNative } from './native.js';
import type { WeightLayout } from './weight-layout.js';
import { withGradient } from './with-gradient.js';

const addBias = (x: tf.Tensor, bias: tf.Tensor): tf.Tensor =>
  withGradient({
    inputs: [x, bias],
    save: [],
    value: () => (isNative() ? runNative('BiasAdd', x, bias) : tf.add(x, bias)),
    gradient: (dy) => [dy, columnSum(dy)],
  });

/**
 * An affine map of rows.
 *
 *     dense(x, W, b) = x W + b
 *
 * @param x - `[N, in]`, float32
 * @param weight - `W`, `[in, out]` or `[out, in]` as the layout says
 * @param bias - `b`, `[out]`; without it nothing is added
 * @returns `[N, out]`; the caller owns it
 * @throws RangeError if the shapes do not fit
 *
 * @example
 * ```ts
 * import * as tf from '@tensorflow/tfjs-core';
 * const weight = tf.tensor2d([[1, 2], [3, 4], [5, 6]]);
 * dense(tf.tensor2d([[1, 10]]), weight, 'out-in', tf.tensor1d([0, 0, 1])).arraySync(); // => [[21, 43, 66]]
 * ```
 */
export function dense(
  x: tf.Tensor,
  weight: tf.Tensor,
  layout: WeightLayout,
  bias?: tf.Tensor,
): tf.Tensor {
  if (layout !== 'in-out' && layout !== 'out-in') {
    throw new RangeError(`dense: layout is ${String(layout)}, expected 'in-out' or 'out-in'`);
  }
  const [from, to] = layout === 'in-out' ? weight.shape : [...weight.shape].reverse();
  if (x.rank !== 2 || weight.rank !== 2 || x.shape[1] !== from) {
    const expected = `[N, ${from}] for a weight of shape ${shapeOf(weight)} (${layout})`;
    checkShape('dense: x', x, false, expected);
  }
  if (bias) checkShape('dense: bias', bias, bias.rank === 1 && bias.size === to, `[${to}]`);
  return tf.tidy(() => {
    const product = tf.matMul(x, weight, false, layout === 'out-in');
    const used: Used = { weight, kind: 'dense', layout, input: x };
    return bias === undefined
      ? noted(product, [used])
      : noted(addBias(product, bias), [used, { weight: bias, kind: 'bias' }]);
  });
}

import * as tf from '@tensorflow/tfjs-core';

import { type ValueAndGrad, valueAuxAndGrad } from './grad.js';
import { type Params, mapParams } from '../params.js';

/** The sum of some losses, of their weights, and of their gradients. A type, since `tf.tidy` returns no interface. */
export type GradientSum = {
  /** The losses' sum. */
  readonly value: tf.Scalar;
  /** What the losses weigh together: the number of tokens, where each token's loss counts alike. */
  readonly weight: tf.Scalar;
  /** Gradients of `value`. */
  readonly grads: Params;
};

/** What a micro-batch adds to a mean. */
export interface WeightedLoss {
  /** Scalar, differentiable: the sum of its losses, not their mean. */
  readonly sum: tf.Tensor;
  /** Scalar: how many there are, or what they weigh; no gradient is taken of it. */
  readonly weight: tf.Tensor;
}

/**
 * The gradient of a micro-batch, added to that of others before it (gradient accumulation): the gradient of a mean over a
 * batch that is too large to be computed at once. Sums and weights are added up and divided at the end, so that micro-batches
 * may have different numbers of tokens.
 *
 *     value = before.value + sum,   weight = before.weight + weight,   grads = before.grads + d sum / d params
 *
 * @param loss - sum and weight of a micro-batch's losses, as a function of the parameters
 * @returns a function of the parameters and of what was there before (absent: nothing); the caller owns its result, and still
 *   what was there before
 * @see {@link meanGradient} for the end
 *
 * @example
 * ```ts
 * import * as tf from '@tensorflow/tfjs-core';
 * const loss = (x: tf.Tensor) => ({ w }: Params) => ({ sum: tf.sum(tf.mul(w!, x)), weight: tf.scalar(x.size) });
 * const params = { w: tf.scalar(2) };
 * const first = gradientSum(loss(tf.tensor1d([1, 2, 6])))(params);
 * const both = gradientSum(loss(tf.tensor1d([3])))(params, first);
 * meanGradient(both); // => { value: 6, grads: { w: 3 } }
 * ```
 */
export function gradientSum(
  loss: (params: Params) => WeightedLoss,
): (params: Params, before?: GradientSum) => GradientSum {
  const sumAndGrad = valueAuxAndGrad((params) => {
    const { sum, weight } = loss(params);
    return { value: sum, aux: { weight } };
  });
  return (params, before) =>
    tf.tidy(() => {
      const { value, grads, aux } = sumAndGrad(params);
      const weight = aux.weight as tf.Scalar;
      if (before === undefined) return { value, weight, grads };
      return {
        value: tf.add(before.value, value) as tf.Scalar,
        weight: tf.add(before.weight, weight) as tf.Scalar,
        grads: mapParams(grads, (grad, name) => tf.add(before.grads[name]!, grad)),
      };
    });
}

/**
 * A mean and its gradient, from sums. Where nothing weighs anything both are 0.
 *
 *     value = sum.value / sum.weight,   grads = sum.grads / sum.weight
 *
 * @param sum - what {@link gradientSum} has added up; borrowed
 * @returns the mean and its gradient, as of `valueAndGrad`; the caller owns both
 *
 * @example
 * ```ts
 * import * as tf from '@tensorflow/tfjs-core';
 * meanGradient({ value: tf.scalar(6), weight: tf.scalar(3), grads: { w: tf.tensor1d([9, 0]) } }); // => { value: 2, grads: { w: [3, 0] } }
 * ```
 */
export function meanGradient({ value, weight, grads }: GradientSum): ValueAndGrad {
  return tf.tidy(() => {
    const scale = tf.divNoNan(tf.scalar(1), weight);
    return {
      value: tf.mul(value, scale) as tf.Scalar,
      grads: mapParams(grads, (grad) => tf.mul(grad, scale)) as Record<string, tf.Tensor>,
    };
  });
}

import * as tf from '@tensorflow/tfjs-core';

import { isNative, runNative } from '../ops/native.js';
import { keptValue, recalledUnary, unary } from '../ops/with-gradient.js';

/**
 * A tensor whose gradient is taken as zero.
 *
 * @param x - any float tensor
 * @returns a tensor equal to `x` that no gradient passes; the caller owns it
 *
 * @example
 * ```ts
 * import * as tf from '@tensorflow/tfjs-core';
 * const loss = ({ x }: Params) => tf.sum(tf.mul(x!, stopGradient(x!)));
 * valueAndGrad(loss)({ x: tf.tensor1d([2, 3]) }).grads.x!.arraySync(); // => [2, 3]
 * ```
 */
export function stopGradient<T extends tf.Tensor>(x: T): T {
  const stopped = tf.customGrad((...args) => {
    const { shape } = x;
    return { value: tf.clone(args[0] as T), gradFunc: () => [tf.zeros(shape)] };
  });
  return stopped(x) as T;
}

/** exp; TensorFlow.js' own gradient uses the result, and is lost to a second derivative. */
export const exp = (x: tf.Tensor): tf.Tensor =>
  unary(
    x,
    () => tf.exp(x),
    (dy, input) => tf.mul(dy, exp(input)),
  );

/** The value of {@link logSoftmax}; native TensorFlow has it as one operation. */
function logSoftmaxValue(z: tf.Tensor): tf.Tensor {
  if (isNative() && z.rank > 0) return runNative('LogSoftmax', z);
  const shifted = tf.sub(z, tf.max(z, -1, true));
  return tf.sub(shifted, tf.log(tf.sum(tf.exp(shifted), -1, true)));
}

const logSoftmaxGradient = (dy: tf.Tensor, logProbs: tf.Tensor): tf.Tensor =>
  tf.sub(dy, tf.mul(exp(logProbs), tf.sum(dy, -1, true)));

/** The value of {@link logSoftmax} again, in a gradient that may itself be differentiated. */
export const recalledLogProbs = (kept: tf.Tensor, logits: tf.Tensor): tf.Tensor =>
  recalledUnary(kept, logits, (dy, z, again) => logSoftmaxGradient(dy, recalledLogProbs(again, z)));

/**
 * Log-probabilities from logits along the last axis; it can be differentiated any number of times.
 *
 *     logSoftmax(z)_v = z_v - max z - log sum_u exp(z_u - max z)
 *
 * @param logits - `[..., V]`, float32; `-Infinity` stands for an impossible token
 * @returns `[..., V]`, nats, at most 0; the caller owns it
 *
 * @example
 * ```ts
 * import * as tf from '@tensorflow/tfjs-core';
 * logSoftmax(tf.tensor1d([1000, 1000])).arraySync(); // => [-0.6931472, -0.6931472]
 * ```
 */
export function logSoftmax<T extends tf.Tensor>(logits: T): T {
  return unary(
    logits,
    keptValue(() => logSoftmaxValue(logits)),
    (dy, z, kept) => logSoftmaxGradient(dy, recalledLogProbs(kept, z)),
  ) as T;
}

import { checkInRange, checkSameShape } from '@cfrl/engine';
import * as tf from '@tensorflow/tfjs-core';

/** A per-token loss of the critic, from its values now, its values before the updates, and its targets. */
export type ValueLoss = (values: tf.Tensor, oldValues: tf.Tensor, returns: tf.Tensor) => tf.Tensor;

/**
 * Half the squared error of the critic.
 *
 *     (value - return)^2 / 2
 *
 * @param values - `[...]`, reward units
 * @param _oldValues - `[...]`, not used
 * @param returns - `[...]`, reward units
 * @returns `[...]`, squared reward units. The caller owns the result.
 * @see Schulman et al. 2017, eq. 9, https://arxiv.org/abs/1707.06347
 *
 * @example
 * ```ts
 * import * as tf from '@tensorflow/tfjs-core';
 * squaredError(tf.tensor1d([3]), tf.tensor1d([0]), tf.tensor1d([1])).arraySync(); // => [2]
 * ```
 */
export function squaredError(
  values: tf.Tensor,
  _oldValues: tf.Tensor,
  returns: tf.Tensor,
): tf.Tensor {
  checkSameShape('squaredError: returns', returns, values, 'values');
  return tf.tidy(() => tf.mul(0.5, tf.squaredDifference(values, returns)));
}

/**
 * Half the squared error, where a value that has moved further than `clipRangeValue` from the value
 * before the updates counts as if it had stopped there, unless that would look better.
 *
 *     max((v - R)^2, (vOld + clip(v - vOld, -c, c) - R)^2) / 2
 *
 * @param clipRangeValue - `c`, reward units, at least 0
 * @returns the loss
 * @throws RangeError if `clipRangeValue` is negative or NaN
 * @see Engstrom et al. 2020, section 3, https://arxiv.org/abs/2005.12729
 *
 * @example
 * ```ts
 * import * as tf from '@tensorflow/tfjs-core';
 * const loss = clippedSquaredError(0.2);
 * loss(tf.tensor1d([1]), tf.tensor1d([0]), tf.tensor1d([1])).arraySync(); // => [0.32]
 * ```
 */
export function clippedSquaredError(clipRangeValue: number): ValueLoss {
  checkInRange('clippedSquaredError: clipRangeValue', clipRangeValue, 0, Infinity);
  const loss: ValueLoss = (values, oldValues, returns) => {
    checkSameShape('clippedSquaredError: oldValues', oldValues, values, 'values');
    checkSameShape('clippedSquaredError: returns', returns, values, 'values');
    return tf.tidy(() => {
      const moved = tf.clipByValue(tf.sub(values, oldValues), -clipRangeValue, clipRangeValue);
      const clipped = squaredError(tf.add(oldValues, moved), oldValues, returns);
      return tf.maximum(squaredError(values, oldValues, returns), clipped);
    });
  };
  return Object.defineProperty(loss, 'name', { value: `clippedSquaredError(${clipRangeValue})` });
}

import * as tf from '@tensorflow/tfjs-core';

import { checkInRange } from '../check.js';
import { sumOfSquares } from '../ops/sum-of-squares.js';
import type { Params } from '../params.js';
import { elementwise } from './elementwise.js';
import type { Optimizer } from './types.js';

/**
 * The Euclidean norm of a whole record, as one vector.
 *
 * @param params - record of float tensors, usually gradients
 * @returns scalar, at least 0; the caller owns it
 *
 * @example
 * ```ts
 * import * as tf from '@tensorflow/tfjs-core';
 * globalNorm({ a: tf.tensor1d([3]), b: tf.tensor2d([[0, 4]]) }).arraySync(); // => 5
 * ```
 */
export function globalNorm(params: Params): tf.Scalar {
  return tf.tidy(() => {
    const tensors = Object.values(params);
    return (tensors.length === 0 ? tf.scalar(0) : tf.sqrt(sumOfSquares(tensors))) as tf.Scalar;
  });
}

/**
 * Scales gradients so that their global norm is at most `maxNorm`.
 *
 *     update = g min(1, maxNorm / ||g||)
 *
 * @param maxNorm - largest norm, more than 0; `Infinity` clips nothing
 * @returns a gradient transformation without state, for {@link chain}
 * @throws RangeError if `maxNorm` is not positive
 * @see Pascanu et al. 2013, algorithm 1, https://arxiv.org/abs/1211.5063
 *
 * @example
 * ```ts
 * import * as tf from '@tensorflow/tfjs-core';
 * const { updates } = clipByGlobalNorm(1).update({ w: tf.tensor1d([3, 4]) }, {}, {});
 * updates.w!.arraySync(); // => [0.6, 0.8]
 * ```
 */
export function clipByGlobalNorm(maxNorm: number): Optimizer {
  checkInRange('clipByGlobalNorm: maxNorm', maxNorm, Number.MIN_VALUE, Infinity);
  return {
    init: () => ({}),
    update: (grads) => ({
      updates: tf.tidy(() => {
        const norm = globalNorm(grads);
        // Only where the norm is larger: a bound that float32 holds as 0 or as infinite divides nothing by itself.
        const scale = tf.where(tf.greater(norm, maxNorm), tf.div(maxNorm, norm), 1);
        const [scaled = {}] = elementwise(Object.keys(grads), [grads], (g) => [tf.mul(g!, scale)]);
        return scaled;
      }),
      state: {},
    }),
  };
}

import { MOST_FLOAT32, checkInRange, checkSameShape } from '@cfrl/engine';
import * as tf from '@tensorflow/tfjs-core';

import type { LossInput } from '../types.js';
import { type KlEstimator, klK3 } from './kl.js';

/** Weights of the terms beside the surrogate. */
export interface RegularizeOptions {
  /** Weight of the divergence from the reference, per nat. @defaultValue 0 */
  readonly klCoef?: number;
  /** Its estimator. @defaultValue klK3 */
  readonly kl?: KlEstimator;
  /** Weight of the entropy, per nat. @defaultValue 0 */
  readonly entropyCoef?: number;
}

/**
 * Adds the divergence from the reference to per-token losses, and takes off the entropy.
 *
 *     l_t + klCoef kl_t - entropyCoef H_t
 *
 * @param losses - `[B, T]`, a surrogate
 * @param input - the minibatch, with `refLogProbs` if `klCoef` is not 0
 * @param options - the weights; a term of weight 0 is not computed
 * @returns `[B, T]`. The caller owns the result.
 * @throws RangeError if the reference's log-probabilities are needed and not there
 *
 * @example
 * ```ts
 * import * as tf from '@tensorflow/tfjs-core';
 * const entropy = tf.tensor2d([[0.5]]);
 * regularize(tf.tensor2d([[1]]), { entropy }, { entropyCoef: 0.1 }).arraySync(); // => [[0.95]]
 * ```
 */
export function regularize(
  losses: tf.Tensor,
  { logProbs, refLogProbs, entropy }: LossInput,
  { klCoef = 0, kl = klK3, entropyCoef = 0 }: RegularizeOptions = {},
): tf.Tensor {
  checkInRange('regularize: klCoef', klCoef, 0, MOST_FLOAT32);
  checkInRange('regularize: entropyCoef', entropyCoef, 0, MOST_FLOAT32);
  return tf.tidy(() => {
    let result = losses;
    if (klCoef !== 0) {
      if (refLogProbs === undefined) {
        throw new RangeError('regularize: input has no refLogProbs, expected some; pass refParams');
      }
      checkSameShape('regularize: logProbs', logProbs, losses, 'losses');
      result = tf.add(result, tf.mul(klCoef, kl(logProbs, refLogProbs)));
    }
    if (entropyCoef !== 0) {
      checkSameShape('regularize: entropy', entropy, losses, 'losses');
      result = tf.sub(result, tf.mul(entropyCoef, entropy));
    }
    return result === losses ? tf.clone(losses) : result;
  });
}

import { checkSameShape } from '@cfrl/engine';
import * as tf from '@tensorflow/tfjs-core';

/**
 * A per-token estimate of `KL(p || q)` from the log-probabilities of tokens that were drawn from
 * `p`: two tensors of one shape in, nats out.
 */
export type KlEstimator = (logProbs: tf.Tensor, refLogProbs: tf.Tensor) => tf.Tensor;

/**
 * The log-ratio itself: unbiased, of large variance, negative on many tokens. As a term of the
 * loss its expected gradient is 0, so it belongs in the reward.
 *
 *     k1 = log p - log q
 *
 * @param logProbs - `[...]`, nats, `log p` of tokens drawn from `p`
 * @param refLogProbs - `[...]`, nats, `log q` of the same tokens
 * @returns `[...]`, nats. The caller owns the result.
 * @see Schulman 2020, http://joschu.net/blog/kl-approx.html
 *
 * @example
 * ```ts
 * import * as tf from '@tensorflow/tfjs-core';
 * klK1(tf.tensor1d([-1]), tf.tensor1d([-1.5])).arraySync(); // => [0.5]
 * ```
 */
export function klK1(logProbs: tf.Tensor, refLogProbs: tf.Tensor): tf.Tensor {
  checkSameShape('klK1: refLogProbs', refLogProbs, logProbs, 'logProbs');
  return tf.sub(logProbs, refLogProbs);
}

/**
 * Half the squared log-ratio: never negative, of small variance, biased. As a term of the loss,
 * its expected gradient is that of `KL(p || q)`.
 *
 *     k2 = (log p - log q)^2 / 2
 *
 * @param logProbs - `[...]`, nats, `log p` of tokens drawn from `p`
 * @param refLogProbs - `[...]`, nats, `log q` of the same tokens
 * @returns `[...]`, nats, at least 0. The caller owns the result.
 * @see Schulman 2020, http://joschu.net/blog/kl-approx.html
 *
 * @example
 * ```ts
 * import * as tf from '@tensorflow/tfjs-core';
 * klK2(tf.tensor1d([-1]), tf.tensor1d([-1.5])).arraySync(); // => [0.125]
 * ```
 */
export function klK2(logProbs: tf.Tensor, refLogProbs: tf.Tensor): tf.Tensor {
  checkSameShape('klK2: refLogProbs', refLogProbs, logProbs, 'logProbs');
  return tf.tidy(() => tf.mul(0.5, tf.square(tf.sub(logProbs, refLogProbs))));
}

/**
 * The log-ratio with a control variate: unbiased and never negative. As a term of the loss, its
 * expected gradient is that of `KL(q || p)`.
 *
 *     k3 = q / p - 1 - log(q / p)
 *
 * @param logProbs - `[...]`, nats, `log p` of tokens drawn from `p`
 * @param refLogProbs - `[...]`, nats, `log q` of the same tokens
 * @returns `[...]`, nats, at least 0. The caller owns the result.
 * @see Schulman 2020, http://joschu.net/blog/kl-approx.html; Shao et al. 2024, eq. 4
 *
 * @example
 * ```ts
 * import * as tf from '@tensorflow/tfjs-core';
 * klK3(tf.tensor1d([-1]), tf.tensor1d([-1.5])).arraySync(); // => [0.1065307]
 * ```
 */
export function klK3(logProbs: tf.Tensor, refLogProbs: tf.Tensor): tf.Tensor {
  checkSameShape('klK3: refLogProbs', refLogProbs, logProbs, 'logProbs');
  return tf.tidy(() => {
    const logRatio = tf.sub(refLogProbs, logProbs);
    return tf.sub(tf.expm1(logRatio), logRatio);
  });
}

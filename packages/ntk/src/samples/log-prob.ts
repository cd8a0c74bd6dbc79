import { checkSameShape, logSoftmax } from '@cfrl/engine';
import * as tf from '@tensorflow/tfjs-core';

import { oneHotRows } from '../one-hot.js';

/**
 * The matrix that turns a small change of logits into the change of log-probabilities.
 *
 *     T = I - 1 pi^T,  pi = softmax(logits);   T 1 = 0,  pi^T T = 0
 *
 * @param logits - `[n, V]`
 * @returns `[n, V, V]`; the caller owns it
 * @throws RangeError if `logits` is not of rank 2
 * @see Tomihari 2026, https://arxiv.org/abs/2601.04670; {@link logProbChange} applies it without
 *   forming it
 *
 * @example
 * ```ts
 * import * as tf from '@tensorflow/tfjs-core';
 * logProbTransform(tf.tensor2d([[0, 0]])).arraySync(); // => [[[0.5, -0.5], [-0.5, 0.5]]]
 * ```
 */
export function logProbTransform(logits: tf.Tensor2D): tf.Tensor3D {
  checkRank('logProbTransform: logits', logits);
  return tf.tidy(() => {
    const [n, V] = logits.shape;
    const policy = tf.reshape(tf.exp(logSoftmax(logits)), [n, 1, V]);
    return tf.sub(tf.reshape(tf.eye(V), [1, V, V]), policy) as tf.Tensor3D;
  });
}

/**
 * The change of log-probabilities that a small change of logits makes, to first order.
 *
 *     delta log pi = T delta z = delta z - <pi, delta z> 1
 *
 * @param logits - `[n, V]`, before the change
 * @param change - `[n, V]`, `delta z`
 * @returns `[n, V]`, nats; the caller owns it
 * @throws RangeError if the shapes differ or are not of rank 2
 *
 * @example
 * ```ts
 * import * as tf from '@tensorflow/tfjs-core';
 * logProbChange(tf.tensor2d([[0, 0]]), tf.tensor2d([[1, 0]])).arraySync(); // => [[0.5, -0.5]]
 * ```
 */
export function logProbChange(logits: tf.Tensor2D, change: tf.Tensor2D): tf.Tensor2D {
  checkRank('logProbChange: logits', logits);
  checkSameShape('logProbChange: change', change, logits, 'logits');
  return tf.tidy(() => {
    const policy = tf.exp(logSoftmax(logits));
    return tf.sub(change, tf.sum(tf.mul(policy, change), -1, true)) as tf.Tensor2D;
  });
}

/**
 * The gradient of the taken tokens' log-probabilities with respect to the logits.
 *
 *     d = e_y - pi,  pi = softmax(logits);   1^T d = 0,  E_{y ~ pi} d = 0
 *
 * @param logits - `[n, V]`
 * @param tokens - `n` token ids in `[0, V)`, `y`
 * @returns `[n, V]`; the caller owns it
 * @throws RangeError if there is not one token a row, or one is not in the vocabulary
 *
 * @example
 * ```ts
 * import * as tf from '@tensorflow/tfjs-core';
 * sampleGradient(tf.tensor2d([[0, 0]]), [1]).arraySync(); // => [[-0.5, 0.5]]
 * ```
 */
export function sampleGradient(logits: tf.Tensor2D, tokens: readonly number[]): tf.Tensor2D {
  checkRank('sampleGradient: logits', logits);
  const [n, V] = logits.shape;
  if (tokens.length !== n) {
    throw new RangeError(`sampleGradient: tokens has ${tokens.length} entries, expected ${n}`);
  }
  tokens.forEach((token, i) => checkToken(`sampleGradient: tokens[${i}]`, token, V));
  return tf.tidy(() => tf.sub(oneHotRows(tokens, V), tf.exp(logSoftmax(logits))) as tf.Tensor2D);
}

/** Refuses a token id outside the vocabulary. */
export function checkToken(where: string, token: number, vocabulary: number): void {
  if (!Number.isInteger(token) || token < 0 || token >= vocabulary) {
    throw new RangeError(`${where} is ${token}, expected a token id in [0, ${vocabulary})`);
  }
}

function checkRank(where: string, logits: tf.Tensor): void {
  if (logits.rank !== 2) {
    throw new RangeError(`${where} has shape [${logits.shape.join(', ')}], expected [n, V]`);
  }
}

import {
  checkPositiveInteger,
  checkSameShape,
  checkTensor,
  isRecording,
  maskedMean,
  maskedSum,
} from '@cfrl/engine';
import * as tf from '@tensorflow/tfjs-core';

/**
 * From per-token losses `[B, T]` and the mask of completion tokens to a scalar; every completion
 * has at least one token.
 */
export type Reduce = (losses: tf.Tensor, mask: tf.Tensor) => tf.Scalar;

/**
 * The mean over all completion tokens of the batch: every token weighs the same, so long completions
 * weigh more (DAPO's reduction).
 *
 *     sum_{i,t} m_it l_it / sum_{i,t} m_it
 *
 * @param losses - `[B, T]`
 * @param mask - `[B, T]`, bool or 0/1
 * @returns scalar. The caller owns the result.
 * @throws RangeError if the shapes differ
 * @see Yu et al. 2025, eq. 8, https://arxiv.org/abs/2503.14476
 *
 * @example
 * ```ts
 * import * as tf from '@tensorflow/tfjs-core';
 * perToken(tf.tensor2d([[6, 0], [1, 2]]), tf.tensor2d([[1, 0], [1, 1]])).arraySync(); // => 3
 * ```
 */
export function perToken(losses: tf.Tensor, mask: tf.Tensor): tf.Scalar {
  checkMask('perToken', losses, mask);
  return maskedMean(losses, mask);
}

/**
 * The mean over completions of each one's mean over its tokens: every completion weighs the same,
 * so the tokens of long ones weigh less (GRPO as published).
 *
 *     (1 / B) sum_i (1 / L_i) sum_t m_it l_it
 *
 * @param losses - `[B, T]`
 * @param mask - `[B, T]`, bool or 0/1, at least one token a row
 * @returns scalar. The caller owns the result.
 * @throws RangeError if the shapes differ or a row of the mask selects no token: it has no mean
 * @see Shao et al. 2024, eq. 3, https://arxiv.org/abs/2402.03300
 *
 * @example
 * ```ts
 * import * as tf from '@tensorflow/tfjs-core';
 * perSequence(tf.tensor2d([[6, 0], [1, 2]]), tf.tensor2d([[1, 0], [1, 1]])).arraySync(); // => 3.75
 * ```
 */
export function perSequence(losses: tf.Tensor, mask: tf.Tensor): tf.Scalar {
  checkMask('perSequence', losses, mask);
  return tf.tidy(() => {
    const selected = tf.where(tf.cast(mask, 'bool'), losses, tf.zerosLike(losses));
    const lengths = tf.sum(tf.cast(tf.cast(mask, 'bool'), 'float32'), 1);
    // A compiled step cannot look; the completions of `train` have a token each.
    if (!isRecording()) checkRows('perSequence', lengths);
    return tf.mean(tf.div(tf.sum(selected, 1), lengths)) as tf.Scalar;
  });
}

/**
 * Each completion's sum over its tokens, averaged over completions: with advantages as the
 * weights, the gradient is the plain policy gradient.
 *
 *     (1 / B) sum_i sum_t m_it l_it
 *
 * @param losses - `[B, T]`
 * @param mask - `[B, T]`, bool or 0/1
 * @returns scalar. The caller owns the result.
 * @throws RangeError if the shapes differ
 * @see Sutton et al. 2000, theorem 1
 *
 * @example
 * ```ts
 * import * as tf from '@tensorflow/tfjs-core';
 * sequenceSum(tf.tensor2d([[6, 0], [1, 2]]), tf.tensor2d([[1, 0], [1, 1]])).arraySync(); // => 4.5
 * ```
 */
export function sequenceSum(losses: tf.Tensor, mask: tf.Tensor): tf.Scalar {
  checkMask('sequenceSum', losses, mask);
  return tf.tidy(() => tf.div(maskedSum(losses, mask), losses.shape[0]!) as tf.Scalar);
}

/**
 * Each completion's sum divided by one constant, averaged over completions: no length is favoured
 * (Dr. GRPO's reduction).
 *
 *     (1 / B) sum_i (1 / maxTokens) sum_t m_it l_it
 *
 * @param maxTokens - the longest completion that the policy may sample, tokens
 * @returns a reduction
 * @throws RangeError if `maxTokens` is not a positive integer
 * @see Liu et al. 2025, section 3.2, https://arxiv.org/abs/2503.20783
 *
 * @example
 * ```ts
 * import * as tf from '@tensorflow/tfjs-core';
 * fixedLength(3)(tf.tensor2d([[6, 0], [1, 2]]), tf.tensor2d([[1, 0], [1, 1]])).arraySync(); // => 1.5
 * ```
 */
export function fixedLength(maxTokens: number): Reduce {
  checkPositiveInteger('fixedLength: maxTokens', maxTokens);
  const reduce: Reduce = (losses, mask) =>
    tf.tidy(() => tf.div(sequenceSum(losses, mask), maxTokens) as tf.Scalar);
  return Object.defineProperty(reduce, 'name', { value: `fixedLength(${maxTokens})` });
}

function checkRows(where: string, lengths: tf.Tensor): void {
  const empty = lengths.dataSync().indexOf(0);
  if (empty < 0) return;
  throw new RangeError(
    `${where}: mask[${empty}] selects no token, expected at least one a row; leave empty completions out`,
  );
}

function checkMask(where: string, losses: tf.Tensor, mask: tf.Tensor): void {
  checkTensor(`${where}: losses`, losses);
  if (losses.rank !== 2) {
    throw new RangeError(
      `${where}: losses has shape [${losses.shape.join(', ')}], expected [B, T]`,
    );
  }
  if (losses.size === 0) {
    throw new RangeError(
      `${where}: losses has shape [${losses.shape.join(', ')}], expected at least one completion and one token`,
    );
  }
  checkSameShape(`${where}: mask`, mask, losses, 'losses');
}

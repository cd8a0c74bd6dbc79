import { type Resolved, between, checkSameShape, option, resolveOptions } from '@cfrl/engine';
import * as tf from '@tensorflow/tfjs-core';

import { klK3 } from './kl.js';

/** How far the ratio of new to old probability may move before a token stops counting. */
export interface ClipOptions {
  /** Half-width below: the ratio is cut at `1 - clipRange`, in [0, 1]. @defaultValue 0.2 */
  readonly clipRange?: number;
  /** Half-width above: the ratio is cut at `1 + clipRangeHigh`, at least 0. @defaultValue clipRange */
  readonly clipRangeHigh?: number;
}

/** The range in tables of options. */
export const clipOptions = {
  clipRange: option(0.2, between(0, 1)),
  clipRangeHigh: option<number | undefined>(undefined, between(0, Infinity)),
};

/** The range with what is above as what is below, unless it is given. */
export const clipOf = ({
  clipRange,
  clipRangeHigh = clipRange,
}: Resolved<typeof clipOptions>): Required<ClipOptions> => ({ clipRange, clipRangeHigh });

/**
 * The loss whose gradient is the policy gradient.
 *
 *     -A_t log pi(y_t)
 *
 * @param logProbs - `[...]`, nats, under the current policy
 * @param advantages - `[...]`, constants
 * @returns `[...]`, per-token losses. The caller owns the result.
 * @see Williams 1992, eq. 1
 *
 * @example
 * ```ts
 * import * as tf from '@tensorflow/tfjs-core';
 * policyGradient(tf.tensor1d([-1, -3]), tf.tensor1d([2, -1])).arraySync(); // => [2, -3]
 * ```
 */
export function policyGradient(logProbs: tf.Tensor, advantages: tf.Tensor): tf.Tensor {
  checkSameShape('policyGradient: advantages', advantages, logProbs, 'logProbs');
  return tf.tidy(() => tf.neg(tf.mul(logProbs, advantages)));
}

/**
 * PPO's pessimistic loss: a token whose ratio has left the range in the direction that its advantage
 * asks for has no gradient any more.
 *
 *     -min(ratio_t A_t, clip(ratio_t, 1 - clipRange, 1 + clipRangeHigh) A_t),   ratio = exp(logRatio)
 *
 * @param logRatio - `[...]`, nats, log-probability now minus that under the policy that sampled
 * @param advantages - `[...]`, constants
 * @param options - the range
 * @returns `[...]`, per-token losses. The caller owns the result.
 * @throws RangeError if an option is outside its range or unknown
 * @see Schulman et al. 2017, eq. 7, https://arxiv.org/abs/1707.06347; the asymmetric range is Yu et
 *   al. 2025, eq. 10, https://arxiv.org/abs/2503.14476
 *
 * @example
 * ```ts
 * import * as tf from '@tensorflow/tfjs-core';
 * const logRatio = tf.log(tf.tensor1d([1, 1.5, 1.5]));
 * clippedSurrogate(logRatio, tf.tensor1d([1, 1, -1])).arraySync(); // => [-1, -1.2, 1.5]
 * ```
 */
export function clippedSurrogate(
  logRatio: tf.Tensor,
  advantages: tf.Tensor,
  options: ClipOptions = {},
): tf.Tensor {
  const { clipRange, clipRangeHigh } = clipOf(
    resolveOptions('clippedSurrogate', options, clipOptions),
  );
  checkSameShape('clippedSurrogate: advantages', advantages, logRatio, 'logRatio');
  return tf.tidy(() => {
    const ratio = tf.exp(logRatio);
    const clipped = tf.mul(tf.clipByValue(ratio, 1 - clipRange, 1 + clipRangeHigh), advantages);
    return tf.neg(tf.minimum(tf.mul(ratio, advantages), clipped));
  });
}

/**
 * One log-ratio a completion, the sum over its tokens, at each of its tokens: with it a surrogate
 * weighs and clips whole completions.
 *
 *     s_it = sum_u m_iu logRatio_iu
 *
 * @param logRatio - `[B, T]`, nats
 * @param mask - `[B, T]`, bool or 0/1
 * @returns `[B, T]`, nats, constant along a row. The caller owns the result.
 * @see Ahmadian et al. 2024, section 3.1, https://arxiv.org/abs/2402.14740
 *
 * @example
 * ```ts
 * import * as tf from '@tensorflow/tfjs-core';
 * const logRatio = tf.tensor2d([[1, 2, 9]]);
 * sequenceLogRatio(logRatio, tf.tensor2d([[1, 1, 0]])).arraySync(); // => [[3, 3, 3]]
 * ```
 */
export function sequenceLogRatio(logRatio: tf.Tensor, mask: tf.Tensor): tf.Tensor {
  checkSameShape('sequenceLogRatio: mask', mask, logRatio, 'logRatio');
  return tf.tidy(() => {
    const zeros = tf.zerosLike(logRatio);
    const selected = tf.where(tf.cast(mask, 'bool'), logRatio, zeros);
    return tf.add(zeros, tf.sum(selected, 1, true));
  });
}

/** {@link ratioMetrics} where a completion has one ratio: means over completions, but for `klOld`, which stays per token. */
export function sequenceRatioMetrics(
  logRatio: tf.Tensor,
  advantages: tf.Tensor,
  mask: tf.Tensor,
  options: ClipOptions,
): ReturnType<typeof ratioMetrics> {
  return tf.tidy(() => {
    const flags = tf.cast(mask, 'float32');
    const whole = tf.slice(sequenceLogRatio(logRatio, mask), [0, 0], [-1, 1]);
    const ofRow = tf.div(tf.sum(tf.mul(advantages, flags), 1, true), tf.sum(flags, 1, true));
    const { klOld } = ratioMetrics(logRatio, advantages, mask, options);
    return { ...ratioMetrics(whole, ofRow, tf.onesLike(whole), options), klOld };
  });
}

/**
 * What happened to the ratios in one update: their mean and largest value, the fraction of tokens
 * that the clip took out, and the divergence from the policy that sampled (an unbiased estimate).
 *
 * @param logRatio - `[B, T]`, nats
 * @param advantages - `[B, T]`
 * @param mask - `[B, T]`, bool or 0/1
 * @param options - the range
 * @returns `ratioMean`, `ratioMax`, `clipFraction` (in [0, 1]) and `klOld` (nats per token), scalars.
 *   The caller owns the result.
 * @throws RangeError if an option is outside its range or unknown
 *
 * @example
 * ```ts
 * import * as tf from '@tensorflow/tfjs-core';
 * const logRatio = tf.log(tf.tensor2d([[1, 1.5, 0.5, 1]]));
 * const { clipFraction } = ratioMetrics(logRatio, tf.tensor2d([[1, 1, 1, 1]]), tf.ones([1, 4]));
 * clipFraction.arraySync(); // => 0.25
 * ```
 */
export function ratioMetrics(
  logRatio: tf.Tensor,
  advantages: tf.Tensor,
  mask: tf.Tensor,
  options: ClipOptions = {},
): { ratioMean: tf.Scalar; ratioMax: tf.Scalar; clipFraction: tf.Scalar; klOld: tf.Scalar } {
  const { clipRange, clipRangeHigh } = clipOf(resolveOptions('ratioMetrics', options, clipOptions));
  checkSameShape('ratioMetrics: advantages', advantages, logRatio, 'logRatio');
  checkSameShape('ratioMetrics: mask', mask, logRatio, 'logRatio');
  return tf.tidy(() => {
    const flags = tf.cast(mask, 'bool');
    const zeros = tf.zerosLike(logRatio);
    const selected = tf.where(flags, logRatio, zeros);
    const ratio = tf.where(flags, tf.exp(selected), zeros);
    const clipped = tf.logicalOr(
      tf.logicalAnd(tf.greater(ratio, 1 + clipRangeHigh), tf.greater(advantages, 0)),
      tf.logicalAnd(tf.less(ratio, 1 - clipRange), tf.less(advantages, 0)),
    );
    const count = tf.sum(tf.cast(mask, 'float32'));
    const mean = (x: tf.Tensor): tf.Scalar => tf.div(tf.sum(x), count); // x is 0 outside of the mask
    return {
      ratioMean: mean(ratio),
      ratioMax: tf.max(ratio) as tf.Scalar,
      clipFraction: mean(tf.cast(tf.logicalAnd(clipped, flags), 'float32')),
      klOld: mean(klK3(zeros, selected)),
    };
  });
}

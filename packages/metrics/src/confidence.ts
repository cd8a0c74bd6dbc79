import { checkLogProbs } from './check.js';
import { summarizeLogits } from './logits.js';
import { mean } from './statistics.js';

/**
 * Confidence at one position: the probability of the most likely token.
 *
 *     confidence = max_v softmax(z)[v]
 *
 * Unit: probability. Range: [1 / V, 1]. Misleads as a probability of being right unless it is calibrated
 * (see {@link expectedCalibrationError}), and where several tokens mean the same: the mass is split.
 *
 * @param logits - `[V]`, unnormalised; `-Infinity` marks a token that cannot occur.
 * @returns The largest probability.
 * @throws RangeError if `logits` is empty, has NaN or +Infinity, or is -Infinity throughout.
 * @see Hendrycks and Gimpel 2017, https://arxiv.org/abs/1610.02136
 *
 * @example
 * ```ts
 * confidence([Math.log(3), 0]); // => 0.75
 * ```
 */
export function confidence(logits: ArrayLike<number>): number {
  return 1 / (1 + summarizeLogits('confidence', logits).rest);
}

/**
 * Margin at one position: how far the most likely token leads the second.
 *
 *     margin = p[1st] - p[2nd],   p = softmax(z)
 *
 * Unit: probability. Range: [0, 1]; 0 on a tie, 1 for a vocabulary of one token. Misleads when all
 * probabilities are small: a margin of 0.01 is a clear lead at 0.02 and none at 0.5.
 *
 * @param logits - `[V]`, unnormalised; `-Infinity` marks a token that cannot occur.
 * @returns The difference of the two largest probabilities.
 * @throws RangeError if `logits` is empty, has NaN or +Infinity, or is -Infinity throughout.
 * @see Scheffer et al. 2001, https://doi.org/10.1007/3-540-44816-0_31
 *
 * @example
 * ```ts
 * margin([Math.log(3), 0]); // => 0.5
 * margin([1, 1, 0]); // => 0
 * ```
 */
export function margin(logits: ArrayLike<number>): number {
  const { max, second, rest } = summarizeLogits('margin', logits);
  // 0 - x and not -x: a tie is 0, not -0.
  return (0 - Math.expm1(second - max)) / (1 + rest);
}

/**
 * Confidence in a whole completion: the geometric mean of its tokens' probabilities.
 *
 *     sequenceConfidence = exp( (1 / T) sum_t logProbs[t] ) = 1 / perplexity
 *
 * Unit: probability per token. Range: (0, 1], up to the rounding of `logProbs`. Misleads in that it is
 * not the probability of the completion (that is `exp(sum)`, which falls with length), and in that one
 * very unlikely token is hidden by many sure ones.
 *
 * @param logProbs - `[T]`, nats: the log-probability of each token, stop token included.
 * @returns The geometric mean probability.
 * @throws RangeError if `logProbs` is empty or has an entry that is not finite or above 0.
 * @see Murray and Chiang 2018 (length normalisation), https://arxiv.org/abs/1808.10006
 *
 * @example
 * ```ts
 * sequenceConfidence([Math.log(0.5), Math.log(0.125)]); // => 0.25
 * ```
 */
export function sequenceConfidence(logProbs: ArrayLike<number>): number {
  checkLogProbs('sequenceConfidence', 'logProbs', logProbs);
  return Math.exp(mean(logProbs));
}

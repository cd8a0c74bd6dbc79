import { checkInteger, checkNumberOf } from '../check.js';
import { expSums } from './exp-sums.js';
import { summarizeLogits } from './logits.js';

/**
 * Confidence at one position: the probability of the most likely token.
 *
 *     confidence = max_v softmax(z)[v]
 *
 * Unit: probability. Range: [1 / V, 1]. Misleads as the probability of being right unless calibrated (see
 * {@link expectedCalibrationError}), and where several tokens mean the same: they share the probability.
 *
 * @param logits - `[V]`, unnormalised; `-Infinity` marks a token that cannot occur.
 * @throws RangeError if `logits` is empty, has NaN or +Infinity, or is -Infinity throughout.
 * @see Hendrycks and Gimpel 2017, https://arxiv.org/abs/1610.02136
 *
 * @example
 * ```ts
 * confidence([Math.log(3), 0]); // => 0.75
 * ```
 */
export function confidence(logits: ArrayLike<number>): number {
  return 1 / (1 + summarizeLogits('confidence', logits, 0, logits.length, expSums).rest);
}

/**
 * Margin at one position: how far the most likely token leads the second.
 *
 *     margin = p[1st] - p[2nd],   p = softmax(z)
 *
 * Unit: probability. Range: [0, 1]; 0 on a tie, 1 for a vocabulary of one token. Misleads when all
 * probabilities are small: 0.01 is a clear lead at 0.02 and none at 0.5.
 *
 * @param logits - `[V]`, unnormalised; `-Infinity` marks a token that cannot occur.
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
  const { max, argmax, rest } = summarizeLogits('margin', logits);
  let second = -Infinity;
  for (let v = 0; v < logits.length; v++) {
    if (v !== argmax && logits[v]! > second) second = logits[v]!;
  }
  // 0 - x and not -x: a tie is 0, not -0.
  return (0 - Math.expm1(second - max)) / (1 + rest);
}

/**
 * Mass of the k most likely tokens at one position.
 *
 *     topKMass = sum of the k largest p[v],   p = softmax(z)
 *
 * Unit: probability. Range: [k / V, 1]; what top-k sampling keeps. Misleads across sizes of vocabularies.
 *
 * @param logits - `[V]`, unnormalised; `-Infinity` marks a token that cannot occur.
 * @param k - How many tokens, in [1, V].
 * @throws As {@link confidence}, and RangeError if `k` is no integer in [1, V].
 * @see Fan et al. 2018 (top-k sampling), https://arxiv.org/abs/1805.04833
 *
 * @example
 * ```ts
 * topKMass([Math.log(2), 0, 0], 2); // => 0.75
 * ```
 */
export function topKMass(logits: ArrayLike<number>, k: number): number {
  const { max, rest } = summarizeLogits('topKMass', logits);
  checkNumberOf('topKMass', 'k', k, 1, logits.length, ' (the vocabulary)');
  const sorted = Float64Array.from(logits).sort();
  let mass = 0;
  // From the smallest on, which keeps what is small.
  for (let i = sorted.length - k; i < sorted.length; i++) mass += Math.exp(sorted[i]! - max);
  return Math.min(1, mass / (1 + rest));
}

/**
 * Surprisal of a token at one position.
 *
 *     surprisal = - log softmax(z)[token]
 *
 * Unit: nats. Range: [0, infinity]; `Infinity` for a token that cannot occur. Misleads as a sign of error:
 * rare words surprise in right answers too.
 *
 * @param logits - `[V]`, unnormalised; `-Infinity` marks a token that cannot occur.
 * @param token - Its number, in [0, V).
 * @throws As {@link confidence}, and RangeError if `token` is no integer in [0, V).
 * @see Shannon 1948, https://doi.org/10.1002/j.1538-7305.1948.tb01338.x
 *
 * @example
 * ```ts
 * surprisal([Math.log(3), 0], 1); // => 1.386294
 * ```
 */
export function surprisal(logits: ArrayLike<number>, token: number): number {
  const { max, rest } = summarizeLogits('surprisal', logits);
  checkInteger('surprisal', 'token', token, 0);
  if (token >= logits.length) {
    throw new RangeError(
      `surprisal: token is ${token}, expected less than ${logits.length} (the vocabulary)`,
    );
  }
  return max - logits[token]! + Math.log1p(rest);
}

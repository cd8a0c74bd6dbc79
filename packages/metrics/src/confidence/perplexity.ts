import { checkLogProbs } from '../check.js';
import { mean } from '../inference/mean.js';
import { entropyOf } from './entropy.js';
import { surprise } from './sequence-entropy.js';

/**
 * Perplexity of one sequence of tokens.
 *
 *     perplexity = exp( - (1 / T) sum_t logProbs[t] )
 *
 * Unit: tokens (the size of a uniform choice that would surprise as much). Range: [1, infinity).
 * Misleads across tokenizers, since T counts other pieces of the same text, and as a mean of
 * perplexities: pool the log-probabilities first, with `perplexity(logProbs.flat())`.
 *
 * @param logProbs - `[T]`, nats.
 * @returns The perplexity.
 * @throws RangeError if `logProbs` is empty or has an entry that is not finite or above 0.
 * @see Jelinek et al. 1977, https://doi.org/10.1121/1.2016299
 *
 * @example
 * ```ts
 * perplexity([Math.log(0.5), Math.log(0.125)]); // => 4
 * ```
 */
export function perplexity(logProbs: ArrayLike<number>): number {
  checkLogProbs('perplexity', 'logProbs', logProbs);
  return Math.exp(surprise(logProbs) / logProbs.length);
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

/**
 * Perplexity of a distribution: how many outcomes, all alike, would be as uncertain.
 *
 *     exp(H),   H = - sum_v p[v] log p[v]
 *
 * Unit: outcomes. Range: [1, V]. Misleads next to {@link perplexity}, which is that of tokens that were seen: the two agree
 * only on average, and only if they were drawn from this distribution.
 *
 * @param probabilities - `[V]`, each in [0, 1]; their sum is 1 within 1e-4 and is not rescaled.
 * @returns The perplexity.
 * @throws RangeError if `probabilities` is empty, has an entry outside [0, 1], or does not sum to 1.
 * @see Jelinek et al. 1977, https://doi.org/10.1121/1.2016299
 *
 * @example
 * ```ts
 * distributionPerplexity([0.5, 0.25, 0.25, 0]); // => 2.828427
 * ```
 */
export function distributionPerplexity(probabilities: ArrayLike<number>): number {
  return Math.exp(entropyOf('distributionPerplexity', probabilities));
}

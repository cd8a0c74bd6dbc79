import { checkLogProbs } from '../check.js';
import { mean } from '../inference/mean.js';
import { surprise } from './sequence-entropy.js';

/**
 * Perplexity of one sequence of tokens.
 *
 *     perplexity = exp( - (1 / T) sum_t logProbs[t] )
 *
 * Unit: tokens, the size of a uniform choice that would surprise as much. Range: [1, infinity). Misleads across
 * tokenizers, which count other T for the same text, and as a mean: pool first, `perplexity(logProbs.flat())`.
 *
 * @param logProbs - `[T]`, nats.
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
 * Unit: probability per token. Range: (0, 1], up to the rounding of `logProbs`. Misleads as the probability of
 * the completion (that is `exp(sum)`, which falls with length); many sure tokens hide a very unlikely one.
 *
 * @param logProbs - `[T]`, nats: the log-probability of each token, stop token included.
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

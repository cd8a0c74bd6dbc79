import { checkCount, checkLogProbs } from './check.js';
import { summarizeLogits } from './logits.js';
import { mean, standardDeviation } from './statistics.js';

/** A Monte Carlo estimate. */
export interface Estimate {
  /** The estimate itself. */
  readonly mean: number;
  /** Its standard error, `s / sqrt(n)`; `null` from one sample, which says nothing about spread. */
  readonly standardError: number | null;
}

/** What {@link sequenceEntropy} returns. */
export interface SequenceEntropy {
  /** Entropy of whole completions, nats per sequence. */
  readonly sequence: Estimate;
  /** Each completion's surprise divided by its own length, then averaged: nats per token. */
  readonly perToken: Estimate;
  /** How many completions were averaged. */
  readonly n: number;
}

/** Float32 probabilities over a large vocabulary add up to 1 only this closely. */
const SUM_TOLERANCE = 1e-4;

/**
 * Entropy of the next-token distribution at one position, exactly, from its logits.
 *
 *     H = log Z - sum_v p[v] (z[v] - max z),   Z = sum_v exp(z[v] - max z),   p = softmax(z)
 *
 * Unit: nats. Range: [0, log V]; 0 when one token is certain, log V when all are alike. Adding a
 * constant to all logits changes nothing. Misleads when positions are averaged without saying which:
 * a few forking tokens carry most of it, and long completions outweigh short ones. It is that of the
 * raw policy: temperature, top-k and top-p change what is sampled, not this number.
 *
 * @param logits - `[V]`, unnormalised; `-Infinity` marks a token that cannot occur.
 * @returns The entropy, nats.
 * @throws RangeError if `logits` is empty, has NaN or +Infinity, or is -Infinity throughout.
 * @see Shannon 1948, section 6, https://doi.org/10.1002/j.1538-7305.1948.tb01338.x
 *
 * @example
 * ```ts
 * tokenEntropy([0, 0, -Infinity]); // => 0.693147
 * tokenEntropy([1000, 0]); // => 0
 * ```
 */
export function tokenEntropy(logits: ArrayLike<number>): number {
  const { rest, weighted } = summarizeLogits('tokenEntropy', logits);
  return Math.log1p(rest) + weighted / (1 + rest);
}

/**
 * Entropy of a distribution given by its probabilities.
 *
 *     H = - sum_v p[v] log p[v],   0 log 0 = 0
 *
 * Unit: nats. Range: [0, log V]. Misleads when the probabilities were rounded to 0 in float32 first:
 * take {@link tokenEntropy} when logits are at hand.
 *
 * @param probabilities - `[V]`, each in [0, 1]; their sum is 1 within 1e-4 and is not rescaled.
 * @returns The entropy, nats.
 * @throws RangeError if `probabilities` is empty, has an entry outside [0, 1], or does not sum to 1.
 * @see Shannon 1948, section 6, https://doi.org/10.1002/j.1538-7305.1948.tb01338.x
 *
 * @example
 * ```ts
 * entropy([0.5, 0.25, 0.25, 0]); // => 1.039721
 * ```
 */
export function entropy(probabilities: ArrayLike<number>): number {
  checkCount('entropy', 'probabilities', probabilities.length, 1);
  let sum = 0;
  let total = 0;
  for (let v = 0; v < probabilities.length; v++) {
    const p = probabilities[v]!;
    if (!(p >= 0 && p <= 1 + SUM_TOLERANCE)) {
      throw new RangeError(`entropy: probabilities[${v}] is ${p}, expected a number in [0, 1]`);
    }
    sum += p;
    if (p > 0) total -= p * Math.log(p);
  }
  if (Math.abs(sum - 1) > SUM_TOLERANCE) {
    throw new RangeError(
      `entropy: probabilities has sum ${sum}, expected 1; divide by the sum, or use tokenEntropy for logits`,
    );
  }
  return total;
}

/**
 * Entropy of whole completions, estimated from sampled ones.
 *
 *     sequence = mean_i ( - sum_t logProbs[i][t] )
 *     perToken = mean_i ( - sum_t logProbs[i][t] / T_i )
 *
 * Unit: nats per sequence, nats per token. Range: [0, infinity). The first is unbiased if completions
 * were drawn from the policy that scored them. Misleads when they were not (temperature, top-p, greedy
 * decoding, an older policy), when completions were cut off at a length limit, and when few samples of a
 * heavy-tailed policy miss what is rare; pool one prompt at a time, or the spread of the prompts enters
 * the standard error.
 *
 * @param logProbs - `[n][T_i]`, nats, ragged: the log-probability of each sampled token, stop token
 *   included.
 * @returns Both means with their standard errors (`null` from a single completion).
 * @throws RangeError if there is no completion, one has no token, or a value is not finite or above 0.
 * @see Malinin and Gales 2021 (Monte Carlo sequence entropy, length normalisation), https://arxiv.org/abs/2002.07650
 *
 * @example
 * ```ts
 * sequenceEntropy([[-1, -1], [-4]]).sequence; // => { mean: 3, standardError: 1 }
 * sequenceEntropy([[-1, -1], [-4]]).perToken.mean; // => 2.5
 * ```
 */
export function sequenceEntropy(logProbs: readonly ArrayLike<number>[]): SequenceEntropy {
  checkCount('sequenceEntropy', 'logProbs', logProbs.length, 1);
  const surprises = logProbs.map((sequence, i) => {
    checkLogProbs('sequenceEntropy', `logProbs[${i}]`, sequence);
    return surprise(sequence);
  });
  return {
    sequence: estimate(surprises),
    perToken: estimate(surprises.map((value, i) => value / logProbs[i]!.length)),
    n: logProbs.length,
  };
}

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

/** Negative log-probability of a sequence, nats; never -0. */
function surprise(logProbs: ArrayLike<number>): number {
  let total = 0;
  for (let t = 0; t < logProbs.length; t++) total -= logProbs[t]!;
  return total;
}

function estimate(values: readonly number[]): Estimate {
  const n = values.length;
  return {
    mean: mean(values),
    standardError: n < 2 ? null : standardDeviation(values) / Math.sqrt(n),
  };
}

import { checkCount, checkDistribution, checkInteger, checkLogProbs } from '../check.js';
import { expSums } from './exp-sums.js';
import { summarizeLogits } from './logits.js';
import { mean, standardDeviation } from '../inference/statistics.js';

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
  const { rest, weighted } = summarizeLogits('tokenEntropy', logits, 0, logits.length, expSums);
  return Math.log1p(rest) + weighted / (1 + rest);
}

/**
 * Entropy at many positions: {@link tokenEntropy} of each row.
 *
 *     H[t] = log Z[t] - sum_v p[t, v] (z[t, v] - max z[t]),   p[t] = softmax(z[t])
 *
 * Rows in a `Float32Array` are fastest: they go through WebAssembly, with the results of plain JavaScript bit for
 * bit. Unit: nats. Range: [0, log V] each. Misleads as
 * {@link tokenEntropy} does.
 *
 * @param logits - `[T * V]`, row by row, unnormalised; `-Infinity` marks a token that cannot occur.
 * @param vocabSize - `V`.
 * @returns `[T]`, nats.
 * @throws RangeError if `logits` is no whole number of rows, or a row is no distribution.
 * @see Shannon 1948, section 6, https://doi.org/10.1002/j.1538-7305.1948.tb01338.x
 *
 * @example
 * ```ts
 * tokenEntropies([0, 0, 1000, 0], 2); // => [0.693147, 0]
 * tokenEntropies(new Float32Array(200), 100); // => [4.60517, 4.60517]
 * ```
 */
export function tokenEntropies(logits: ArrayLike<number>, vocabSize: number): Float64Array {
  checkInteger('tokenEntropies', 'vocabSize', vocabSize, 1);
  if (logits.length % vocabSize !== 0) {
    throw new RangeError(
      `tokenEntropies: logits has ${logits.length} entries, expected a multiple of ${vocabSize} (vocabSize)`,
    );
  }
  return Float64Array.from({ length: logits.length / vocabSize }, (_, t) => {
    const row = summarizeLogits('tokenEntropies', logits, t * vocabSize, vocabSize, expSums);
    return Math.log1p(row.rest) + row.weighted / (1 + row.rest);
  });
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
  return entropyOf('entropy', probabilities);
}

/**
 * Entropy of a distribution as a share of the largest that so many outcomes can have.
 *
 *     H / log V,   H = - sum_v p[v] log p[v]
 *
 * Unit: none. Range: [0, 1]; 0 when one outcome is certain, 1 when all are alike. Misleads between distributions over
 * different numbers of outcomes: of a vocabulary of which most cannot occur, V counts every token.
 *
 * @param probabilities - `[V]`, at least two, each in [0, 1]; their sum is 1 within 1e-4 and is not rescaled.
 * @returns The share.
 * @throws RangeError if `probabilities` has fewer than two entries, one outside [0, 1], or does not sum to 1.
 * @see Pielou 1966 (evenness), https://doi.org/10.1016/0022-5193(66)90013-0
 *
 * @example
 * ```ts
 * normalizedEntropy([0.5, 0.25, 0.25, 0]); // => 0.75
 * ```
 */
export function normalizedEntropy(probabilities: ArrayLike<number>): number {
  const where = 'normalizedEntropy';
  checkCount(where, 'probabilities', probabilities.length, 2);
  // Rounding must not lift a uniform distribution above 1.
  return Math.min(1, entropyOf(where, probabilities) / Math.log(probabilities.length));
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
  return perSequence(surprises, logProbs);
}

/**
 * Entropy of whole completions from the exact entropy of each position along sampled ones.
 *
 *     sequence = mean_i sum_t H[i][t]
 *     perToken = mean_i (1 / T_i) sum_t H[i][t]
 *
 * The chain rule makes the first unbiased, as {@link sequenceEntropy} is, with less variance. Unit: nats
 * per sequence, nats per token. Range: [0, infinity). Misleads when completions were drawn from another
 * policy than the one whose entropies these are, or were cut off.
 *
 * @param entropies - `[n][T_i]`, nats, ragged: {@link tokenEntropy} at each position.
 * @returns Both means with their standard errors (`null` from a single completion).
 * @throws RangeError if there is no completion, one has no position, or a value is not finite or below 0.
 * @see Cover and Thomas 2006, theorem 2.5.1 (chain rule), https://doi.org/10.1002/047174882X
 *
 * @example
 * ```ts
 * chainEntropy([[1, 0.5], [1]]).sequence; // => { mean: 1.25, standardError: 0.25 }
 * ```
 */
export function chainEntropy(entropies: readonly ArrayLike<number>[]): SequenceEntropy {
  checkCount('chainEntropy', 'entropies', entropies.length, 1);
  const sums = entropies.map((row, i) => {
    checkCount('chainEntropy', `entropies[${i}]`, row.length, 1);
    let sum = 0;
    for (let t = 0; t < row.length; t++) {
      if (!(row[t]! >= 0 && row[t]! < Infinity)) {
        throw new RangeError(
          `chainEntropy: entropies[${i}][${t}] is ${row[t]}, expected a finite number >= 0`,
        );
      }
      sum += row[t]!;
    }
    return sum;
  });
  return perSequence(sums, entropies);
}

/**
 * Surprise at each position of sampled completions: an estimate of the entropy there.
 *
 *     positionEntropies[t] = mean of - logProbs[i][t] over completions longer than t
 *
 * Unit: nats. Range: [0, infinity) each. Misleads at late positions, which only long completions reach.
 *
 * @param logProbs - `[n][T_i]`, nats, ragged: the log-probability of each sampled token.
 * @returns `[max T]`: an estimate a position, with the number of completions behind it.
 * @throws RangeError if there is no completion, one has no token, or a value is not finite or above 0.
 * @see Malinin and Gales 2021, https://arxiv.org/abs/2002.07650
 *
 * @example
 * ```ts
 * positionEntropies([[-1, -2], [-3]]); // => [{ mean: 2, standardError: 1, n: 2 }, { mean: 2, standardError: null, n: 1 }]
 * ```
 */
export function positionEntropies(
  logProbs: readonly ArrayLike<number>[],
): (Estimate & { readonly n: number })[] {
  checkCount('positionEntropies', 'logProbs', logProbs.length, 1);
  const columns: number[][] = [];
  logProbs.forEach((sequence, i) => {
    checkLogProbs('positionEntropies', `logProbs[${i}]`, sequence);
    for (let t = 0; t < sequence.length; t++) (columns[t] ??= []).push(0 - sequence[t]!);
  });
  return columns.map((column) => ({ ...estimate(column), n: column.length }));
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

/** Entropy of a distribution, checked. */
function entropyOf(where: string, probabilities: ArrayLike<number>): number {
  checkDistribution(where, 'probabilities', probabilities);
  let total = 0;
  for (let v = 0; v < probabilities.length; v++) {
    const p = probabilities[v]!;
    if (p > 0) total -= p * Math.log(p);
  }
  return total;
}

/** Negative log-probability of a sequence, nats; never -0. */
function surprise(logProbs: ArrayLike<number>): number {
  let total = 0;
  for (let t = 0; t < logProbs.length; t++) total -= logProbs[t]!;
  return total;
}

function perSequence(
  sums: readonly number[],
  sequences: readonly ArrayLike<number>[],
): SequenceEntropy {
  return {
    sequence: estimate(sums),
    perToken: estimate(sums.map((sum, i) => sum / sequences[i]!.length)),
    n: sums.length,
  };
}

function estimate(values: readonly number[]): Estimate {
  const n = values.length;
  return {
    mean: mean(values),
    standardError: n < 2 ? null : standardDeviation(values) / Math.sqrt(n),
  };
}

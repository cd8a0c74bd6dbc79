import { checkCount, checkLogProbs } from '../check.js';
import { mean, standardDeviation } from '../inference/mean.js';

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
 * Entropy of whole completions, estimated from sampled ones.
 *
 *     sequence = mean_i ( - sum_t logProbs[i][t] )
 *     perToken = mean_i ( - sum_t logProbs[i][t] / T_i )
 *
 * Unit: nats per sequence, nats per token. Range: [0, infinity). The first is unbiased if the policy that
 * scored the completions has sampled them. Misleads otherwise (temperature, top-p, greedy decoding, an older
 * policy), for completions cut off at a length limit, and over several prompts, whose spread enters the
 * standard error.
 *
 * @param logProbs - `[n][T_i]`, nats, ragged: the log-probability of each sampled token, the stop token too.
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
 * Unbiased by the chain rule, like {@link sequenceEntropy}, with less variance. Unit: nats per sequence, nats
 * per token. Range: [0, infinity). Misleads for completions of another policy, or that were cut off.
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

/** Negative log-probability of a sequence, nats; never -0. */
export function surprise(logProbs: ArrayLike<number>): number {
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

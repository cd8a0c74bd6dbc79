import { checkCount, checkDistribution, checkInteger } from '../check.js';
import { expSums } from './exp-sums.js';
import { summarizeLogits } from './logits.js';

/**
 * Entropy of the next-token distribution at one position, exactly, from its logits.
 *
 *     H = log Z - sum_v p[v] (z[v] - max z),   Z = sum_v exp(z[v] - max z),   p = softmax(z)
 *
 * Unit: nats. Range: [0, log V]; 0 when one token is certain, log V when all are alike. It is that of the raw
 * policy: temperature, top-k and top-p change what is sampled, not this number. Misleads when averaged over
 * positions: a few forking tokens carry most of it, and long completions outweigh short ones.
 *
 * @param logits - `[V]`, unnormalised; `-Infinity` marks a token that cannot occur.
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
 * Fastest for a `Float32Array`, by WebAssembly; the numbers are the same bit for bit. Unit: nats. Range: [0,
 * log V] each. Misleads as {@link tokenEntropy} does.
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
 * Entropy of a distribution as a share of the largest that is possible (evenness).
 *
 *     H / log V,   H = - sum_v p[v] log p[v]
 *
 * Unit: none. Range: [0, 1]; 0 when one outcome is certain, 1 when all are alike. Misleads between
 * distributions over different numbers of outcomes: V counts every token, those that cannot occur as well.
 *
 * @param probabilities - `[V]`, at least two, each in [0, 1]; their sum is 1 within 1e-4 and is not rescaled.
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

function entropyOf(where: string, probabilities: ArrayLike<number>): number {
  checkDistribution(where, 'probabilities', probabilities);
  let total = 0;
  for (let v = 0; v < probabilities.length; v++) {
    const p = probabilities[v]!;
    if (p > 0) total -= p * Math.log(p);
  }
  return total;
}

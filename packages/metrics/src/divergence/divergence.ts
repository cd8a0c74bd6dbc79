import {
  checkCount,
  checkDistribution,
  checkInteger,
  checkOptions,
  checkSameLength,
} from '../check.js';
import { ngramsOf, numberTokens } from '../tokenization/n-grams.js';
import type { Text, TokenizeOptions } from '../tokenization/tokens.js';
import { splitAtWhitespace, toTokenLists } from '../tokenization/tokens.js';

/**
 * Kullback-Leibler divergence of two distributions.
 *
 *     KL(p || q) = sum_v p[v] log(p[v] / q[v]),   0 log 0 = 0
 *
 * Unit: nats. Range: [0, infinity]; `Infinity` where q rules out what p has. Not symmetric. Misleads from
 * samples: what q missed by chance makes it infinite.
 *
 * @param p - `[V]`, probabilities of sum 1 (within 1e-4, not rescaled).
 * @param q - `[V]`, likewise.
 * @returns The divergence.
 * @throws RangeError if the lengths differ, or one is no distribution.
 * @see Kullback and Leibler 1951, https://doi.org/10.1214/aoms/1177729694
 *
 * @example
 * ```ts
 * klDivergence([0.5, 0.5], [0.25, 0.75]); // => 0.143841
 * ```
 */
export function klDivergence(p: ArrayLike<number>, q: ArrayLike<number>): number {
  checkBoth('klDivergence', p, q);
  return kl(p, q);
}

/**
 * Jensen-Shannon divergence: of each distribution from their mean.
 *
 *     JS(p, q) = (KL(p || m) + KL(q || m)) / 2,   m = (p + q) / 2
 *
 * Unit: nats. Range: [0, log 2]; symmetric, finite; its square root is a metric. Misleads from few samples,
 * which are far from each other even if they come from one source.
 *
 * @param p - `[V]`, probabilities of sum 1.
 * @param q - `[V]`, likewise.
 * @returns The divergence.
 * @throws RangeError if the lengths differ, or one is no distribution.
 * @see Lin 1991, https://doi.org/10.1109/18.61115
 *
 * @example
 * ```ts
 * jensenShannonDivergence([1, 0], [0, 1]); // => 0.693147
 * ```
 */
export function jensenShannonDivergence(p: ArrayLike<number>, q: ArrayLike<number>): number {
  checkBoth('jensenShannonDivergence', p, q);
  const middle = Float64Array.from(p, (value, v) => (value + q[v]!) / 2);
  return Math.max(0, (kl(p, middle) + kl(q, middle)) / 2);
}

/**
 * Total variation distance: the largest difference in the probability of any event.
 *
 *     TV(p, q) = (1 / 2) sum_v |p[v] - q[v]|
 *
 * Unit: probability. Range: [0, 1]; a metric. Misleads over large vocabularies: from few samples it is near 1.
 *
 * @param p - `[V]`, probabilities of sum 1.
 * @param q - `[V]`, likewise.
 * @returns The distance.
 * @throws RangeError if the lengths differ, or one is no distribution.
 * @see Levin and Peres 2017, section 4.1, https://doi.org/10.1090/mbk/107
 *
 * @example
 * ```ts
 * totalVariation([0.5, 0.5], [0.25, 0.75]); // => 0.25
 * ```
 */
export function totalVariation(p: ArrayLike<number>, q: ArrayLike<number>): number {
  checkBoth('totalVariation', p, q);
  let sum = 0;
  for (let v = 0; v < p.length; v++) sum += Math.abs(p[v]! - q[v]!);
  return sum / 2;
}

/**
 * How often each n-gram occurs in each of several runs, as distributions over the same n-grams.
 *
 *     p[run][g] = count(g in run) / (n-grams of the run)
 *
 * For {@link jensenShannonDivergence} and the others. Unit: probability. Range: [0, 1]. Misleads as
 * the distribution of what a policy says: rare n-grams are missing.
 *
 * @param runs - `[runs][samples]`: strings or token lists.
 * @param n - Length of the n-grams, tokens.
 * @returns `[runs][V]`: V is the number of different n-grams in all runs.
 * @throws RangeError if a run has no n-gram, `n` is not a positive integer, or a token is not a string or a
 *   finite number; TypeError if a sample is neither a string nor a list.
 * @see Zhao et al. 2017, https://arxiv.org/abs/1703.10960
 *
 * @example
 * ```ts
 * const [before, after] = ngramDistributions([['a b', 'a c'], ['a c', 'a c']], 1);
 * totalVariation(before!, after!); // => 0.25
 * ```
 */
export function ngramDistributions(
  runs: readonly (readonly Text[])[],
  n: number,
  options: TokenizeOptions = {},
): Float64Array[] {
  const { tokenize = splitAtWhitespace } = checkOptions('ngramDistributions', options, [
    'tokenize',
  ]);
  checkInteger('ngramDistributions', 'n', n, 1);
  const lists = runs.map((run, i) =>
    toTokenLists('ngramDistributions', `runs[${i}]`, run, tokenize),
  );
  const corpus = numberTokens(lists.flat());
  const { ids, size } = ngramsOf(corpus, n);
  let first = 0;
  return lists.map((texts, i) => {
    const counts = new Float64Array(size);
    let total = 0;
    const end = corpus.starts[first + texts.length]!;
    for (let t = corpus.starts[first]!; t < end; t++) {
      if (ids[t]! < 0) continue;
      counts[ids[t]!]!++;
      total++;
    }
    first += texts.length;
    checkCount('ngramDistributions', `${n}-grams of runs[${i}]`, total, 1);
    return counts.map((count) => count / total);
  });
}

function checkBoth(where: string, p: ArrayLike<number>, q: ArrayLike<number>): void {
  checkSameLength(where, ['p', p], ['q', q]);
  checkDistribution(where, 'p', p);
  checkDistribution(where, 'q', q);
}

/** The divergence of what was checked. */
export function kl(p: ArrayLike<number>, q: ArrayLike<number>): number {
  let sum = 0;
  for (let v = 0; v < p.length; v++) {
    if (p[v]! > 0) sum += p[v]! * Math.log(p[v]! / q[v]!);
  }
  return Math.max(0, sum);
}

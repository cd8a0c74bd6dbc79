import { checkDistribution, checkSameLength } from '../check.js';

/**
 * Kullback-Leibler divergence of two distributions.
 *
 *     KL(p || q) = sum_v p[v] log(p[v] / q[v]),   0 log 0 = 0
 *
 * Unit: nats. Range: [0, infinity]; `Infinity` where q rules out what p has. Not symmetric. Misleads when
 * estimated from samples: what q missed by chance makes it infinite.
 *
 * @param p - `[V]`, probabilities of sum 1 (within 1e-4, not rescaled).
 * @param q - `[V]`, likewise.
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
 * Unit: nats. Range: [0, log 2]; symmetric, finite; its square root is a metric. Misleads when estimated from
 * few samples, which differ even if they come from one source.
 *
 * @param p - `[V]`, probabilities of sum 1.
 * @param q - `[V]`, likewise.
 * @throws As {@link klDivergence}.
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
 * @throws As {@link klDivergence}.
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

/** Two distributions over the same. */
export function checkBoth(where: string, p: ArrayLike<number>, q: ArrayLike<number>): void {
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

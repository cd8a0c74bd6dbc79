import { checkShares } from '../check.js';

/**
 * Holm's adjustment of p-values: rejecting below alpha makes any error with probability at most alpha.
 *
 *     adjusted(i) = max over j <= i of min(1, (m - j + 1) p(j)),   p in ascending order
 *
 * Unit: probability. Range: [p, 1]. Misleads if comparisons that were tried are left out of the list.
 *
 * @param pValues - `[m]`, in [0, 1].
 * @returns `[m]`, in the order given.
 * @throws RangeError if a p-value is outside [0, 1].
 * @see Holm 1979, https://www.jstor.org/stable/4615733
 *
 * @example
 * ```ts
 * holm([0.01, 0.04, 0.03]); // => [0.03, 0.06, 0.06]
 * ```
 */
export function holm(pValues: ArrayLike<number>): number[] {
  const order = ascending('holm', pValues);
  const adjusted = new Array<number>(order.length);
  let most = 0;
  order.forEach((i, rank) => {
    most = Math.max(most, Math.min(1, (order.length - rank) * pValues[i]!));
    adjusted[i] = most;
  });
  return adjusted;
}

/**
 * Benjamini and Hochberg's adjustment of p-values: below alpha, the false discovery rate is at most alpha.
 *
 *     adjusted(i) = min over j >= i of min(1, m p(j) / j),   p in ascending order
 *
 * For independent or positively dependent tests. Unit: probability. Range: [p, 1]. Misleads about a single
 * result.
 *
 * @param pValues - `[m]`, in [0, 1].
 * @returns `[m]`, in the order given.
 * @throws As {@link holm}.
 * @see Benjamini and Hochberg 1995, https://doi.org/10.1111/j.2517-6161.1995.tb02031.x
 *
 * @example
 * ```ts
 * benjaminiHochberg([0.01, 0.04, 0.03]); // => [0.03, 0.04, 0.04]
 * ```
 */
export function benjaminiHochberg(pValues: ArrayLike<number>): number[] {
  const order = ascending('benjaminiHochberg', pValues);
  const m = order.length;
  const adjusted = new Array<number>(m);
  let least = 1;
  for (let rank = m; rank >= 1; rank--) {
    const i = order[rank - 1]!;
    least = Math.min(least, (m * pValues[i]!) / rank);
    adjusted[i] = least;
  }
  return adjusted;
}

function ascending(where: string, pValues: ArrayLike<number>): number[] {
  checkShares(where, 'pValues', pValues);
  return Array.from(pValues, (_, i) => i).sort((i, j) => pValues[i]! - pValues[j]!);
}

import { checkCount, checkFinite, checkInteger, checkLevel, checkOptions } from '../check.js';
import { normalQuantile } from '../numbers/normal.js';
import { mean, standardDeviation } from './statistics.js';

/** A share with its interval. */
export interface ShareInterval {
  /** Successes over trials. */
  readonly share: number;
  /** Lower end, in [0, share]. */
  readonly low: number;
  /** Upper end, in [share, 1]. */
  readonly high: number;
  /** Trials. */
  readonly n: number;
}

/**
 * Wilson's interval for a share, such as an accuracy.
 *
 *     (s + z^2 / 2 +- z sqrt(s (n - s) / n + z^2 / 4)) / (n + z^2),   z = Phi^-1((1 + level) / 2)
 *
 * Good for few trials and for shares of 0 and 1. Unit: probability. Range: [0, 1]. Misleads when trials are not
 * independent (several samples of one prompt): see {@link hierarchicalBootstrap}.
 *
 * @param successes - In [0, n].
 * @param n - Trials, at least 1.
 * @returns The share and its interval.
 * @throws RangeError if a count is not an integer or out of range, or `level` is outside (0, 1).
 * @see Wilson 1927, https://doi.org/10.1080/01621459.1927.10502953
 *
 * @example
 * ```ts
 * wilsonInterval(8, 10); // => { share: 0.8, low: 0.490162, high: 0.943318, n: 10 }
 * ```
 */
export function wilsonInterval(
  successes: number,
  n: number,
  options: { readonly level?: number } = {},
): ShareInterval {
  const { level = 0.95 } = checkOptions('wilsonInterval', options, ['level']);
  checkInteger('wilsonInterval', 'n', n, 1);
  checkInteger('wilsonInterval', 'successes', successes, 0);
  if (successes > n) {
    throw new RangeError(`wilsonInterval: successes is ${successes}, expected at most ${n} (n)`);
  }
  checkLevel('wilsonInterval', level);
  const z = normalQuantile((1 + level) / 2);
  const half = z * Math.sqrt((successes * (n - successes)) / n + (z * z) / 4);
  const share = successes / n;
  // The ends of 0 and n successes are exact; elsewhere rounding must not pass the share.
  const low = successes === 0 ? 0 : (successes + (z * z) / 2 - half) / (n + z * z);
  const high = successes === n ? 1 : (successes + (z * z) / 2 + half) / (n + z * z);
  return { share, low: Math.min(low, share), high: Math.max(high, share), n };
}

/**
 * Holm's adjustment of p-values: below alpha, all rejections are right with probability 1 - alpha.
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
 * Benjamini and Hochberg's adjustment of p-values: below alpha, at most a share alpha of rejections is wrong,
 * on average.
 *
 *     adjusted(i) = min over j >= i of min(1, m p(j) / j),   p in ascending order
 *
 * For independent or positively dependent tests. Unit: probability. Range: [p, 1]. Misleads as a guarantee for
 * a single one of the rejections.
 *
 * @param pValues - `[m]`, in [0, 1].
 * @returns `[m]`, in the order given.
 * @throws RangeError if a p-value is outside [0, 1].
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

/**
 * Cohen's d: a difference of means in standard deviations.
 *
 *     d = (mean a - mean b) / s,   s^2 = ((n - 1) s_a^2 + (m - 1) s_b^2) / (n + m - 2)
 *
 * Unit: standard deviations. Range: (-infinity, infinity). Misleads for few values, where it is too large (see
 * {@link hedgesG}), and when spreads differ.
 *
 * @param a - `[n]`, finite, `n >= 2`.
 * @param b - `[m]`, finite, `m >= 2`; not all equal in both.
 * @returns The effect size.
 * @throws RangeError if a sample has fewer than two values or one that is not finite, or nothing varies.
 * @see Cohen 1988, Statistical Power Analysis, section 2.5, https://doi.org/10.4324/9780203771587
 *
 * @example
 * ```ts
 * cohenD([3, 5], [1, 3]); // => 1.414214
 * ```
 */
export function cohenD(a: ArrayLike<number>, b: ArrayLike<number>): number {
  return standardized('cohenD', a, b);
}

/**
 * Hedges' g: {@link cohenD} without most of its bias for few values.
 *
 *     g = d (1 - 3 / (4 (n + m - 2) - 1))
 *
 * Unit: standard deviations. Range: (-infinity, infinity). Misleads when spreads differ.
 *
 * @param a - `[n]`, finite, `n >= 2`.
 * @param b - `[m]`, finite, `m >= 2`; not all equal in both.
 * @returns The effect size.
 * @throws RangeError if a sample has fewer than two values or one that is not finite, or nothing varies.
 * @see Hedges 1981, https://doi.org/10.3102/10769986006002107
 *
 * @example
 * ```ts
 * hedgesG([3, 5], [1, 3]); // => 0.808122
 * ```
 */
export function hedgesG(a: ArrayLike<number>, b: ArrayLike<number>): number {
  return standardized('hedgesG', a, b) * (1 - 3 / (4 * (a.length + b.length - 2) - 1));
}

/**
 * Cliff's delta: how much more often a value of one sample exceeds one of the other than the reverse.
 *
 *     delta = P(a > b) - P(a < b)
 *
 * Unit: probability. Range: [-1, 1]; needs no normality. Misleads about size: a tiny but sure difference is 1.
 *
 * @param a - `[n]`, finite.
 * @param b - `[m]`, finite.
 * @returns The difference.
 * @throws RangeError if a sample is empty or not finite.
 * @see Cliff 1993, https://doi.org/10.1037/0033-2909.114.3.494
 *
 * @example
 * ```ts
 * cliffsDelta([1, 2, 3], [1, 1, 2]); // => 0.444444
 * ```
 */
export function cliffsDelta(a: ArrayLike<number>, b: ArrayLike<number>): number {
  return dominance('cliffsDelta', a, b);
}

/**
 * Probability of improvement: the chance that a run of one method beats a run of another.
 *
 *     P(a > b) + P(a = b) / 2
 *
 * Unit: probability. Range: [0, 1]; 0.5 for equal methods. Misleads about size: see {@link cohenD}.
 *
 * @param a - `[n]`, finite.
 * @param b - `[m]`, finite.
 * @returns The chance.
 * @throws RangeError if a sample is empty or not finite.
 * @see Agarwal et al. 2021, section 4.3, https://arxiv.org/abs/2108.13264
 *
 * @example
 * ```ts
 * probabilityOfImprovement([1, 2, 3], [1, 1, 2]); // => 0.722222
 * ```
 */
export function probabilityOfImprovement(a: ArrayLike<number>, b: ArrayLike<number>): number {
  return (1 + dominance('probabilityOfImprovement', a, b)) / 2;
}

function standardized(where: string, a: ArrayLike<number>, b: ArrayLike<number>): number {
  checkCount(where, 'a', a.length, 2);
  checkCount(where, 'b', b.length, 2);
  checkFinite(where, 'a', a);
  checkFinite(where, 'b', b);
  const squares =
    (a.length - 1) * standardDeviation(a) ** 2 + (b.length - 1) * standardDeviation(b) ** 2;
  if (squares === 0) {
    throw new RangeError(`${where}: a and b have equal entries only, expected some spread`);
  }
  return (mean(a) - mean(b)) / Math.sqrt(squares / (a.length + b.length - 2));
}

function dominance(where: string, a: ArrayLike<number>, b: ArrayLike<number>): number {
  checkCount(where, 'a', a.length, 1);
  checkCount(where, 'b', b.length, 1);
  checkFinite(where, 'a', a);
  checkFinite(where, 'b', b);
  const sorted = Float64Array.from(b).sort();
  let balance = 0;
  // Of each a, how many of b are below it, less how many are above.
  for (let i = 0; i < a.length; i++) {
    balance += rank(sorted, a[i]!, false) + rank(sorted, a[i]!, true) - b.length;
  }
  return balance / (a.length * b.length);
}

/** How many entries are below a value, or at most it. */
function rank(sorted: Float64Array, value: number, orEqual: boolean): number {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (sorted[middle]! < value || (orEqual && sorted[middle] === value)) low = middle + 1;
    else high = middle;
  }
  return low;
}

function ascending(where: string, pValues: ArrayLike<number>): number[] {
  for (let i = 0; i < pValues.length; i++) {
    if (!(pValues[i]! >= 0 && pValues[i]! <= 1)) {
      throw new RangeError(`${where}: pValues[${i}] is ${pValues[i]}, expected a number in [0, 1]`);
    }
  }
  return Array.from(pValues, (_, i) => i).sort((i, j) => pValues[i]! - pValues[j]!);
}

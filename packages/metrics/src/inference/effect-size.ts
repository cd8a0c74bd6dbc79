import { checkFinite } from '../check.js';
import { mean, standardDeviation } from './mean.js';

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
 * @throws As {@link cohenD}.
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
 * Probability of improvement: the chance that a run of one method beats a run of another.
 *
 *     P(a > b) + P(a = b) / 2
 *
 * Unit: probability. Range: [0, 1]; 0.5 for equal methods. Misleads about size: see {@link cohenD}.
 *
 * @param a - `[n]`, finite.
 * @param b - `[m]`, finite.
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
  checkFinite(where, 'a', a, 2);
  checkFinite(where, 'b', b, 2);
  const squares =
    (a.length - 1) * standardDeviation(a) ** 2 + (b.length - 1) * standardDeviation(b) ** 2;
  if (squares === 0) {
    throw new RangeError(`${where}: a and b have equal entries only, expected some spread`);
  }
  return (mean(a) - mean(b)) / Math.sqrt(squares / (a.length + b.length - 2));
}

function dominance(where: string, a: ArrayLike<number>, b: ArrayLike<number>): number {
  checkFinite(where, 'a', a, 1);
  checkFinite(where, 'b', b, 1);
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

import { summarizeLogits } from './logits.js';

/**
 * Varentropy at one position: the variance of surprise.
 *
 *     V = sum_v p[v] (- log p[v] - H)^2,   p = softmax(z)
 *
 * Unit: nats^2. Range: [0, infinity); 0 when all possible tokens are alike, or one is certain. Misleads
 * without the entropy beside it: 0 is both the surest and the least sure distribution.
 *
 * @param logits - `[V]`, unnormalised; `-Infinity` marks a token that cannot occur.
 * @throws RangeError if `logits` is empty, has NaN or +Infinity, or is -Infinity throughout.
 * @see Kontoyiannis and Verdu 2014, https://doi.org/10.1109/TIT.2013.2291007
 *
 * @example
 * ```ts
 * varentropy([Math.log(3), 0]); // => 0.226305
 * varentropy([1, 1, -Infinity]); // => 0
 * ```
 */
export function varentropy(logits: ArrayLike<number>): number {
  const { max, rest, weighted } = summarizeLogits('varentropy', logits);
  const mean = weighted / (1 + rest);
  let total = 0;
  for (let v = 0; v < logits.length; v++) {
    const gap = max - logits[v]!;
    const weight = Math.exp(-gap);
    if (weight > 0) total += weight * (gap - mean) ** 2;
  }
  return total / (1 + rest);
}

/**
 * Renyi entropy at one position: how many tokens count, by an order that weighs likely ones.
 *
 *     H_a = log(sum_v p[v]^a) / (1 - a),   H_1 = H,   H_Infinity = - log max p
 *
 * Unit: nats. Range: [0, log V]; falls as the order grows. Order 0 counts possible tokens, order 2 is the
 * collision entropy. Misleads when orders are compared or not stated.
 *
 * @param logits - `[V]`, unnormalised; `-Infinity` marks a token that cannot occur.
 * @param order - At least 0, or `Infinity`.
 * @throws As {@link tokenEntropy}, and RangeError if `order` is negative.
 * @see Renyi 1961, https://projecteuclid.org/euclid.bsmsp/1200512181
 *
 * @example
 * ```ts
 * renyiEntropy([Math.log(3), 0], 2); // => 0.470004
 * renyiEntropy([Math.log(3), 0], Infinity); // => 0.287682
 * ```
 */
export function renyiEntropy(logits: ArrayLike<number>, order: number): number {
  const summary = powers('renyiEntropy', logits, order);
  if (order === Infinity) return Math.log1p(summary.rest);
  if (order === 1) return summary.shannon;
  // Near order 1 the sum is near 1, and its logarithm needs the difference from 1.
  return Math.abs(order - 1) < 0.5
    ? Math.log1p(summary.excess) / (1 - order)
    : (Math.log1p(summary.powers) - order * Math.log1p(summary.rest)) / (1 - order);
}

/**
 * Tsallis entropy at one position.
 *
 *     S_q = (1 - sum_v p[v]^q) / (q - 1),   S_1 = H
 *
 * Unit: none (nats for q = 1). Range: [0, (1 - V^(1 - q)) / (q - 1)]; order 2 is the chance that two draws
 * differ (Gini). Misleads for joint choices: it does not add up over independent ones.
 *
 * @param logits - `[V]`, unnormalised; `-Infinity` marks a token that cannot occur.
 * @param order - At least 0, finite.
 * @throws As {@link tokenEntropy}, and RangeError if `order` is negative or infinite.
 * @see Tsallis 1988, https://doi.org/10.1007/BF01016429
 *
 * @example
 * ```ts
 * tsallisEntropy([Math.log(3), 0], 2); // => 0.375
 * ```
 */
export function tsallisEntropy(logits: ArrayLike<number>, order: number): number {
  if (order === Infinity) {
    throw new RangeError('tsallisEntropy: order is Infinity, expected a finite number >= 0');
  }
  const { excess, shannon } = powers('tsallisEntropy', logits, order);
  return order === 1 ? shannon : excess / (1 - order);
}

/**
 * With `w = exp(z - max z)`: the sums of `w` and of `w^order`, both less 1 (one maximum), the Shannon
 * entropy, and `sum p^order - 1`.
 */
function powers(where: string, logits: ArrayLike<number>, order: number) {
  if (!(order >= 0)) throw new RangeError(`${where}: order is ${order}, expected a number >= 0`);
  const { max, rest, weighted } = summarizeLogits(where, logits);
  const logZ = Math.log1p(rest);
  let sum = -1;
  let excess = 0;
  for (let v = 0; v < logits.length; v++) {
    const gap = max - logits[v]!;
    if (gap === Infinity) continue;
    sum += Math.exp(-order * gap);
    const logP = -gap - logZ;
    // p expm1((order - 1) log p), as a difference where the factor may overflow.
    excess +=
      order > 0.5
        ? Math.exp(logP) * Math.expm1((order - 1) * logP)
        : Math.exp(order * logP) - Math.exp(logP);
  }
  return { rest, powers: sum, excess, shannon: logZ + weighted / (1 + rest) };
}

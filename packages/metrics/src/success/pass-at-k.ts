import { checkInteger, checkSamples } from '../check.js';
import { logBinomial } from '../numbers/log-binomial.js';

/**
 * pass@k: the probability that at least one of k samples is correct, from n samples of which c are.
 *
 *     passAtK = 1 - C(n - c, k) / C(n, k) = 1 - prod_{i = n - c + 1}^{n} (1 - k / i)
 *
 * Unbiased for independent samples, unlike `1 - (1 - c / n)^k`, and without factorials that overflow. It is for
 * one problem: average over problems after. Unit: probability. Range: [0, 1]. Misleads as the quality of the
 * sample that will be shown, if nobody can tell which of the k is correct, and where guessing k times suffices.
 *
 * @param n - Samples drawn.
 * @param c - Samples that were correct, in [0, n].
 * @param k - Samples the user may try, in [1, n].
 * @throws RangeError if an argument is not an integer or out of range.
 * @see Chen et al. 2021, eq. 1, https://arxiv.org/abs/2107.03374
 *
 * @example
 * ```ts
 * passAtK(4, 1, 2); // => 0.5
 * ```
 */
export function passAtK(n: number, c: number, k: number): number {
  checkSamples('passAtK', n, c, k);
  if (n - c < k) return 1;
  let allWrong = 1;
  for (let i = n - c + 1; i <= n; i++) allWrong *= 1 - k / i;
  return 1 - allWrong;
}

/**
 * G-pass@k: the chance that at least a share tau of k samples is right, from n samples of which c are.
 *
 *     gPassAtK = sum_{j >= max(1, tau k)} C(c, j) C(n - c, k - j) / C(n, k)
 *
 * Unit: probability. Range: [0, 1]; tau near 0 is pass@k, tau = 1 asks for all. Misleads without tau: state it.
 *
 * @param n - Samples drawn.
 * @param c - Samples that were right, in [0, n].
 * @param k - Samples that are looked at, in [1, n].
 * @param tau - Share that must be right, in [0, 1].
 * @throws As {@link passAtK}, and RangeError if `tau` is outside [0, 1].
 * @see Liu et al. 2024, eq. 5, https://arxiv.org/abs/2412.13147
 *
 * @example
 * ```ts
 * gPassAtK(4, 2, 2, 1); // => 0.166667
 * ```
 */
export function gPassAtK(n: number, c: number, k: number, tau: number): number {
  checkSamples('gPassAtK', n, c, k);
  if (!(tau >= 0 && tau <= 1)) {
    throw new RangeError(`gPassAtK: tau is ${tau}, expected a number in [0, 1]`);
  }
  // tau = 0.1 and k = 10 must ask for 1, though 0.1 * 10 may round above it.
  return atLeast(n, c, k, Math.max(1, Math.ceil(tau * k - 1e-9)));
}

/**
 * mG-pass@k: {@link gPassAtK} averaged over tau from 1/2 to 1.
 *
 *     mean = (2 / k) sum_{i = ceil(k / 2) + 1}^{k} gPassAtK with tau = i / k
 *
 * Unit: probability. Range: [0, 1]. Misleads for odd or small k: the sum has floor(k / 2) terms and not k / 2.
 *
 * @param n - Samples drawn.
 * @param c - Samples that were right, in [0, n].
 * @param k - Samples that are looked at, in [2, n].
 * @throws As {@link passAtK}, and RangeError if `k` is 1.
 * @see Liu et al. 2024, eq. 6, https://arxiv.org/abs/2412.13147
 *
 * @example
 * ```ts
 * meanGPassAtK(4, 3, 4); // => 0.5
 * meanGPassAtK(4, 4, 4); // => 1
 * ```
 */
export function meanGPassAtK(n: number, c: number, k: number): number {
  checkSamples('meanGPassAtK', n, c, k);
  checkInteger('meanGPassAtK', 'k', k, 2);
  let sum = 0;
  for (let i = Math.ceil(k / 2) + 1; i <= k; i++) sum += atLeast(n, c, k, i);
  return (2 / k) * sum;
}

/** The hypergeometric chance of at least `m` right ones. */
function atLeast(n: number, c: number, k: number, m: number): number {
  const low = Math.max(0, k - (n - c));
  if (m <= low) return 1;
  let sum = 0;
  for (let j = m; j <= Math.min(c, k); j++) {
    sum += Math.exp(logBinomial(c, j) + logBinomial(n - c, k - j) - logBinomial(n, k));
  }
  return Math.min(1, sum);
}

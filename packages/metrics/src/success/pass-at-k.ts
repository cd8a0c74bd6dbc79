import { checkSamples } from '../check.js';

/**
 * pass@k: the probability that at least one of k samples is correct, from n samples of which c are.
 *
 *     passAtK = 1 - C(n - c, k) / C(n, k) = 1 - prod_{i = n - c + 1}^{n} (1 - k / i)
 *
 * Unit: probability. Range: [0, 1]. Unbiased for independent samples, unlike `1 - (1 - c / n)^k`; the
 * product neither overflows nor needs factorials. It is for one problem: average over problems after.
 * Misleads as the quality of the sample that will be shown, for k > 1, when nobody can tell which of the k
 * is correct, and on tasks where guessing k times suffices.
 *
 * @param n - Samples drawn.
 * @param c - Samples that were correct, in [0, n].
 * @param k - Samples the user may try, in [1, n].
 * @returns The estimate.
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

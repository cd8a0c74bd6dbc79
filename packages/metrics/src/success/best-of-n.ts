import { checkCount, checkFinite, checkNumberOf, checkSameLength } from '../check.js';

/**
 * Best-of-n: the expected reward of the best of n samples, from N of which n are drawn without replacement.
 *
 *     bestOfN = sum_i x[i] C(i - 1, n - 1) / C(N, n),   x in ascending order of score
 *
 * Unbiased for independent samples. `scores` choose the best, `rewards` say what it is worth: with scores of a
 * proxy this shows overoptimisation. Unit: that of the rewards. Range: [min, max] of the rewards. Misleads as
 * quality of a single sample, for n > 1, and for n near N, where few sets of samples are left.
 *
 * @param rewards - `[N]`, finite.
 * @param n - Samples to choose from, in [1, N].
 * @param scores - `[N]`, finite: what chooses. The rewards themselves if left out.
 * @throws RangeError if there is no reward, lengths differ, a value is not finite, or `n` is out of range.
 * @see Nakano et al. 2021, appendix I (estimator), https://arxiv.org/abs/2112.09332
 *
 * @example
 * ```ts
 * bestOfN([0, 1, 2], 2); // => 1.666667
 * ```
 */
export function bestOfN(
  rewards: ArrayLike<number>,
  n: number,
  scores: ArrayLike<number> = rewards,
): number {
  checkCount('bestOfN', 'rewards', rewards.length, 1);
  checkSameLength('bestOfN', ['rewards', rewards], ['scores', scores]);
  checkFinite('bestOfN', 'rewards', rewards);
  checkFinite('bestOfN', 'scores', scores);
  const total = rewards.length;
  checkNumberOf('bestOfN', 'n', n, 1, total, ' (rewards); draw more samples');
  const order = Array.from(rewards, (_, i) => i).sort((a, b) => scores[b]! - scores[a]!);
  let sum = 0;
  // The chance that this one is the best: C(i - 1, n - 1) / C(N, n), from the highest rank i = N on.
  let chance = n / total;
  for (let from = 0; from < total && chance > 0;) {
    // Equal scores share their chances.
    let [to, together, worth] = [from, 0, 0];
    while (to < total && scores[order[to]!] === scores[order[from]!]) {
      together += chance;
      worth += rewards[order[to]!]!;
      const rank = total - to++;
      chance *= rank > 1 ? (rank - n) / (rank - 1) : 0;
    }
    sum += (together * worth) / (to - from);
    from = to;
  }
  return sum;
}

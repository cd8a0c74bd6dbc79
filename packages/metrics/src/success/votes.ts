import { checkCount, checkFinite, checkInteger, checkSameLength, checkSamples } from '../check.js';
import { logBinomial } from '../numbers/log-binomial.js';

/**
 * Best-of-n: the expected reward of the best of n samples, from N of which n are drawn without replacement.
 *
 *     bestOfN = sum_i x[i] C(i - 1, n - 1) / C(N, n),   x in ascending order of score
 *
 * Unbiased for independent samples. The best is chosen by `scores`, and `rewards` are what it is worth: with
 * scores of a proxy this shows overoptimisation. Unit: that of the rewards. Range: [min, max] of the rewards.
 * Misleads as quality of a single sample, for n > 1, and for n near N, where few sets of samples are left.
 *
 * @param rewards - `[N]`, finite.
 * @param n - Samples to choose from, in [1, N].
 * @param scores - `[N]`, finite: what chooses. The rewards themselves if left out.
 * @returns The expectation.
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
  checkInteger('bestOfN', 'n', n, 1);
  if (n > total) {
    throw new RangeError(
      `bestOfN: n is ${n}, expected at most ${total} (rewards); draw more samples`,
    );
  }
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

/**
 * Majority@k: the chance that the most frequent of k answers is right, from N answers of which k are drawn
 * without replacement. Ties are broken by lot.
 *
 *     majorityAtK = E[ [the vote's winner is right] ]   over all C(N, k) choices, exactly
 *
 * Unit: probability. Range: [0, 1]. Misleads where answers are free text, which never agree: give their
 * extracted values.
 *
 * @param answers - `[N]`, compared by `===`.
 * @param isCorrect - Whether an answer is right.
 * @param k - Votes, in [1, N].
 * @returns The expectation.
 * @throws RangeError if there is no answer, or `k` is out of range.
 * @see Wang et al. 2023 (self-consistency), https://arxiv.org/abs/2203.11171
 *
 * @example
 * ```ts
 * majorityAtK(['12', '12', '13'], (answer) => answer === '12', 3); // => 1
 * majorityAtK(['12', '12', '13'], (answer) => answer === '12', 1); // => 0.666667
 * ```
 */
export function majorityAtK<Answer>(
  answers: readonly Answer[],
  isCorrect: (answer: Answer) => boolean,
  k: number,
): number {
  checkCount('majorityAtK', 'answers', answers.length, 1);
  checkInteger('majorityAtK', 'k', k, 1);
  const total = answers.length;
  if (k > total) {
    throw new RangeError(
      `majorityAtK: k is ${k}, expected at most ${total} (answers); draw more samples`,
    );
  }
  const counts = new Map<Answer, number>();
  for (const answer of answers) counts.set(answer, (counts.get(answer) ?? 0) + 1);
  // Given their sum, independent binomials of one theta are the draw without replacement, whatever theta.
  const theta = (k + 0.5) / (total + 1);
  const chance = (n: number, j: number): number =>
    Math.exp(logBinomial(n, j) + j * Math.log(theta) + (n - j) * Math.log1p(-theta));
  let won = 0;
  for (const [answer, count] of counts) {
    if (!isCorrect(answer)) continue;
    const others = [...counts].filter(([other]) => other !== answer).map(([, n]) => n);
    for (let votes = 1; votes <= Math.min(count, k); votes++) {
      won += chance(count, votes) * shareOfWins(others, votes, k - votes, chance);
    }
  }
  return Math.min(1, won / chance(total, k));
}

/**
 * Over the ways in which the others get `left` votes and none gets more than `votes`: chance, divided by the
 * number of winners.
 */
function shareOfWins(
  others: readonly number[],
  votes: number,
  left: number,
  chance: (n: number, j: number) => number,
): number {
  // ways[ties][v]: chance that the others so far have v votes, and `ties` of them exactly `votes`.
  let ways: Float64Array[] = [Float64Array.from({ length: left + 1 }, (_, v) => +(v === 0))];
  for (const n of others) {
    const next = Array.from({ length: ways.length + 1 }, () => new Float64Array(left + 1));
    for (let j = 0; j <= Math.min(n, votes, left); j++) {
      const p = chance(n, j);
      ways.forEach((row, ties) => {
        const to = next[ties + +(j === votes)]!;
        for (let v = 0; v + j <= left; v++) to[v + j]! += p * row[v]!;
      });
    }
    // No more than left / votes others can tie.
    ways = next.slice(0, Math.floor(left / votes) + 1);
  }
  return ways.reduce((sum, row, ties) => sum + row[left]! / (ties + 1), 0);
}

/**
 * cons@k: whether the most frequent of the answers at hand is right; a tie counts by its share of right ones.
 *
 *     consensus = (right answers among the most frequent) / (most frequent answers)
 *
 * That is {@link majorityAtK} with k = N. Unit: probability. Range: [0, 1]. Misleads as an expectation: it is
 * one draw; average over problems.
 *
 * @param answers - `[k]`, compared by `===`.
 * @param isCorrect - Whether an answer is right.
 * @returns 0 or 1, or between on a tie.
 * @throws RangeError if there is no answer.
 * @see Wang et al. 2023 (self-consistency), https://arxiv.org/abs/2203.11171
 *
 * @example
 * ```ts
 * consensus(['12', '13', '12', '13', '9'], (answer) => answer === '12'); // => 0.5
 * ```
 */
export function consensus<Answer>(
  answers: readonly Answer[],
  isCorrect: (answer: Answer) => boolean,
): number {
  checkCount('consensus', 'answers', answers.length, 1);
  const counts = new Map<Answer, number>();
  let most = 0;
  for (const answer of answers) {
    const count = (counts.get(answer) ?? 0) + 1;
    counts.set(answer, count);
    most = Math.max(most, count);
  }
  const winners = [...counts].filter(([, count]) => count === most);
  return winners.filter(([answer]) => isCorrect(answer)).length / winners.length;
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
 * @returns The estimate.
 * @throws RangeError if an argument is not an integer (`tau`: a number) or out of range.
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
 * @returns The estimate.
 * @throws RangeError if an argument is not an integer or out of range.
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

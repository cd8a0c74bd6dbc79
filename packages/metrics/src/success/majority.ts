import { checkCount, checkNumberOf } from '../check.js';
import { logBinomial } from '../numbers/log-binomial.js';

/**
 * Majority@k: the chance that the most frequent of k answers is right, the k drawn from N without replacement.
 *
 *     majorityAtK = E[ [the vote's winner is right] ]   over all C(N, k) choices, exactly
 *
 * Ties are broken at random. Unit: probability. Range: [0, 1]. Misleads for free text, where answers never
 * agree: pass the extracted values.
 *
 * @param answers - `[N]`, compared by `===`.
 * @param k - Votes, in [1, N].
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
  const total = answers.length;
  checkNumberOf('majorityAtK', 'k', k, 1, total, ' (answers); draw more samples');
  const counts = votes(answers);
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
  const counts = [...votes(answers)];
  const most = counts.reduce((largest, [, count]) => Math.max(largest, count), 0);
  const winners = counts.filter(([, count]) => count === most);
  return winners.filter(([answer]) => isCorrect(answer)).length / winners.length;
}

/** How often each answer was given. */
function votes<Answer>(answers: readonly Answer[]): Map<Answer, number> {
  const counts = new Map<Answer, number>();
  for (const answer of answers) counts.set(answer, (counts.get(answer) ?? 0) + 1);
  return counts;
}

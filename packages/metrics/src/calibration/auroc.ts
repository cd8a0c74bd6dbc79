import { checkBooleans, checkFinite, checkSameLength } from '../check.js';

/**
 * AUROC: the chance that a right answer is more confident than a wrong one.
 *
 *     auroc = P(s[i] > s[j]) + P(s[i] = s[j]) / 2   over right i and wrong j
 *
 * Unit: probability. Range: [0, 1]; 0.5 is chance. Only the order of the scores matters. Misleads when nearly
 * all answers are right or wrong (see {@link averagePrecision}); and it says nothing about calibration.
 *
 * @param scores - `[n]`, finite; higher means more confident.
 * @param correct - `[n]`, whether each answer was right; both kinds must occur.
 * @throws RangeError if the lengths differ, a score is not finite, or one kind of answer is missing;
 *   TypeError if an entry of `correct` is not a boolean.
 * @see Hanley and McNeil 1982, https://doi.org/10.1148/radiology.143.1.7063747
 *
 * @example
 * ```ts
 * auroc([0.9, 0.8, 0.3, 0.2], [true, false, true, false]); // => 0.75
 * ```
 */
export function auroc(scores: ArrayLike<number>, correct: readonly boolean[]): number {
  const groups = tied('auroc', scores, correct);
  let right = 0;
  let wrong = 0;
  let wins = 0;
  for (const group of groups) {
    // Right answers seen before are more confident than the wrong ones of this group.
    wins += group.wrong * (right + group.right / 2);
    right += group.right;
    wrong += group.wrong;
  }
  bothKinds('auroc', right, wrong);
  return wins / (right * wrong);
}

/**
 * Average precision (AUPR): precision averaged over recall as the threshold falls.
 *
 *     AP = sum_t (recall[t] - recall[t - 1]) precision[t]   over distinct thresholds
 *
 * Unit: probability. Range: (0, 1]; chance level is the share of right answers. Misleads across data sets in
 * which that share differs.
 *
 * @param scores - `[n]`, finite; higher means more confident.
 * @param correct - `[n]`, whether each answer was right; at least one must be.
 * @throws As {@link auroc}, but a wrong answer is not needed.
 * @see Davis and Goadrich 2006, https://doi.org/10.1145/1143844.1143874
 *
 * @example
 * ```ts
 * averagePrecision([0.9, 0.8, 0.3], [true, false, true]); // => 0.833333
 * ```
 */
export function averagePrecision(scores: ArrayLike<number>, correct: readonly boolean[]): number {
  const groups = tied('averagePrecision', scores, correct);
  let right = 0;
  let seen = 0;
  let area = 0;
  for (const group of groups) {
    right += group.right;
    seen += group.right + group.wrong;
    area += (group.right * right) / seen;
  }
  bothKinds('averagePrecision', right, 1);
  return area / right;
}

/** How many answers of each kind share a score, from the highest score on. */
export function tied(
  where: string,
  scores: ArrayLike<number>,
  correct: readonly boolean[],
): { right: number; wrong: number }[] {
  checkSameLength(where, ['scores', scores], ['correct', correct]);
  checkFinite(where, 'scores', scores, 1);
  checkBooleans(where, 'correct', correct);
  const order = correct.map((_, i) => i).sort((a, b) => scores[b]! - scores[a]!);
  const groups: { right: number; wrong: number }[] = [];
  let last = NaN;
  for (const i of order) {
    if (scores[i] !== last) groups.push({ right: 0, wrong: 0 });
    last = scores[i]!;
    groups.at(-1)![correct[i]! ? 'right' : 'wrong']++;
  }
  return groups;
}

function bothKinds(where: string, right: number, wrong: number): void {
  if (right > 0 && wrong > 0) return;
  throw new RangeError(
    `${where}: correct has only ${right > 0 ? 'right' : 'wrong'} answers, expected ${right > 0 ? 'a wrong' : 'a right'} one as well`,
  );
}

import { checkConfidences } from '../check.js';
import { tied } from './auroc.js';

/** What {@link riskCoverage} returns: one point for each number of answers that is kept. */
export interface RiskCoverage {
  /** `[n]`: share of answers kept, the most confident first: `1 / n, 2 / n, ..., 1`. */
  readonly coverage: readonly number[];
  /** `[n]`: share of wrong ones among those kept. */
  readonly risk: readonly number[];
  /** Mean of `risk`: AURC. */
  readonly area: number;
  /** `area` less that of an oracle which keeps right answers first; 0 is a perfect order. */
  readonly excessArea: number;
}

/**
 * Selective risk: how often a model is wrong if it answers only where it is most confident.
 *
 *     risk[k] = (wrong among the k most confident) / k,   area = mean_k risk[k]
 *
 * Where confidences tie, the expectation over their orders. Unit: probability. Range: [0, 1]. Misleads across
 * models: `area` is low for any model that is seldom wrong; `excessArea` takes that out.
 *
 * @param confidences - `[n]`, probabilities in [0, 1].
 * @param correct - `[n]`, whether each answer was right.
 * @throws As {@link brierScore}.
 * @see Geifman et al. 2019 (AURC, excess AURC), https://arxiv.org/abs/1805.08206
 *
 * @example
 * ```ts
 * riskCoverage([0.9, 0.6, 0.8], [true, false, true]); // => { coverage: [0.333333, 0.666667, 1], risk: [0, 0, 0.333333], area: 0.111111, excessArea: 0 }
 * ```
 */
export function riskCoverage(
  confidences: ArrayLike<number>,
  correct: readonly boolean[],
): RiskCoverage {
  checkConfidences('riskCoverage', confidences, correct);
  const n = correct.length;
  const risk: number[] = [];
  let wrong = 0;
  for (const group of tied('riskCoverage', confidences, correct)) {
    const size = group.right + group.wrong;
    for (let i = 1; i <= size; i++) {
      risk.push((wrong + (i * group.wrong) / size) / (risk.length + 1));
    }
    wrong += group.wrong;
  }
  let oracle = 0;
  for (let k = n - wrong + 1; k <= n; k++) oracle += (k - n + wrong) / k;
  const area = risk.reduce((sum, value) => sum + value, 0) / n;
  return {
    coverage: risk.map((_, i) => (i + 1) / n),
    risk,
    area,
    excessArea: Math.max(0, area - oracle / n),
  };
}

import { checkFinite } from '@cfrl/engine';

import { checkAllFinite, checkList } from '../check.js';
import { variance } from '../statistics.js';

/**
 * How much of the returns' variance the critic foresaw: 1 is all, 0 is no better than a constant,
 * below 0 is worse.
 *
 *     1 - Var(returns - values) / Var(returns)
 *
 * If the returns are all equal, it is 1 for a critic that is off by a constant and 0 for any other.
 *
 * @param values - `[n]`, reward units, before the updates
 * @param returns - `[n]`, reward units
 * @returns a number, at most 1
 * @throws RangeError if the lengths differ or are 0
 *
 * @example
 * ```ts
 * explainedVariance([1, 2, 4], [1, 2, 3]); // => 0.6666667
 * ```
 */
export function explainedVariance(values: readonly number[], returns: readonly number[]): number {
  checkList('explainedVariance: values', values, 'numbers');
  checkList('explainedVariance: returns', returns, 'numbers');
  if (values.length !== returns.length || values.length === 0) {
    throw new RangeError(
      `explainedVariance: values has ${values.length} entries, expected ${returns.length || 'at least 1'}`,
    );
  }
  checkAllFinite('explainedVariance: values', values);
  checkAllFinite('explainedVariance: returns', returns);
  const unexplained = variance(returns.map((target, i) => target - values[i]!));
  const total = variance(returns);
  checkFinite('explainedVariance: variance of the returns', total);
  if (total === 0) return unexplained === 0 ? 1 : 0;
  return 1 - unexplained / total;
}

/**
 * The largest difference between the log-probabilities that the sampler reported and those that
 * scoring found. Rounding leaves about 1e-6; more means that sampler and scorer are not the same
 * policy (another temperature, tokenizer, or set of weights).
 *
 *     max_{i,t} |sampled_it - scored_it|
 *
 * @param sampled - `[B][L_i]`, nats
 * @param scored - `[B][L_i]`, nats
 * @returns nats
 * @throws RangeError if the lengths differ
 *
 * @example
 * ```ts
 * scoringGap([[-1, -2], [-3]], [[-1, -2.5], [-3]]); // => 0.5
 * ```
 */
export function scoringGap(
  sampled: readonly (readonly number[])[],
  scored: readonly (readonly number[])[],
): number {
  for (const [name, rows] of Object.entries({ sampled, scored })) {
    checkList(`scoringGap: ${name}`, rows, 'rows, one a completion');
    rows.forEach((row, i) => checkList(`scoringGap: ${name}[${i}]`, row, 'numbers'));
  }
  const [a, b] = [sampled.flat(), scored.flat()];
  if (a.length !== b.length) {
    throw new RangeError(`scoringGap: sampled has ${a.length} tokens, expected ${b.length}`);
  }
  checkAllFinite('scoringGap: sampled.flat()', a);
  checkAllFinite('scoringGap: scored.flat()', b);
  return a.reduce((gap, logProb, i) => Math.max(gap, Math.abs(logProb - b[i]!)), 0);
}

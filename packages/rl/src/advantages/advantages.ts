import { checkAllFinite } from '../check.js';
import { mean, standardDeviation } from '../statistics.js';

/**
 * From the rewards of completions that are compared with one another to their advantages. One alone has nothing to be compared
 * with: the functions here give it the advantage 0, as TRL 1.16 does, so that nothing is learnt from it and nothing breaks.
 */
export type Advantage = (rewards: readonly number[]) => number[];

function spread(where: string, numbers: readonly number[]): number {
  const deviation = standardDeviation(numbers);
  if (deviation < Infinity) return deviation;
  throw new RangeError(
    `${where} has squares above 1.8e308, expected smaller numbers; scale them down`,
  );
}

function checkNumbers(where: string, numbers: readonly number[]): void {
  checkAllFinite(where, numbers);
  if (numbers.length === 0) {
    throw new RangeError(`${where} has 0 entries, expected at least 1`);
  }
}

/**
 * Rewards minus their mean. The mean contains each completion's own reward, so the gradient is
 * shorter than the unbiased one of {@link leaveOneOut} by the factor `(n - 1) / n`.
 *
 *     A_i = r_i - mean(r)
 *
 * @param rewards - `[n]`, reward units, at least 1
 * @returns `[n]`, reward units; they sum to 0
 * @throws RangeError if there are no rewards, or one is not finite
 * @see Williams 1992, section 4 (reinforcement baseline)
 *
 * @example
 * ```ts
 * meanBaseline([1, 0, 0, 1]); // => [0.5, -0.5, -0.5, 0.5]
 * ```
 */
export function meanBaseline(rewards: readonly number[]): number[] {
  checkNumbers('meanBaseline: rewards', rewards);
  const baseline = mean(rewards);
  return rewards.map((reward) => reward - baseline);
}

/**
 * Each reward minus the mean of the others: a baseline that does not depend on the completion, so
 * the gradient is unbiased.
 *
 *     A_i = r_i - (1 / (n - 1)) sum_{j != i} r_j = (n / (n - 1)) (r_i - mean(r))
 *
 * @param rewards - `[n]`, reward units, at least 1
 * @returns `[n]`, reward units; they sum to 0
 * @throws RangeError if there are no rewards, or one is not finite
 * @see Ahmadian et al. 2024, eq. 7, https://arxiv.org/abs/2402.14740
 *
 * @example
 * ```ts
 * leaveOneOut([3, 1, 2]); // => [1.5, -1.5, 0]
 * ```
 */
export function leaveOneOut(rewards: readonly number[]): number[] {
  checkNumbers('leaveOneOut: rewards', rewards);
  const baseline = mean(rewards);
  const scale = rewards.length / Math.max(1, rewards.length - 1); // of one, 0 times anything
  return rewards.map((reward) => (reward - baseline) * scale);
}

/**
 * Rewards standardised within their group. The standard deviation is the unbiased one, and 1e-4 is
 * added outside of the root, as in TRL 1.16; the paper leaves both open. A group of equal rewards
 * gets zeros.
 *
 *     A_i = (r_i - mean(r)) / (std(r) + 1e-4),   std with n - 1
 *
 * @param rewards - `[n]`, reward units, at least 1
 * @returns `[n]`, standard deviations; they sum to 0
 * @throws RangeError if there are no rewards, or one is not finite
 * @see Shao et al. 2024, section 4.1.2, https://arxiv.org/abs/2402.03300
 *
 * @example
 * ```ts
 * groupNormalize([1, 0, 0]); // => [1.1545, -0.57725, -0.57725]
 * ```
 */
export function groupNormalize(rewards: readonly number[]): number[] {
  checkNumbers('groupNormalize: rewards', rewards);
  const center = mean(rewards);
  const scale = spread('groupNormalize: rewards', rewards) + 1e-4;
  return rewards.map((reward) => (reward - center) / scale);
}

/**
 * Advantages standardised over everything that one step trains on: PPO's normalisation. The
 * standard deviation is the unbiased one, and 1e-8 is added outside of the root, as in cleanrl.
 *
 *     (a_i - mean(a)) / (std(a) + 1e-8),   std with n - 1
 *
 * @param advantages - `[n]`, of all tokens of all completions, at least 1
 * @returns `[n]`, standard deviations; they sum to 0
 * @throws RangeError if there are no advantages, or one is not finite
 * @see Engstrom et al. 2020, https://arxiv.org/abs/2005.12729
 *
 * @example
 * ```ts
 * whiten([1, 2, 3]); // => [-1, 0, 1]
 * ```
 */
export function whiten(advantages: readonly number[]): number[] {
  checkNumbers('whiten: advantages', advantages);
  const center = mean(advantages);
  const scale = spread('whiten: advantages', advantages) + 1e-8;
  return advantages.map((advantage) => (advantage - center) / scale);
}

import { checkFinite, checkPositiveInteger, checkFunction } from '@cfrl/engine';

import { checkAllFinite, checkList } from '../check.js';
import type { Rollout, Target } from '../types.js';
import type { Advantage } from './advantages.js';

/**
 * Applies an advantage to each group of completions and gives every token its completion's number:
 * what REINFORCE, RLOO and GRPO have in common.
 *
 * @param rollouts - `[B]`, groups one after the other
 * @param groupSize - completions that are compared with one another, a divisor of `B`
 * @param advantage - from rewards to advantages
 * @param klCoef - weight of the KL penalty in the reward (see {@link penalizedReward})
 * @returns `[B]`, advantages per token
 * @throws RangeError if `B` is not a multiple of `groupSize`
 *
 * @example
 * ```ts
 * const rollouts = [{ reward: 1, oldLogProbs: [-1, -1] }, { reward: 0, oldLogProbs: [-2] }];
 * groupTargets(rollouts, 2, meanBaseline); // => [{ advantages: [0.5, 0.5] }, { advantages: [-0.5] }]
 * ```
 */
export function groupTargets(
  rollouts: readonly Rollout[],
  groupSize: number,
  advantage: Advantage,
  klCoef = 0,
): Target[] {
  checkPositiveInteger('groupTargets: groupSize', groupSize);
  checkList('groupTargets: rollouts', rollouts, 'rollouts');
  checkFunction('groupTargets: advantage', advantage, 'for example meanBaseline');
  if (rollouts.length % groupSize !== 0) {
    throw new RangeError(
      `groupTargets: rollouts has ${rollouts.length} entries, expected a multiple of the group ` +
        `size ${groupSize}`,
    );
  }
  if (rollouts.length === 0) {
    throw new RangeError('groupTargets: rollouts is empty, expected at least one group');
  }
  const rewards = rollouts.map((rollout) => penalizedReward(rollout, klCoef));
  const advantages = Array.from({ length: rollouts.length / groupSize }, (_, g) => {
    const given = advantage(rewards.slice(g * groupSize, (g + 1) * groupSize));
    if (given.length !== groupSize) {
      throw new RangeError(
        `groupTargets: advantage returned ${given.length} numbers, expected ${groupSize}, one a reward`,
      );
    }
    return given;
  }).flat();
  return rollouts.map(({ oldLogProbs }, i) => ({
    advantages: oldLogProbs.map(() => advantages[i]!),
  }));
}

/**
 * The KL penalty of each token, to be paid as reward: the estimator k1.
 *
 *     -klCoef (log pi_old(y_t) - log pi_ref(y_t))
 *
 * @param rollout - with `refLogProbs` if `klCoef` is not 0
 * @param klCoef - weight, reward units per nat
 * @returns `[L]`, reward units
 * @throws RangeError if the reference's log-probabilities are needed and not there
 * @see Ziegler et al. 2019, eq. 2, https://arxiv.org/abs/1909.08593
 *
 * @example
 * ```ts
 * klPenalties({ reward: 1, oldLogProbs: [-1], refLogProbs: [-1.5] }, 0.1); // => [-0.05]
 * ```
 */
export function klPenalties(
  { oldLogProbs, refLogProbs }: Rollout,
  klCoef: number,
): readonly number[] {
  checkFinite('klPenalties: klCoef', klCoef);
  if (klCoef === 0) return oldLogProbs.map(() => 0);
  if (refLogProbs === undefined) {
    throw new RangeError('klPenalties: rollout has no refLogProbs, expected some; pass refParams');
  }
  if (refLogProbs.length !== oldLogProbs.length) {
    throw new RangeError(
      `klPenalties: refLogProbs has ${refLogProbs.length} entries, expected ${oldLogProbs.length} as oldLogProbs`,
    );
  }
  checkAllFinite('klPenalties: oldLogProbs', oldLogProbs);
  checkAllFinite('klPenalties: refLogProbs', refLogProbs);
  return oldLogProbs.map((logProb, t) => -klCoef * (logProb - refLogProbs[t]!));
}

/**
 * The reward of a completion with its KL penalty.
 *
 *     r - klCoef sum_t (log pi_old(y_t) - log pi_ref(y_t))
 *
 * @param rollout - with `refLogProbs` if `klCoef` is not 0
 * @param klCoef - weight, reward units per nat
 * @returns reward units
 * @throws RangeError if the reference's log-probabilities are needed and not there
 *
 * @example
 * ```ts
 * penalizedReward({ reward: 1, oldLogProbs: [-1, -1], refLogProbs: [-1.5, -2] }, 0.1); // => 0.85
 * ```
 */
export function penalizedReward(rollout: Rollout, klCoef: number): number {
  checkFinite('penalizedReward: reward', rollout.reward);
  return klPenalties(rollout, klCoef).reduce((sum, penalty) => sum + penalty, rollout.reward);
}

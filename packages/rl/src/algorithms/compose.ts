import {
  MOST_FLOAT32,
  type Option,
  between,
  checkFinite,
  checkInRange,
  checkPositiveInteger,
  checkSameShape,
  option,
} from '@cfrl/engine';
import * as tf from '@tensorflow/tfjs-core';

import type { Advantage } from '../advantages/advantages.js';
import { checkAllFinite, checkFunction, checkList } from '../check.js';
import { type KlEstimator, klK3 } from '../losses/kl.js';
import type { LossInput, Rollout, Target } from '../types.js';

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

/** Weights of the terms beside the surrogate. */
export interface RegularizeOptions {
  /** Weight of the divergence from the reference, per nat. @defaultValue 0 */
  readonly klCoef?: number;
  /** Its estimator. @defaultValue klK3 */
  readonly kl?: KlEstimator;
  /** Weight of the entropy, per nat. @defaultValue 0 */
  readonly entropyCoef?: number;
}

/**
 * Adds the divergence from the reference to per-token losses, and takes off the entropy.
 *
 *     l_t + klCoef kl_t - entropyCoef H_t
 *
 * @param losses - `[B, T]`, a surrogate
 * @param input - the minibatch, with `refLogProbs` if `klCoef` is not 0
 * @param options - the weights; a term of weight 0 is not computed
 * @returns `[B, T]`. The caller owns the result.
 * @throws RangeError if the reference's log-probabilities are needed and not there
 *
 * @example
 * ```ts
 * import * as tf from '@tensorflow/tfjs-core';
 * const entropy = tf.tensor2d([[0.5]]);
 * regularize(tf.tensor2d([[1]]), { entropy }, { entropyCoef: 0.1 }).arraySync(); // => [[0.95]]
 * ```
 */
export function regularize(
  losses: tf.Tensor,
  { logProbs, refLogProbs, entropy }: LossInput,
  { klCoef = 0, kl = klK3, entropyCoef = 0 }: RegularizeOptions = {},
): tf.Tensor {
  checkInRange('regularize: klCoef', klCoef, 0, MOST_FLOAT32);
  checkInRange('regularize: entropyCoef', entropyCoef, 0, MOST_FLOAT32);
  return tf.tidy(() => {
    let result = losses;
    if (klCoef !== 0) {
      if (refLogProbs === undefined) {
        throw new RangeError('regularize: input has no refLogProbs, expected some; pass refParams');
      }
      checkSameShape('regularize: logProbs', logProbs, losses, 'losses');
      result = tf.add(result, tf.mul(klCoef, kl(logProbs, refLogProbs)));
    }
    if (entropyCoef !== 0) {
      checkSameShape('regularize: entropy', entropy, losses, 'losses');
      result = tf.sub(result, tf.mul(entropyCoef, entropy));
    }
    return result === losses ? tf.clone(losses) : result;
  });
}

/** For tables of options: a text that is not empty. */
export function checkName(where: string, name: string): void {
  if (typeof name === 'string' && name !== '') return;
  throw new TypeError(`${where} is ${JSON.stringify(name)}, expected a text that is not empty`);
}

/** For tables of options: completions a prompt, where they are compared with one another. */
export function checkGroupSize(where: string, groupSize: number): void {
  checkPositiveInteger(where, groupSize);
  if (groupSize === 1) {
    throw new RangeError(
      `${where} is 1, expected at least 2; one completion has no others to compare with`,
    );
  }
}

/** For tables of options: completions an update, `Infinity` for all. */
export function checkMinibatchSize(where: string, minibatchSize: number): void {
  if (minibatchSize !== Infinity) checkPositiveInteger(where, minibatchSize);
}

/** For tables of options: a weight that float32 holds. */
export const weight = option(0, between(0, MOST_FLOAT32));

/** For tables of options: a function, and what it is by default. */
export const functionOption = <F extends (...args: never[]) => unknown>(value: F): Option<F> => ({
  value,
  check: (where, given) => checkFunction(where, given, `for example ${value.name}`),
});

/** The options in use as plain data: functions by name, what JSON lacks as text. */
export function plain(
  options: Readonly<Record<string, unknown>>,
): Readonly<Record<string, number | string>> {
  return Object.freeze(
    Object.fromEntries(
      Object.entries(options).map(([name, value]) => [
        name,
        typeof value === 'function'
          ? value.name
          : typeof value === 'number' && Number.isFinite(value)
            ? value
            : String(value),
      ]),
    ),
  );
}

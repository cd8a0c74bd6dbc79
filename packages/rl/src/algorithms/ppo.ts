import { between, checkPositiveInteger, option, resolveOptions } from '@cfrl/engine';
import * as tf from '@tensorflow/tfjs-core';

import { whiten } from '../advantages/advantages.js';
import { type GaeOptions, gae, gaeOptions } from '../advantages/gae.js';
import { klPenalties } from '../advantages/group-targets.js';
import { checkCount } from '../check.js';
import { perToken } from '../losses/reduce.js';
import { regularize } from '../losses/regularize.js';
import {
  type ClipOptions,
  clipOf,
  clipOptions,
  clippedSurrogate,
  ratioMetrics,
} from '../losses/surrogate.js';
import { type ValueLoss, squaredError } from '../losses/value-loss.js';
import type { Algorithm, Rollout, Target } from '../types.js';
import { checkName, functionOption, described, weight } from './options.js';
import { initValueHead, valueHead } from './value-head.js';

/** Options of {@link ppo}. */
export interface PpoOptions extends ClipOptions, GaeOptions {
  /** What logs call it; a variant deserves its own. @defaultValue 'ppo' */
  readonly name?: string;
  /** Completions a prompt. @defaultValue 1 */
  readonly groupSize?: number;
  /** Passes over the completions of one step. @defaultValue 4 */
  readonly epochs?: number;
  /** Completions an update; `Infinity` is all of the step's. @defaultValue Infinity */
  readonly minibatchSize?: number;
  /** Applied to the advantages of all tokens of a step. @defaultValue whiten */
  readonly normalize?: (advantages: readonly number[]) => number[];
  /** The critic's loss per token. @defaultValue squaredError */
  readonly valueLoss?: ValueLoss;
  /** Weight of the critic's loss. @defaultValue 0.5 */
  readonly valueCoef?: number;
  /** Weight of the KL penalty in the reward of each token, reward units per nat; above 0 it needs a reference. @defaultValue 0 */
  readonly klCoef?: number;
  /** Weight of the entropy in the loss, per nat. @defaultValue 0 */
  readonly entropyCoef?: number;
}

const table = {
  name: option('ppo', checkName),
  groupSize: option(1, checkPositiveInteger),
  epochs: option(4, checkPositiveInteger),
  minibatchSize: option(Infinity, checkCount),
  ...clipOptions,
  ...gaeOptions,
  normalize: functionOption<(advantages: readonly number[]) => number[]>(whiten),
  valueLoss: functionOption<ValueLoss>(squaredError),
  valueCoef: option(0.5, between(0, Number.MAX_VALUE)),
  klCoef: weight,
  entropyCoef: weight,
};

/**
 * Proximal policy optimisation with a linear value head on the policy's features. A completion is one
 * episode: its tokens earn their KL penalties and what the task gave each, or the last one the task's whole reward; after it nothing
 * more can be earned, whether the policy stopped or was cut off (the task has paid for the tokens that are there).
 *
 *     loss = mean over tokens of -min(ratio A, clip(ratio) A) - entropyCoef H + valueCoef valueLoss
 *
 * @param options - what to change
 * @returns the algorithm; its parameters are `value_head.weight` and `value_head.bias`
 * @throws RangeError if an option is outside its range or unknown
 * @see Schulman et al. 2017, https://arxiv.org/abs/1707.06347
 *
 * @example
 * ```ts
 * const rollout = { reward: 1, oldLogProbs: [-1, -1], values: [0.5, 0.5] };
 * ppo({ gaeLambda: 1, normalize: (a) => [...a] }).prepare([rollout]); // => [{ advantages: [0.5, 0.5], returns: [1, 1] }]
 * ```
 */
export function ppo(options: PpoOptions = {}): Algorithm<Target[]> {
  const given = resolveOptions('ppo', options, table);
  const { gamma, gaeLambda, normalize, valueLoss, valueCoef, klCoef, entropyCoef } = given;
  const clip = clipOf(given);

  const episode = (rollout: Rollout): Required<Target> => {
    const { reward, rewards: paid } = rollout;
    const rewards = klPenalties(rollout, klCoef).map(
      (penalty, t, all) => penalty + (paid?.[t] ?? (paid || t < all.length - 1 ? 0 : reward)),
    );
    const { values } = rollout;
    if (values === undefined) throw new RangeError('ppo: rollout has no values, expected some');
    return gae(rewards, [...values, 0], { gamma, gaeLambda });
  };
  return {
    ...described({ ...given, ...clip }),
    init: initValueHead,
    values: valueHead,
    prepare: (rollouts) => {
      const episodes = rollouts.map(episode);
      const normalized = normalize(episodes.flatMap(({ advantages }) => advantages));
      let next = 0;
      return episodes.map(({ advantages, returns }) => ({
        advantages: normalized.slice(next, (next += advantages.length)),
        returns,
      }));
    },
    loss: (input) =>
      tf.tidy(() => {
        const { logProbs, oldLogProbs, advantages, mask } = input;
        const logRatio = tf.sub(logProbs, oldLogProbs);
        const surrogate = clippedSurrogate(logRatio, advantages, clip);
        const policyLoss = perToken(regularize(surrogate, input, { entropyCoef }), mask);
        const critic = perToken(valueLoss(input.values!, input.oldValues!, input.returns!), mask);
        return {
          loss: tf.add(policyLoss, tf.mul(valueCoef, critic)) as tf.Scalar,
          metrics: {
            policyLoss,
            valueLoss: critic,
            ...ratioMetrics(logRatio, advantages, mask, clip),
          },
        };
      }),
  };
}

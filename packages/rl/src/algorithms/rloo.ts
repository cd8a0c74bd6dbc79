import { checkPositiveInteger, option, resolveOptions } from '@cfrl/engine';
import * as tf from '@tensorflow/tfjs-core';

import { leaveOneOut } from '../advantages/advantages.js';
import { groupTargets } from '../advantages/group-targets.js';
import { checkCount } from '../check.js';
import { perSequence } from '../losses/reduce.js';
import { regularize } from '../losses/regularize.js';
import {
  type ClipOptions,
  clipOf,
  clipOptions,
  clippedSurrogate,
  sequenceRatioMetrics,
  sequenceLogRatio,
} from '../losses/surrogate.js';
import type { Algorithm, Target } from '../types.js';
import { checkGroupSize, checkName, described, weight } from './options.js';

/** Options of {@link rloo}. */
export interface RlooOptions extends ClipOptions {
  /** What logs call it; a variant deserves its own. @defaultValue 'rloo' */
  readonly name?: string;
  /** Completions a prompt, at least 2. @defaultValue 4 */
  readonly groupSize?: number;
  /** Passes over the completions of one step. @defaultValue 1 */
  readonly epochs?: number;
  /** Completions an update; `Infinity` is all of the step's. @defaultValue Infinity */
  readonly minibatchSize?: number;
  /** Weight of the KL penalty in the reward, reward units per nat; above 0 it needs a reference. @defaultValue 0 */
  readonly klCoef?: number;
  /** Weight of the entropy in the loss, per nat. @defaultValue 0 */
  readonly entropyCoef?: number;
}

const table = {
  name: option('rloo', checkName),
  groupSize: option(4, checkGroupSize),
  epochs: option(1, checkPositiveInteger),
  minibatchSize: option(Infinity, checkCount),
  ...clipOptions,
  klCoef: weight,
  entropyCoef: weight,
};

/**
 * REINFORCE leave-one-out: each completion is compared with the others of its prompt. The whole
 * completion is one action: its ratio is the product over its tokens, clipped as one.
 *
 *     loss = (1/B) sum_i -min(ratio_i A_i, clip(ratio_i) A_i),   A_i = r_i - mean of the group's others
 *
 * In a step of one update the ratio is 1, and the gradient is the plain, unbiased policy gradient.
 *
 * @param options - what to change
 * @returns the algorithm
 * @throws RangeError if an option is outside its range or unknown
 * @see Ahmadian et al. 2024, https://arxiv.org/abs/2402.14740; the clipping is TRL 1.16's
 *
 * @example
 * ```ts
 * rloo({ groupSize: 8 }).groupSize; // => 8
 * ```
 */
export function rloo(options: RlooOptions = {}): Algorithm<Target[]> {
  const given = resolveOptions('rloo', options, table);
  const { groupSize, klCoef, entropyCoef } = given;
  const clip = clipOf(given);
  return {
    ...described({ ...given, ...clip }),
    prepare: (rollouts) => groupTargets(rollouts, groupSize, leaveOneOut, klCoef),
    loss: (input) =>
      tf.tidy(() => {
        const { logProbs, oldLogProbs, advantages, mask } = input;
        const logRatio = tf.sub(logProbs, oldLogProbs);
        const surrogate = clippedSurrogate(sequenceLogRatio(logRatio, mask), advantages, clip);
        return {
          loss: perSequence(regularize(surrogate, input, { entropyCoef }), mask),
          metrics: sequenceRatioMetrics(logRatio, advantages, mask, clip),
          perCompletion: ['ratioMean', 'clipFraction'],
        };
      }),
  };
}

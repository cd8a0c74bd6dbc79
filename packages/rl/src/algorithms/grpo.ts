import { checkOptions } from '@cfrl/engine';
import * as tf from '@tensorflow/tfjs-core';

import { type Advantage, groupNormalize } from '../advantages/advantages.js';
import { checkFunction } from '../check.js';
import { checkCommon, checkGroup, groupTargets, regularize, resolved } from './compose.js';
import { type KlEstimator, klK3 } from '../losses/kl.js';
import { type Reduce, perToken } from '../losses/reduce.js';
import {
  type ClipOptions,
  checkClip,
  clippedSurrogate,
  ratioMetrics,
} from '../losses/surrogate.js';
import type { Algorithm, Target } from '../types.js';

/** Options of {@link grpo}. */
export interface GrpoOptions extends ClipOptions {
  /** What logs call it; a variant deserves its own. @defaultValue 'grpo' */
  readonly name?: string;
  /** Completions a prompt, at least 2. @defaultValue 8 */
  readonly groupSize?: number;
  /** Passes over the completions of one step. @defaultValue 1 */
  readonly epochs?: number;
  /** Completions an update; `Infinity` is all of the step's. @defaultValue Infinity */
  readonly minibatchSize?: number;
  /** From the rewards of one group to advantages. @defaultValue groupNormalize */
  readonly advantage?: Advantage;
  /** From per-token losses to the loss. @defaultValue perToken */
  readonly reduce?: Reduce;
  /** Weight of the divergence from the reference in the loss, per nat; above 0 it needs one. @defaultValue 0 */
  readonly klCoef?: number;
  /** Its estimator. @defaultValue klK3 */
  readonly kl?: KlEstimator;
  /** Weight of the entropy in the loss, per nat. @defaultValue 0 */
  readonly entropyCoef?: number;
}

/**
 * Group relative policy optimisation: rewards are standardised within a prompt's completions, and
 * tokens are clipped one by one.
 *
 *     loss = reduce(-min(ratio A, clip(ratio) A) + klCoef kl - entropyCoef H)
 *
 * The default reduction is DAPO's mean over all tokens, as in TRL 1.16; `perSequence` is the
 * published one, and `fixedLength(maxTokens)` with `meanBaseline` is Dr. GRPO.
 *
 * @param options - what to change
 * @returns the algorithm
 * @throws RangeError if an option is outside its range or unknown
 * @see Shao et al. 2024, eq. 3, https://arxiv.org/abs/2402.03300
 *
 * @example
 * ```ts
 * grpo({ advantage: meanBaseline, reduce: fixedLength(16) }).options.reduce; // => "fixedLength(16)"
 * ```
 */
export function grpo(options: GrpoOptions = {}): Algorithm<Target[]> {
  checkOptions('grpo', options, [
    'name',
    'groupSize',
    'epochs',
    'minibatchSize',
    'clipRange',
    'clipRangeHigh',
    'advantage',
    'reduce',
    'klCoef',
    'kl',
    'entropyCoef',
  ]);
  const { name = 'grpo' } = options;
  const { groupSize = 8, epochs = 1, minibatchSize = Infinity } = options;
  const { advantage = groupNormalize, reduce = perToken } = options;
  const { klCoef = 0, kl = klK3, entropyCoef = 0 } = options;
  const clip = checkClip('grpo', options);
  checkCommon('grpo', { name, groupSize, epochs, minibatchSize, klCoef, entropyCoef });
  checkGroup('grpo', groupSize);
  checkFunction('grpo: advantage', advantage, 'for example groupNormalize');
  checkFunction('grpo: reduce', reduce, 'for example perToken');
  checkFunction('grpo: kl', kl, 'for example klK3');
  return {
    name,
    options: resolved({
      ...{ groupSize, epochs, minibatchSize, ...clip, advantage, reduce, klCoef, kl, entropyCoef },
    }),
    groupSize,
    epochs,
    minibatchSize,
    needsReference: klCoef > 0,
    prepare: (rollouts) => groupTargets(rollouts, groupSize, advantage),
    loss: (input) =>
      tf.tidy(() => {
        const { logProbs, oldLogProbs, advantages, mask } = input;
        const logRatio = tf.sub(logProbs, oldLogProbs);
        const surrogate = clippedSurrogate(logRatio, advantages, clip);
        return {
          loss: reduce(regularize(surrogate, input, { klCoef, kl, entropyCoef }), mask),
          metrics: ratioMetrics(logRatio, advantages, mask, clip),
        };
      }),
  };
}

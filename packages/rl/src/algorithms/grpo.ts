import { checkPositiveInteger, option, resolveOptions } from '@cfrl/engine';
import * as tf from '@tensorflow/tfjs-core';

import { type Advantage, groupNormalize } from '../advantages/advantages.js';
import { groupTargets } from '../advantages/group-targets.js';
import { checkCount } from '../check.js';
import { type KlEstimator, klK3 } from '../losses/kl.js';
import { type Reduce, perToken } from '../losses/reduce.js';
import { regularize } from '../losses/regularize.js';
import {
  type ClipOptions,
  clipOf,
  clipOptions,
  clippedSurrogate,
  ratioMetrics,
} from '../losses/surrogate.js';
import type { Algorithm, Target } from '../types.js';
import { checkGroupSize, checkName, functionOption, described, weight } from './options.js';

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

const table = {
  name: option('grpo', checkName),
  groupSize: option(8, checkGroupSize),
  epochs: option(1, checkPositiveInteger),
  minibatchSize: option(Infinity, checkCount),
  ...clipOptions,
  advantage: functionOption<Advantage>(groupNormalize),
  reduce: functionOption<Reduce>(perToken),
  klCoef: weight,
  kl: functionOption<KlEstimator>(klK3),
  entropyCoef: weight,
};

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
  const given = resolveOptions('grpo', options, table);
  const { groupSize, advantage, reduce, klCoef, kl, entropyCoef } = given;
  const clip = clipOf(given);
  return {
    ...described({ ...given, ...clip }),
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

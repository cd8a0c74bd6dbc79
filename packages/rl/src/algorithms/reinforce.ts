import { checkPositiveInteger, option, resolveOptions } from '@cfrl/engine';
import * as tf from '@tensorflow/tfjs-core';

import { type Advantage, meanBaseline } from '../advantages/advantages.js';
import { groupTargets } from '../advantages/group-targets.js';
import { type Reduce, sequenceSum } from '../losses/reduce.js';
import { regularize } from '../losses/regularize.js';
import { policyGradient } from '../losses/surrogate.js';
import type { Algorithm, Target } from '../types.js';
import { checkName, functionOption, described, weight } from './options.js';

/** Options of {@link reinforce}. */
export interface ReinforceOptions {
  /** What logs call it; a variant deserves its own. @defaultValue 'reinforce' */
  readonly name?: string;
  /** Completions a prompt. @defaultValue 1 */
  readonly groupSize?: number;
  /** From the rewards of all completions of a step to advantages. @defaultValue meanBaseline */
  readonly advantage?: Advantage;
  /** From per-token losses to the loss. @defaultValue sequenceSum */
  readonly reduce?: Reduce;
  /** Weight of the KL penalty in the reward, reward units per nat; above 0 it needs a reference. @defaultValue 0 */
  readonly klCoef?: number;
  /** Weight of the entropy in the loss, per nat. @defaultValue 0 */
  readonly entropyCoef?: number;
}

const table = {
  name: option('reinforce', checkName),
  groupSize: option(1, checkPositiveInteger),
  advantage: functionOption<Advantage>(meanBaseline),
  reduce: functionOption<Reduce>(sequenceSum),
  klCoef: weight,
  entropyCoef: weight,
};

/**
 * REINFORCE with a baseline: one update a step, on the completions just sampled.
 *
 *     loss = (1/B) sum_i sum_t -(r_i - mean(r)) log pi(y_it)
 *
 * The baseline is the mean over all completions of the step, of all prompts.
 *
 * @param options - what to change
 * @returns the algorithm
 * @throws RangeError if an option is outside its range or unknown
 * @see Williams 1992, https://doi.org/10.1007/BF00992696
 *
 * @example
 * ```ts
 * reinforce().options; // => { groupSize: 1, advantage: "meanBaseline", reduce: "sequenceSum", klCoef: 0, entropyCoef: 0 }
 * ```
 */
export function reinforce(options: ReinforceOptions = {}): Algorithm<Target[]> {
  const given = resolveOptions('reinforce', options, table);
  const { advantage, reduce, klCoef, entropyCoef } = given;
  return {
    ...described(given),
    prepare: (rollouts) => groupTargets(rollouts, rollouts.length, advantage, klCoef),
    loss: (input) =>
      tf.tidy(() => {
        const surrogate = policyGradient(input.logProbs, input.advantages);
        return {
          loss: reduce(regularize(surrogate, input, { entropyCoef }), input.mask),
          metrics: {},
        };
      }),
  };
}

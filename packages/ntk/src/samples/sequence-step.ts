import {
  type Params,
  checkFinite,
  checkPositiveInteger,
  mapParams,
  resolveOptions,
  selectParams,
  showValue,
  valueAndGrad,
} from '@cfrl/engine';
import * as tf from '@tensorflow/tfjs-core';

import { type Functional, logProbFunctional } from '../change/functional.js';
import { checkFiniteResults, checkNotEmpty, checkSelection } from '../check.js';
import { type SharedOptions, shared } from '../options.js';
import {
  type Contexts,
  checkNextTokens,
  contextRows,
  nextTokens,
  resolveSequences,
  sequenceBatches,
  tokenBatch,
} from '../sequences/batches.js';
import type { SequenceModel } from '../sequences/sequence-model.js';
import { classifierOf } from '../split-model.js';

/** A sequence of a step: a prompt and its completion, say. */
export interface ReinforcedSequence {
  /** Token ids. */
  readonly tokens: readonly number[];
  /** Indices into `tokens`, ascending: the token that follows each was reinforced. */
  readonly positions: readonly number[];
  /** `[positions.length]`, the reward or advantage that each enters the objective with, reward units. */
  readonly weights: readonly number[];
}

/**
 * One plain gradient-ascent step with step size `learningRate` on whole sequences, the objective being
 * `(1 / completions) sum_sequences sum_positions weight log pi(the token that follows | the tokens up to there)`.
 */
export interface SequenceStep {
  /** The training samples. */
  readonly sequences: readonly ReinforcedSequence[];
  /** Step size. */
  readonly learningRate: number;
  /** `N`, the number of completions that the objective is the mean of. */
  readonly completions: number;
}

/** Refuses a step that is not one; returns its sequences. */
export function checkSequenceStep(
  where: string,
  model: SequenceModel,
  step: SequenceStep,
): Contexts[] {
  if (typeof step !== 'object' || step === null) {
    throw new TypeError(
      `${where}: step is ${showValue(step)}, expected { sequences, learningRate, completions }; stepOfRecord makes it of a training step's record`,
    );
  }
  const { sequences, learningRate, completions } = step;
  const called = `${where}: step.sequences`;
  checkNotEmpty(called, sequences);
  sequences.forEach((sequence, i) => {
    const { positions, weights } = sequence ?? {};
    if (
      !Array.isArray(positions) ||
      !Array.isArray(weights) ||
      weights.length !== positions.length
    ) {
      throw new RangeError(
        `${called}[${i}] has no weights, or not one a position, expected { tokens, positions, weights }`,
      );
    }
    weights.forEach((weight: number, t) => checkFinite(`${called}[${i}].weights[${t}]`, weight));
  });
  const contexts = resolveSequences(called, model, sequences);
  checkNextTokens(called, contexts);
  checkFinite(`${where}: step.learningRate`, learningRate);
  checkPositiveInteger(`${where}: step.completions`, completions);
  return contexts;
}

/**
 * The change of the parameters by one plain gradient-ascent step on sequences, by automatic differentiation of the whole model.
 *
 *     delta = learningRate d/dparams (1 / completions) sum weight log pi(next token | tokens up to there)
 *
 * @param model - the model before the step; it stays as it is
 * @param step - sequences, step size and number of completions
 * @returns a tensor for each parameter that `select` keeps; the caller owns them
 * @throws RangeError or TypeError if the step has a sequence that the model cannot read, weights that are not finite or not one a
 *   position, `select` keeps nothing, or numbers come out that are not finite
 *
 * @example
 * ```ts
 * import * as tf from '@tensorflow/tfjs-core';
 * const model = {
 *   params: { embedding: tf.tensor2d([[1], [2]]), head: tf.tensor2d([[0], [0]]) },
 *   classifier: 'head', tied: false, linear: true,
 *   features: ({ embedding }, { tokens }) => tf.gather(embedding, tokens),
 *   logits: ({ head }, features) => tf.matMul(features, head, false, true),
 * };
 * const step = { sequences: [{ tokens: [1, 0], positions: [0], weights: [3] }], learningRate: 0.1, completions: 1 };
 * // d = [0.5, -0.5], phi = 2
 * sequenceStepDelta(model, step, { select: (name) => name === 'head' }).head.arraySync(); // => [[0.3], [-0.3]]
 * ```
 */
export function sequenceStepDelta(
  model: SequenceModel,
  step: SequenceStep,
  options: Pick<SharedOptions, 'select' | 'batchSize'> = {},
): Params {
  const where = 'sequenceStepDelta';
  const { select, batchSize } = resolveOptions(where, options, shared('select', 'batchSize'));
  classifierOf(where, model as never);
  checkSelection(where, model.params, select);
  checkSequenceStep(where, model, step);
  return tf.tidy(() => checkFiniteResults(where, ascentDelta(model, step, select, batchSize)));
}

/** {@link sequenceStepDelta} of a step that has been checked. */
export function ascentDelta(
  model: SequenceModel,
  { sequences, learningRate, completions }: SequenceStep,
  select: (name: string) => boolean,
  batchSize: number,
): Params {
  return tf.tidy(() => {
    const weights = sequences.map((sequence) => sequence.weights);
    const gradient = gradientOf(model, sequences, weights, logProbFunctional(), select, batchSize);
    return mapParams(gradient, (x) => tf.mul(x, learningRate / completions));
  });
}

/** The gradient of a weighted sum of a functional over contexts. */
export function gradientOf(
  { params, features, logits }: SequenceModel,
  contexts: readonly Contexts[],
  weights: readonly (readonly number[])[],
  functional: Functional,
  select: (name: string) => boolean,
  batchSize: number,
): Params {
  return tf.tidy(() => {
    const selected = selectParams(params, select);
    const parts = sequenceBatches(contexts, batchSize).map((batch) => {
      const [given, rows] = [tokenBatch(batch), contextRows(batch)];
      const own = weights.slice(batch.from, batch.from + batch.sequences.length);
      const next = tf.tensor1d(nextTokens(batch.sequences), 'int32');
      const objective = (moving: Params): tf.Scalar =>
        tf.tidy(() => {
          const all = { ...params, ...moving };
          const whole = features(all, given);
          const phi = tf.gather(tf.reshape(whole, [-1, whole.shape[2]]), rows) as tf.Tensor2D;
          const values = functional.values(logits(all, phi), next);
          return tf.sum(tf.mul(tf.tensor1d(own.flat()), values)) as tf.Scalar;
        });
      return valueAndGrad(objective)(selected).grads;
    });
    return mapParams(selected, (_, name) => tf.addN(parts.map((grads) => grads[name]!)));
  });
}

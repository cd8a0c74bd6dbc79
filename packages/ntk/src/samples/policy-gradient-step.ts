import { checkFinite, checkPositiveInteger, showValue } from '@cfrl/engine';
import * as tf from '@tensorflow/tfjs-core';

import { checkNotEmpty } from '../check.js';
import type { SharedOptions } from '../options.js';
import { checkToken, sampleGradient } from './log-prob.js';
import {
  type SplitModel,
  checkContexts,
  classifierOf,
  logitsOf,
  untiedFeatures,
} from '../split-model.js';

/** One sampled token: `log pi(token | context)` enters the objective with a weight. */
export interface TokenSample<X> {
  /** The prompt and the completion's tokens so far, as the model's `features` takes them. */
  readonly context: X;
  /** The token taken, in `[0, V)`. */
  readonly token: number;
  /** The completion's reward or advantage, reward units. */
  readonly weight: number;
}

/**
 * One plain gradient-ascent step with step size `learningRate` on
 * `(1 / completions) sum_samples weight log pi(token | context)`.
 */
export interface PolicyGradientStep<X> {
  /** Every token of every completion. */
  readonly samples: readonly TokenSample<X>[];
  /** Step size. */
  readonly learningRate: number;
  /** `N`, the number of completions that the samples belong to: the objective is their mean. */
  readonly completions: number;
}

/** Options of a prediction of a step. */
export type StepOptions = Pick<SharedOptions, 'select' | 'batchSize'>;

/** What every function of a step needs at the samples' contexts. */
export interface SampleState {
  /** `[S, D]`. */
  readonly phi: tf.Tensor2D;
  /** `[S, V]`, `d = e_y - pi`. */
  readonly d: tf.Tensor2D;
}

/** Refuses a step that is not one: bad tokens, weights, sizes. */
export function checkStep<X>(
  where: string,
  model: SplitModel<X>,
  step: PolicyGradientStep<X>,
): void {
  if (typeof step !== 'object' || step === null) {
    throw new TypeError(
      `${where}: step is ${showValue(step)}, expected { samples, learningRate, completions }; toSamples makes it of a training step's record`,
    );
  }
  const { samples, learningRate, completions } = step;
  const V = classifierOf(where, model).shape[0];
  checkNotEmpty(`${where}: samples`, samples);
  samples.forEach((sample, i) => {
    if (typeof sample !== 'object' || sample === null) {
      throw new TypeError(
        `${where}: samples[${i}] is ${showValue(sample)}, expected { context, token, weight }`,
      );
    }
    const { token, weight } = sample;
    checkToken(`${where}: samples[${i}].token`, token, V);
    checkFinite(`${where}: samples[${i}].weight`, weight);
  });
  const contexts = samples.map(({ context }) => context);
  checkContexts(`${where}: samples' contexts`, model, contexts);
  checkFinite(`${where}: learningRate`, learningRate);
  checkPositiveInteger(`${where}: completions`, completions);
}

/** Features and `d` of all samples; the caller owns them. */
export function sampleState<X>(
  where: string,
  model: SplitModel<X>,
  samples: readonly TokenSample<X>[],
  batchSize: number,
): SampleState {
  return tf.tidy((): SampleState & tf.TensorContainerObject => {
    const contexts = samples.map((sample) => sample.context);
    const phi = untiedFeatures(where, 'samples', model, contexts, batchSize);
    const logits = logitsOf(phi, classifierOf(where, model));
    const tokens = samples.map((sample) => sample.token);
    return { phi, d: sampleGradient(logits, tokens) };
  }) as SampleState;
}

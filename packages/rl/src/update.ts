import {
  type Optimizer,
  type Params,
  applyUpdates,
  globalNorm,
  mergeParams,
  selectParams,
  stopGradient,
  valueAndGrad,
} from '@cfrl/engine';
import * as tf from '@tensorflow/tfjs-core';

import { type PaddedBatch, padRows, padTokens, unpadRows } from './batch.js';
import { klK3 } from './kl.js';
import { disposeExcept } from './ownership.js';
import { checkVocabulary, score, windowFeatures } from './score.js';
import type { Algorithm, Completion, LossInput, Policy, Rollout, Target } from './types.js';

/** What stays the same over a run's updates. */
export interface UpdateRun {
  readonly policy: Policy;
  readonly algorithm: Algorithm;
  readonly optimizer: Optimizer;
  /** Which parameters are trained. */
  readonly trains: (name: string) => boolean;
  /** Whether nothing below the classifier is trained: its features are then computed off the tape. */
  readonly bodyFrozen: boolean;
  /** Whether a step has one update, so that the policy that sampled is the current one. */
  readonly onPolicy: boolean;
}

/** One completion with all that an update needs of it. */
export interface Example {
  readonly completion: Completion;
  readonly rollout: Rollout;
  readonly target: Target;
}

/** What an update leaves; the caller owns the trained parameters' tensors and the optimiser's state. */
export interface Updated {
  readonly params: Params;
  readonly optState: Params;
  readonly metrics: Readonly<Record<string, number>>;
  /** `[B][L_i]`, nats, of the completions' tokens before the update. */
  readonly logProbs: readonly (readonly number[])[];
}

/** The constants of a loss; the caller owns them. */
type Constants = Omit<LossInput, 'logProbs' | 'entropy' | 'values' | 'mask'>;

function constants(examples: readonly Example[], { layout }: PaddedBatch): Constants {
  const rows = (pick: (example: Example) => readonly number[]): tf.Tensor2D =>
    padRows(examples.map(pick), layout);
  const { rollout, target } = examples[0]!;
  return {
    oldLogProbs: rows((example) => example.rollout.oldLogProbs),
    advantages: rows((example) => example.target.advantages),
    ...(rollout.refLogProbs && { refLogProbs: rows((example) => example.rollout.refLogProbs!) }),
    ...(rollout.values && { oldValues: rows((example) => example.rollout.values!) }),
    ...(target.returns && { returns: rows((example) => example.target.returns!) }),
  };
}

/** The loss of a minibatch with its gradient; metrics are computed from the same forward pass. */
function gradient(run: UpdateRun, params: Params, batch: PaddedBatch, fixed: Constants) {
  const { policy, algorithm, onPolicy } = run;
  const features = run.bodyFrozen ? windowFeatures(policy, params, batch) : undefined;
  let beside: { logProbs: tf.Tensor2D; metrics: Record<string, tf.Scalar> } | undefined;
  let vocabularySize = 0;
  const loss = (trained: Params): tf.Scalar => {
    const all = mergeParams(params, trained);
    const scores = score(policy, all, batch, algorithm, features);
    const { logProbs, entropy } = scores;
    vocabularySize = scores.vocabularySize;
    const { mask, layout } = batch;
    const tokens = layout.lengths.reduce((total, length) => total + length, 0);
    const mean = (x: tf.Tensor): tf.Scalar => tf.div(tf.sum(x), tokens); // x is 0 outside of the mask
    const result = algorithm.loss({
      ...fixed,
      ...scores,
      mask,
      ...(onPolicy && { oldLogProbs: stopGradient(logProbs) }),
    });
    const metrics = {
      entropy: mean(entropy),
      logProbMean: mean(logProbs),
      ...(fixed.refLogProbs && { klRef: mean(klK3(logProbs, fixed.refLogProbs)) }),
      ...result.metrics,
    };
    // Kept: they come from inside of the tidy scope that valueAndGrad opens around this function.
    beside = { logProbs: tf.keep(logProbs), metrics };
    Object.values(metrics).forEach((metric) => tf.keep(metric));
    return result.loss;
  };
  try {
    const { value, grads } = valueAndGrad(loss)(selectParams(params, run.trains));
    return { loss: value, grads, ...beside!, vocabularySize };
  } finally {
    features?.dispose();
  }
}

/** Reads scalars in one transfer. */
async function readScalars(
  scalars: Readonly<Record<string, tf.Scalar>>,
): Promise<Record<string, number>> {
  const stacked = tf.tidy(() => tf.stack(Object.values(scalars)));
  try {
    const data = await stacked.data();
    return Object.fromEntries(Object.keys(scalars).map((name, i) => [name, data[i]!]));
  } finally {
    stacked.dispose();
  }
}

/**
 * One update: loss, gradient, optimiser. The parameters and the state passed in stay as they are.
 *
 * @param run - what stays the same
 * @param state - parameters and optimiser's state before
 * @param examples - the minibatch
 * @param at - where in the run this is, for messages
 * @returns what is there afterwards
 * @throws RangeError if the loss, the gradient or a metric is not finite, or a token is outside of
 *   the vocabulary
 */
export async function update(
  run: UpdateRun,
  state: { readonly params: Params; readonly optState: Params },
  examples: readonly Example[],
  at: string,
): Promise<Updated> {
  const batch = padTokens(
    examples.map(({ completion }) => completion),
    run.policy.padToken,
  );
  const { layout, ...padded } = batch;
  const fixed = constants(examples, batch);
  const made: Params[] = [padded, { ...fixed }];
  const kept: Params[] = [];
  try {
    const { loss, grads, logProbs, metrics, vocabularySize } = gradient(
      run,
      state.params,
      batch,
      fixed,
    );
    const gradNorm = globalNorm(grads);
    made.push(grads, metrics, { loss, logProbs, gradNorm });
    checkVocabulary(
      examples.map(({ completion }) => completion),
      vocabularySize,
    );
    const numbers = await readScalars({ loss, gradNorm, ...metrics });
    for (const [name, number] of Object.entries(numbers)) {
      if (!Number.isFinite(number)) {
        throw new RangeError(
          `train: ${name} is ${number} ${at}, expected a finite number; the parameters are as ` +
            'they were before the step',
        );
      }
    }
    const scored = unpadRows(await logProbs.data(), layout);
    const trained = selectParams(state.params, run.trains);
    const next = tf.tidy(() => {
      const { updates, state: optState } = run.optimizer.update(grads, state.optState, trained);
      return { params: applyUpdates(trained, updates), optState: { ...optState } };
    });
    kept.push(next.params, next.optState); // a state may hold the gradients themselves
    return {
      params: mergeParams(state.params, next.params),
      optState: next.optState,
      metrics: numbers,
      logProbs: scored,
    };
  } finally {
    disposeExcept(made, kept);
  }
}

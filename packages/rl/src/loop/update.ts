import {
  type Params,
  applyUpdates,
  disposeParams,
  globalNorm,
  mergeParams,
  selectParams,
  stopGradient,
  valueAuxAndGrad,
} from '@cfrl/engine';
import * as tf from '@tensorflow/tfjs-core';

import {
  type BatchTensors,
  roundingOf,
  type Layout,
  padRows,
  padCompletions,
  unpadRows,
} from '../data/batch.js';
import type { Completion, LossInput, Prompt, Rollout, Target } from '../types.js';
import { score, windowFeatures } from './score.js';
import type { TrainOptions } from './train-options.js';

/** What stays the same over a run's updates. */
export interface UpdateRun extends Pick<
  TrainOptions<Prompt>,
  'policy' | 'algorithm' | 'optimizer' | 'microBatchSize'
> {
  /** Which parameters are trained. */
  readonly trains: (name: string) => boolean;
  /** Whether nothing below the classifier is trained: its features are then computed off the tape. */
  readonly bodyFrozen: boolean;
  /** Whether a step has one update, so that the policy that sampled is the current one. */
  readonly onPolicy: boolean;
  /** {@link updateTensors} for this run, compiled. */
  readonly updateTensors: (input: UpdateInput) => UpdateOutput;
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
  /** `[B][L_i]`, nats, of the distributions that they were drawn from, before the update. */
  readonly entropy: readonly (readonly number[])[];
  /** What each metric weighs among the step's updates: the tokens or the completions it is a mean over, or 1. */
  readonly weights: Readonly<Record<string, number>>;
}

/** The constants of a loss; the caller owns them. */
type Constants = Omit<LossInput, 'logProbs' | 'entropy' | 'values' | 'mask'>;

function constants(examples: readonly Example[], layout: Layout): Constants {
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

/** An update's tensors, with the shape of its window. */
export type UpdateInput = {
  readonly params: Params;
  readonly optState: Params;
  readonly batch: BatchTensors;
  readonly fixed: Constants;
};

/** What an update computes: nothing of it is a plain number yet, so that it can be compiled. */
export type UpdateOutput = {
  /** The trained parameters. */
  readonly params: Params;
  readonly optState: Params;
  /** `[B, T]`, nats, 0 outside of the mask. */
  readonly logProbs: tf.Tensor2D;
  /** `[B, T]`, nats, 0 outside of the mask. */
  readonly entropy: tf.Tensor2D;
  /** The metrics, by {@link UpdateOutput.names}. */
  readonly numbers: tf.Tensor1D;
  readonly names: readonly string[];
  readonly perCompletion: readonly string[];
};

/** One update as a function of tensors alone: loss, gradient and optimiser. Metrics come from the same forward pass; the caller owns what it returns. */
export function updateTensors(
  run: Omit<UpdateRun, 'updateTensors'>,
): (input: UpdateInput) => UpdateOutput {
  const { policy, algorithm, onPolicy, optimizer } = run;
  const compute = ({ params, optState, batch, fixed }: UpdateInput): UpdateOutput => {
    const features = run.bodyFrozen ? windowFeatures(policy, params, batch) : undefined;
    const loss = (trained: Params) => {
      const all = mergeParams(params, trained);
      const scores = score(policy, all, batch, algorithm, features, run.microBatchSize);
      const { logProbs, entropy } = scores;
      const {
        loss: value,
        metrics,
        perCompletion = [],
      } = algorithm.loss({
        ...fixed,
        ...scores,
        mask: batch.mask,
        ...(onPolicy && { oldLogProbs: stopGradient(logProbs) }),
      });
      return { value, aux: { metrics, perCompletion, logProbs, entropy } };
    };
    const trained = selectParams(params, run.trains);
    const { value, grads, aux } = valueAuxAndGrad(loss)(trained);
    const { metrics, ...found } = aux;
    const { updates, state } = optimizer.update(grads, optState, trained);
    const numbers = { loss: value, gradNorm: globalNorm(grads), ...metrics };
    return {
      params: applyUpdates(trained, updates),
      optState: { ...state },
      numbers: tf.stack(Object.values(numbers)) as tf.Tensor1D,
      names: Object.keys(numbers),
      ...found,
    };
  };
  return (input) => tf.tidy(() => compute(input) as never) as UpdateOutput;
}

/**
 * One update: loss, gradient, optimiser. The parameters and the state passed in stay as they are.
 *
 * @param at - where in the run this is, for messages
 * @throws RangeError if the loss, the gradient or a metric is not finite
 */
export async function update(
  run: UpdateRun,
  state: { readonly params: Params; readonly optState: Params },
  examples: readonly Example[],
  at: string,
): Promise<Updated> {
  const completions = examples.map(({ completion }) => completion);
  const { layout, ...batch } = padCompletions(
    completions,
    run.policy.padToken,
    roundingOf(run.policy),
  );
  const { start, width } = layout;
  const fixed = constants(examples, layout);
  const { params: before, optState: stateBefore } = state;
  let made: UpdateOutput | undefined;
  try {
    made = run.updateTensors({
      params: before,
      optState: stateBefore,
      batch: { ...batch, start, width },
      fixed,
    });
    const data = await made.numbers.data();
    const metrics = Object.fromEntries(made.names.map((name, i) => [name, data[i]!]));
    for (const [name, number] of Object.entries(metrics)) {
      if (!Number.isFinite(number)) {
        throw new RangeError(
          `train: ${name} is ${number} ${at}, expected a finite number; the parameters are as ` +
            'they were before the step',
        );
      }
    }
    const logProbs = unpadRows(await made.logProbs.data(), layout);
    const entropy = unpadRows(await made.entropy.data(), layout);
    const tokens = layout.lengths.reduce((sum, length) => sum + length, 0);
    const { params, optState, names, perCompletion } = made;
    const weightOf = (name: string): number =>
      ['loss', 'gradNorm'].includes(name) ? 1 : perCompletion.includes(name) ? examples.length : tokens; // prettier-ignore
    const weights = Object.fromEntries(names.map((name) => [name, weightOf(name)]));
    made = { ...made, params: {}, optState: {} };
    return { params: mergeParams(before, params), optState, metrics, logProbs, entropy, weights };
  } finally {
    disposeParams({ ...batch });
    disposeParams({ ...fixed });
    if (made) {
      disposeParams(made.params);
      disposeParams(made.optState);
      const { logProbs, entropy, numbers } = made;
      disposeParams({ logProbs, entropy, numbers });
    }
  }
}

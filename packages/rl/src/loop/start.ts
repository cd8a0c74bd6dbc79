import { type Params, compile, disposeParams, fold, mergeParams, selectParams } from '@cfrl/engine';
import * as tf from '@tensorflow/tfjs-core';

import type { BatchTensors } from '../data/batch.js';
import type { Policy, Prompt } from '../types.js';
import { score } from './score.js';
import type { TrainState } from './state.js';
import type { Run } from './step.js';
import type { TrainOptions } from './train-options.js';
import { updateTensors } from './update.js';

/** Which parameters are trained: those chosen, and all of the algorithm's own. */
export function trainsOf<P extends Prompt>(
  { trainable = () => true }: TrainOptions<P>,
  own: Params,
): (name: string) => boolean {
  return (name) => name in own || trainable(name);
}

/** `V`: how many logits a policy gives a token. */
function vocabularySizeOf(policy: Policy, params: Params): number {
  const { classifier, padToken, featureSize } = policy;
  return tf.tidy(() => {
    if (classifier) return classifier.logits(params, tf.zeros([1, 1, featureSize])).shape[2];
    const tokens = tf.tensor2d([[padToken]], [1, 1], 'int32');
    return policy.forward(params, { tokens, attentionMask: tf.onesLike(tokens) }).logits.shape[2];
  });
}

/** The state before the first step and what stays the same over the run. */
export function startOf<P extends Prompt>(
  options: TrainOptions<P>,
): { run: Run<P>; state: TrainState } {
  const { policy, algorithm, optimizer, seed, promptsPerStep, from } = options;
  const given = mergeParams(options.params, from?.params ?? {});
  const fresh = algorithm.init?.(policy.featureSize, fold(seed, 'init')) ?? {};
  disposeParams(selectParams(fresh, (name) => name in given));
  const params = mergeParams(fresh, given);
  const trains = trainsOf(options, fresh);
  const belowClassifier = Object.keys(params).filter(
    (name) => trains(name) && !(name in fresh) && !policy.classifier?.names.includes(name),
  );
  const fixed = {
    ...options,
    trains,
    groupSize: algorithm.groupSize,
    vocabularySize: vocabularySizeOf(policy, params),
    bodyFrozen: policy.classifier !== undefined && belowClassifier.length === 0,
    onPolicy:
      algorithm.epochs === 1 &&
      (algorithm.minibatchSize === Infinity ||
        (!(algorithm.maxRounds! > 1) &&
          algorithm.minibatchSize >= promptsPerStep * algorithm.groupSize)),
  };
  const tensors = {
    updateTensors: updateTensors(fixed),
    scoreTensors: (p: Params, batch: BatchTensors) => score(policy, p, batch, algorithm),
    scoreReference: (p: Params, batch: BatchTensors) => score(policy, p, batch, {}),
  };
  const run: Run<P> = {
    ...fixed,
    ...compiled(tensors, options.compile ?? true),
  };
  const optState = from?.optState ?? optimizer.init(selectParams(params, trains));
  return { run, state: { step: from?.step ?? 0, params, optState } };
}

type Tensors = Pick<Run<Prompt>, 'updateTensors' | 'scoreTensors' | 'scoreReference'>;

function compiled(tensors: Tensors, mode: boolean | 'xla'): Tensors & Pick<Run<Prompt>, 'dispose'> {
  const how = { eager: mode === false, xla: mode === 'xla' };
  const all = {
    updateTensors: compile(tensors.updateTensors, { name: 'train: update', ...how }),
    scoreTensors: compile(tensors.scoreTensors, { name: 'train: score', ...how }),
    scoreReference: compile(tensors.scoreReference, {
      name: 'train: score of the reference',
      ...how,
    }),
  };
  return { ...all, dispose: () => Object.values(all).forEach((each) => each.dispose()) };
}

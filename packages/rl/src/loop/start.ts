import { type Params, compile, mergeParams, selectParams } from '@cfrl/engine';
import * as tf from '@tensorflow/tfjs-core';

import type { BatchTensors } from '../data/batch.js';
import type { Policy, Prompt } from '../types.js';
import type { ResolvedTrainOptions } from './check-train.js';
import { withOwnParams } from './init-state.js';
import { score } from './score.js';
import type { TrainState } from './state.js';
import type { Run } from './step.js';
import { updateTensors } from './update.js';

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
  options: ResolvedTrainOptions<P>,
): { run: Run<P>; state: TrainState } {
  const { policy, algorithm, optimizer, promptsPerStep, from } = options;
  const given = mergeParams(options.params, from?.params ?? {});
  const { params, own, trains } = withOwnParams(options, given);
  const belowClassifier = Object.keys(params).filter(
    (name) => trains(name) && !own.includes(name) && !policy.classifier?.names.includes(name),
  );
  const fixed = {
    ...options,
    trains,
    vocabularySize: vocabularySizeOf(policy, params),
    bodyFrozen: policy.classifier !== undefined && belowClassifier.length === 0,
    onPolicy:
      algorithm.epochs === 1 &&
      (algorithm.minibatchSize === Infinity ||
        (!(algorithm.maxRounds! > 1) &&
          algorithm.minibatchSize >= promptsPerStep * algorithm.groupSize)),
  };
  const how = { eager: options.compile === false, xla: options.compile === 'xla' };
  const scoreTensors = (p: Params, batch: BatchTensors) => score(policy, p, batch, algorithm);
  const scoreReference = (p: Params, batch: BatchTensors) => score(policy, p, batch, {});
  const graphs = {
    updateTensors: compile(updateTensors(fixed), { name: 'train: update', ...how }),
    scoreTensors: compile(scoreTensors, { name: 'train: score', ...how }),
    scoreReference: compile(scoreReference, { name: 'train: score of the reference', ...how }),
  };
  const dispose = (): void => Object.values(graphs).forEach((graph) => graph.dispose());
  const optState = from?.optState ?? optimizer.init(selectParams(params, trains));
  return {
    run: { ...fixed, ...graphs, dispose },
    state: { step: from?.step ?? 0, params, optState },
  };
}

import { type Params, resolveOptions, selectParams } from '@cfrl/engine';
import * as tf from '@tensorflow/tfjs-core';

import { checkDelta, checkFiniteResults } from '../check.js';
import { type SharedOptions, shared } from '../options.js';
import { logProbChange } from '../samples/log-prob.js';
import { logitChange } from './logit-changes.js';
import {
  type SplitModel,
  classifierOf,
  logitsOf,
  reachesFeatures,
  untiedFeatures,
} from '../split-model.js';

/** Options of {@link predictStep}. */
export type PredictStepOptions = Pick<SharedOptions, 'batchSize'>;

/** First-order changes of `log pi(. | c)`, each `[n, V]`, nats. */
export interface StepPrediction {
  /** `T J delta`, the sum of the other two. */
  readonly total: tf.Tensor2D;
  /** Through the classifier: `T (delta W) phi`. */
  readonly classifier: tf.Tensor2D;
  /** Through the features: `T W J_phi delta`. */
  readonly features: tf.Tensor2D;
}

/**
 * First-order change of the log-probabilities that any step makes, whichever optimiser took it.
 *
 *     delta log pi(. | c) = T(c) J(c) delta + O(|delta|^2)
 *
 * It takes one forward and two backward passes over the contexts, whatever the width.
 *
 * @param model - the model before the step
 * @param delta - the change of each parameter, of its shape; parameters left out stay
 * @param contexts - `n` contexts to predict at
 * @returns `[n, V]` each, nats; the caller owns the tensors
 * @throws RangeError if `delta` is empty, has an unknown name, another shape or an entry that is not
 *   finite, and as {@link decompose}
 * @see Tomihari 2026, https://arxiv.org/abs/2601.04670
 *
 * @example
 * ```ts
 * import * as tf from '@tensorflow/tfjs-core';
 * const model = {
 *   params: { scale: tf.scalar(1), head: tf.tensor2d([[0], [0]]) },
 *   classifier: 'head',
 *   tied: false,
 *   features: ({ scale }, contexts) => tf.mul(tf.tensor2d(contexts), scale),
 * };
 * // The first logit grows by 0.2: the policy is uniform, so half of it remains after T.
 * predictStep(model, { head: tf.tensor2d([[0.1], [0]]) }, [[2]]).total.arraySync();
 * // => [[0.1, -0.1]]
 * ```
 */
export function predictStep<X>(
  model: SplitModel<X>,
  delta: Params,
  contexts: readonly X[],
  options: PredictStepOptions = {},
): StepPrediction {
  const { batchSize } = resolveOptions('predictStep', options, shared('batchSize'));
  checkDelta('predictStep', model.params, delta);
  return tf.tidy((): StepPrediction & tf.TensorContainerObject => {
    const W = classifierOf('predictStep', model);
    const phi = untiedFeatures('predictStep', 'contexts', model, contexts, batchSize);
    const features = selectParams(delta, reachesFeatures(model));
    const ofClassifier = delta[model.classifier];
    const move = { features, ...(ofClassifier && { classifier: ofClassifier }) };
    const change = logitChange(model, contexts, phi, move, batchSize);
    const logits = logitsOf(phi, W);
    const parts = {
      classifier: logProbChange(logits, change.classifier),
      features: logProbChange(logits, change.features),
    };
    const total = tf.add(parts.classifier, parts.features) as tf.Tensor2D;
    return checkFiniteResults('predictStep', { ...parts, total });
  }) as StepPrediction;
}

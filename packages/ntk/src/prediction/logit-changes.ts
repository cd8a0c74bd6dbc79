import { type Params, jvp } from '@cfrl/engine';
import * as tf from '@tensorflow/tfjs-core';

import { type SplitModel, inBatches, logitsOf } from '../split-model.js';

/** A change of parameters; where a name is missing, the parameter stays. */
export interface Move {
  /** Of `W` as classifier, `[V, D]`. */
  readonly classifier?: tf.Tensor;
  /** Of what reaches the features (`W` too, when tied). */
  readonly features: Params;
}

/** First-order change of the logits, `[n, V]`, by the path it takes. A type, since `tf.tidy` returns no interface. */
export type LogitChange = {
  /** Through the classifier: `delta W phi(c)`. */
  readonly classifier: tf.Tensor2D;
  /** Through the features: `W J_phi(c) delta`. */
  readonly features: tf.Tensor2D;
};

/** First-order change of the logits at each context, `J(c) delta`: one derivative along the move, `batchSize` contexts at a time. */
export function logitChange<X>(
  model: SplitModel<X>,
  contexts: readonly X[],
  phi: tf.Tensor2D,
  { classifier, features }: Move,
  batchSize: number,
): LogitChange {
  const W = model.params[model.classifier] as tf.Tensor2D;
  return tf.tidy((): LogitChange => {
    const along = (batch: readonly X[]): tf.Tensor =>
      tf.tidy(() => jvp((p) => model.features(p, batch), model.params, features).tangent);
    const stays = Object.keys(features).length === 0;
    const ofFeatures = stays
      ? tf.zerosLike(phi)
      : (tf.concat(inBatches(contexts, batchSize).map(along)) as tf.Tensor2D);
    return {
      features: logitsOf(ofFeatures, W),
      classifier: logitsOf(phi, (classifier ?? tf.zerosLike(W)) as tf.Tensor2D),
    };
  });
}

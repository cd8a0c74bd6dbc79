import { type Params, countParams, mapParams, selectParams } from '@cfrl/engine';
import * as tf from '@tensorflow/tfjs-core';

import { gram, rowsWithin } from '../kernel/gram.js';
import { givenRows, jacobianRows, stackRows } from '../kernel/gradient-rows.js';
import { type SplitModel, logitsOf, reachesFeatures } from '../split-model.js';

/** A change of parameters; where a name is missing, the parameter stays. */
export interface Move {
  /** Of `W` as classifier, `[V, D]`. */
  readonly classifier?: tf.Tensor;
  /** Of what reaches the features (`W` too, when tied). */
  readonly features: Params;
}

/** First-order change of the logits, `[n, V]`, by the path it takes. */
export interface LogitChange {
  /** Through the classifier: `delta W phi(c)`. */
  readonly classifier: tf.Tensor2D;
  /** Through the features: `W J_phi(c) delta`. */
  readonly features: tf.Tensor2D;
}

/**
 * First-order change of the logits at each context for several moves at once, `J(c) delta`: `D`
 * backward passes a context, whatever the number of moves. (tfjs has no forward mode, and the
 * double-backward trick needs second derivatives that it lacks.)
 */
export function logitChanges<X>(
  where: string,
  model: SplitModel<X>,
  contexts: readonly X[],
  phi: tf.Tensor2D,
  moves: readonly Move[],
  maxBytes: number,
): LogitChange[] {
  const W = model.params[model.classifier] as tf.Tensor2D;
  const [n, D] = phi.shape;
  const moved = (name: string) =>
    reachesFeatures(model)(name) && moves.some((move) => name in move.features);
  return tf.tidy(() => {
    const params = selectParams(model.params, moved);
    const rowsPerBlock = rowsWithin(where, maxBytes, countParams(params));
    let changes: tf.Tensor = tf.zeros([n * D, moves.length]);
    if (Object.keys(params).length > 0) {
      const deltas = moves.map(({ features }) =>
        mapParams(params, (parameter, name) => features[name] ?? tf.zerosLike(parameter)),
      );
      const rows = jacobianRows(model.features, model.params, moved, contexts, D);
      const right = givenRows(moves.length, stackRows(deltas));
      changes = gram(rows, right, { layerOf: () => 'all', rowsPerBlock })['all']!;
    }
    return moves.map((move, i) => {
      const ofFeatures = tf.reshape(tf.slice(changes, [0, i], [-1, 1]), [n, D]) as tf.Tensor2D;
      return {
        features: logitsOf(ofFeatures, W),
        classifier: logitsOf(phi, (move.classifier ?? tf.zerosLike(W)) as tf.Tensor2D),
      };
    }) as (LogitChange & tf.TensorContainerObject)[];
  });
}

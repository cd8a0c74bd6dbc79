import { dense, softCap } from '@cfrl/engine';
import * as tf from '@tensorflow/tfjs-core';

import type { ModelConfig } from '../config/types.js';

/**
 * The logits of features: the last step of {@link forward}.
 *
 *     logits = cap(logitScale features W^T),   cap(z) = logitSoftCap tanh(z / logitSoftCap)
 *
 * Most configurations have neither scale nor cap: then `logits = features W^T`.
 *
 * @param config - the model's configuration
 * @param features - `[..., D]`, float32
 * @param weight - the classifier `W`, `[V, D]`
 * @returns `[..., V]`; the caller owns it
 * @throws RangeError if the widths differ
 *
 * @example
 * ```ts
 * import * as tf from '@tensorflow/tfjs-core';
 * const config = modelConfig({
 *   architecture: 'cohere', vocabSize: 2, hiddenSize: 4, layers: 1, heads: 2, maxPositions: 4, logitScale: 0.5,
 * });
 * const weight = tf.tensor2d([[1, 0, 0, 0], [0, 1, 0, 0]]);
 * logitsOf(config, tf.tensor2d([[4, 6, 0, 0]]), weight).arraySync(); // => [[2, 3]]
 * ```
 */
export function logitsOf(config: ModelConfig, features: tf.Tensor, weight: tf.Tensor): tf.Tensor {
  return byRows(features, (rows) => scaledLogits(config, dense(rows, weight, 'out-in')));
}

export const scaledLogits = (
  { logitScale, logitSoftCap }: ModelConfig,
  product: tf.Tensor,
): tf.Tensor => {
  const scaled = logitScale === undefined ? product : tf.mul(product, logitScale);
  return logitSoftCap === undefined ? scaled : softCap(scaled, logitSoftCap);
};

/** What becomes of features `[..., D]`, by a function of their rows `[N, D]`. */
export const byRows = (features: tf.Tensor, change: (rows: tf.Tensor) => tf.Tensor): tf.Tensor =>
  tf.tidy(() => {
    if (features.rank === 2) return change(features);
    const changed = change(tf.reshape(features, [-1, features.shape.at(-1)!]));
    return tf.reshape(changed, [...features.shape.slice(0, -1), changed.shape[1]!]);
  });

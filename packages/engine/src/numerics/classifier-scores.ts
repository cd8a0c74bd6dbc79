import * as tf from '@tensorflow/tfjs-core';

import { checkOptions, checkPositiveInteger } from '../check.js';
import { mapRows } from '../gradients/rematerialize.js';
import type { Params } from '../params.js';
import { type TokenScores, checkTokenShape, tokenScores } from './token-scores.js';

/** Options of {@link classifierScores}. */
export interface ClassifierScoresOptions {
  /** Logits at a time, which bounds the memory: 4 bytes each, several times over. @defaultValue 2^23 */
  readonly maxLogits?: number;
}

/**
 * {@link tokenScores} of a classifier's logits, without having all logits `[N, V]` at once, neither for the value nor for the
 * gradient: with a large vocabulary they are most of the memory of a training step. What fits into `maxLogits` is computed in
 * one piece; of more, one chunk of positions after the other, and again in the gradient (a third more work for the classifier).
 *
 *     z = logits(features);   logProbs = logSoftmax(z)_y;   entropy = -sum_v p_v log p_v
 *
 * @param logits - from rows `[n, D]` and parameters to `[n, V]`; everything that it uses must be among its arguments
 * @param features - `[..., D]`, float32
 * @param tokens - `[...]`, int32, as of {@link tokenScores}
 * @returns `logProbs` and `entropy`, `[...]` each, nats; the caller owns both
 * @throws RangeError if the shapes do not fit
 * @see Wijmans et al. 2025, section 4, https://arxiv.org/abs/2411.09009
 *
 * @example
 * ```ts
 * import * as tf from '@tensorflow/tfjs-core';
 * const logits = (x: tf.Tensor, { W }: Params) => dense(x, W!, 'out-in');
 * const tokens = tf.tensor1d([0, 3], 'int32');
 * classifierScores(logits, tf.ones([2, 5]), { W: tf.zeros([4, 5]) }, tokens).logProbs.arraySync(); // => [-1.3862944, -1.3862944]
 * ```
 */
export function classifierScores(
  logits: (features: tf.Tensor, params: Params) => tf.Tensor,
  features: tf.Tensor,
  params: Params,
  tokens: tf.Tensor,
  options: ClassifierScoresOptions = {},
): TokenScores {
  checkOptions('classifierScores', options, ['maxLogits']);
  const { maxLogits = 2 ** 23 } = options;
  if (maxLogits !== Infinity) checkPositiveInteger('classifierScores: maxLogits', maxLogits);
  checkTokenShape('classifierScores', tokens, features, 'features');
  const width = features.shape[features.rank - 1]!;
  return tf.tidy(() => {
    const x = tf.reshape(features, [-1, width]);
    const ids = tf.reshape(tokens, [-1]);
    const shapedAs = ({ logProbs, entropy }: TokenScores): TokenScores => ({
      logProbs: tf.reshape(logProbs, tokens.shape),
      entropy: tf.reshape(entropy, tokens.shape),
    });
    const vocabulary = tf.tidy(() => logits(tf.zeros([1, width]), params).shape[1]!);
    const chunkSize = Math.max(1, Math.floor(maxLogits / vocabulary));
    if (x.shape[0]! <= chunkSize) return shapedAs(tokenScores(logits(x, params), ids));
    const both = mapRows(
      (rows, shared) => {
        const { logProbs, entropy } = tokenScores(logits(rows['x']!, shared), rows['ids']!);
        return tf.stack([logProbs, entropy], 1);
      },
      { x, ids },
      params,
      { chunkSize },
    );
    const [logProbs, entropy] = tf.unstack(both, 1) as [tf.Tensor, tf.Tensor];
    return shapedAs({ logProbs, entropy });
  });
}

import * as tf from '@tensorflow/tfjs-core';

import { checkShape, shapeOf } from '../check.js';
import { withGradient } from '../ops/with-gradient.js';
import { exp, logSoftmax, recalledLogProbs } from './log-softmax.js';

/** Below the logarithm of the smallest float32: such a token has probability 0, and adds 0 to sums. */
const IMPOSSIBLE = -200;

const int32 = (value: number): tf.Scalar => tf.scalar(value, 'int32');

/** 1 at each row's id, float32; cast, because the wasm kernel writes integers whatever it is asked for. */
const oneHot = (ids: tf.Tensor, vocabulary: number): tf.Tensor =>
  tf.getBackend() === 'wasm'
    ? tf.cast(tf.oneHot(ids, vocabulary), 'float32')
    : tf.oneHot(ids, vocabulary, 1, 0, 'float32');

function pick(logProbs: tf.Tensor, ids: tf.Tensor): tf.Tensor {
  const [rows, vocabulary] = logProbs.shape as [number, number];
  const starts = tf.range(0, rows * vocabulary, vocabulary, 'int32');
  return tf.gather(tf.reshape(logProbs, [-1]), tf.add(starts, ids) as tf.Tensor1D);
}

/** Log-probabilities of the ids, where `logProbs` is the logarithm of the softmax of `logits`. */
const pickedLogProbs = (logits: tf.Tensor, logProbs: tf.Tensor, ids: tf.Tensor): tf.Tensor =>
  withGradient({
    inputs: [logits],
    save: [logits, logProbs, ids],
    value: () => pick(logProbs, ids),
    gradient: (dy, [z, kept, y]) => {
      const p = exp(recalledLogProbs(kept!, z!));
      return [tf.mul(tf.expandDims(dy, -1), tf.sub(oneHot(y!, z!.shape[1]!), p))];
    },
  });

/** Entropies, where `logProbs` is the logarithm of the softmax of `logits`. */
const entropyOf = (logits: tf.Tensor, logProbs: tf.Tensor): tf.Tensor =>
  withGradient({
    inputs: [logits],
    save: [logits, logProbs],
    value: () => {
      const finite = tf.maximum(logProbs, IMPOSSIBLE);
      return tf.neg(tf.sum(tf.mul(tf.exp(finite), finite), -1));
    },
    gradient: (dy, [z, kept]) => {
      const finite = tf.maximum(recalledLogProbs(kept!, z!), IMPOSSIBLE);
      const p = exp(finite);
      const mean = tf.sum(tf.mul(p, finite), -1, true); // -H
      return [tf.mul(tf.mul(p, tf.sub(mean, finite)), tf.expandDims(dy, -1))];
    },
  });

/** Refuses tokens that are not one for each row of the last axis of `x`, which is called `name`. */
export function checkTokenShape(
  where: string,
  tokens: tf.Tensor,
  x: tf.Tensor,
  name: string,
): void {
  const shape = x.shape.slice(0, -1);
  const expected = `${shapeOf({ shape })} (${name} without the last axis)`;
  checkShape(`${where}: tokens`, tokens, tf.util.arraysEqual(shape, tokens.shape), expected);
}

/** Logits as rows `[N, V]`, and the ids of the tokens as `[N]`, inside of the vocabulary. */
function rowsOf(where: string, logits: tf.Tensor, tokens: tf.Tensor): [tf.Tensor, tf.Tensor] {
  checkTokenShape(where, tokens, logits, 'logits');
  const vocabulary = logits.shape[logits.rank - 1]!;
  const ids = tf.reshape(tf.cast(tokens, 'int32'), [-1]);
  const inside = tf.minimum(tf.maximum(ids, int32(0)), int32(vocabulary - 1));
  return [tf.reshape(logits, [-1, vocabulary]), inside];
}

/**
 * The log-probability of one given token at every position.
 *
 *     gatherLogProbs(z, y) = logSoftmax(z)_y
 *
 * @param logits - `[..., V]`, float32; `-Infinity` stands for an impossible token
 * @param tokens - `[...]`, int32, in `[0, V)`; not checked, since that would read them back: what is outside counts
 *   as the nearest inside
 * @returns `[...]`, nats, at most 0; the caller owns it
 * @throws RangeError if the shapes do not fit
 *
 * @example
 * ```ts
 * import * as tf from '@tensorflow/tfjs-core';
 * gatherLogProbs(tf.zeros([2, 4]), tf.tensor1d([0, 3], 'int32')).arraySync(); // => [-1.3862944, -1.3862944]
 * ```
 */
export function gatherLogProbs(logits: tf.Tensor, tokens: tf.Tensor): tf.Tensor {
  return tf.tidy(() => {
    const [rows, ids] = rowsOf('gatherLogProbs', logits, tokens);
    return tf.reshape(pickedLogProbs(rows, logSoftmax(rows), ids), tokens.shape);
  });
}

/**
 * Cross-entropy of given tokens at every position: what language models are trained to make small.
 *
 *     crossEntropy(z, y) = -logSoftmax(z)_y
 *
 * @param logits - `[..., V]`, float32; `-Infinity` stands for an impossible token
 * @param targets - `[...]`, int32, in `[0, V)`, as of {@link gatherLogProbs}
 * @returns `[...]`, nats, at least 0; the caller owns it
 * @throws RangeError if the shapes do not fit
 *
 * @example
 * ```ts
 * import * as tf from '@tensorflow/tfjs-core';
 * crossEntropy(tf.zeros([2, 4]), tf.tensor1d([0, 3], 'int32')).arraySync(); // => [1.3862944, 1.3862944]
 * ```
 */
export function crossEntropy(logits: tf.Tensor, targets: tf.Tensor): tf.Tensor {
  return tf.tidy(() => {
    const [rows, ids] = rowsOf('crossEntropy', logits, targets);
    return tf.reshape(tf.neg(pickedLogProbs(rows, logSoftmax(rows), ids)), targets.shape);
  });
}

/**
 * Shannon entropy of the softmax of logits along the last axis.
 *
 *     H = -sum_v p_v log p_v
 *
 * @param logits - `[..., V]`, float32; `-Infinity` stands for an impossible token and adds 0
 * @returns `[...]`, nats, in `[0, log V]`; the caller owns it
 *
 * @example
 * ```ts
 * import * as tf from '@tensorflow/tfjs-core';
 * softmaxEntropy(tf.tensor2d([[0, 0], [0, -Infinity]])).arraySync(); // => [0.6931472, 0]
 * ```
 */
export function softmaxEntropy(logits: tf.Tensor): tf.Tensor {
  return tf.tidy(() => entropyOf(logits, logSoftmax(logits)));
}

/** What a distribution says of a token: a type, since `tf.tidy` returns no interface. */
export type TokenScores = {
  /** `[...]`, nats, at most 0: {@link gatherLogProbs}. */
  readonly logProbs: tf.Tensor;
  /** `[...]`, nats, in `[0, log V]`: {@link softmaxEntropy}. */
  readonly entropy: tf.Tensor;
};

/**
 * Log-probabilities of given tokens and entropies of their distributions, from one softmax.
 *
 *     logProbs = logSoftmax(z)_y,     d logProbs / dz_v = [v = y] - p_v
 *     entropy  = -sum_v p_v log p_v,  d entropy / dz_v  = -p_v (log p_v + entropy)
 *
 * @param logits - `[..., V]`, float32; `-Infinity` stands for an impossible token
 * @param tokens - `[...]`, int32, in `[0, V)`; not checked, since that would read them back: what is outside counts
 *   as the nearest inside
 * @returns `logProbs` and `entropy`, `[...]` each, nats; the caller owns both
 * @throws RangeError if the shapes do not fit
 *
 * @example
 * ```ts
 * import * as tf from '@tensorflow/tfjs-core';
 * tokenScores(tf.zeros([1, 2]), tf.tensor1d([1], 'int32')); // => {"logProbs": [-0.6931472], "entropy": [0.6931472]}
 * ```
 */
export function tokenScores(logits: tf.Tensor, tokens: tf.Tensor): TokenScores {
  return tf.tidy(() => {
    const [rows, ids] = rowsOf('tokenScores', logits, tokens);
    const logProbs = logSoftmax(rows);
    return {
      logProbs: tf.reshape(pickedLogProbs(rows, logProbs, ids), tokens.shape),
      entropy: tf.reshape(entropyOf(rows, logProbs), tokens.shape),
    };
  });
}

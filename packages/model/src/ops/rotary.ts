import * as tf from '@tensorflow/tfjs-core';

import { withGradient } from './with-gradient.js';

/** Cosine and sine of each position's angles, `[T, d]` or `[B, 1, T, d]`. */
export interface RotaryTables {
  readonly cos: tf.Tensor;
  readonly sin: tf.Tensor;
}

/**
 * Angles `position * theta^(-2 i / d)`, each twice: the pairs that turn together are `(i, i + d/2)`.
 *
 * @param positions - int32, `[T]` for all rows alike or `[B, T]`
 */
export function rotaryTables(positions: tf.Tensor, width: number, theta: number): RotaryTables {
  const frequencies = Float32Array.from(
    { length: width },
    (_, i) => theta ** ((-2 * (i % (width / 2))) / width),
  );
  const [batch, time] = positions.shape as [number, number];
  const column = tf.reshape(positions, positions.rank === 1 ? [-1, 1] : [batch, 1, time, 1]);
  const angles = tf.mul(tf.cast(column, 'float32'), tf.tensor1d(frequencies));
  return { cos: tf.cos(angles), sin: tf.sin(angles) };
}

/** `(x1, x2) -> (-x2, x1)` for the two halves of the last axis. */
function quarterTurn(x: tf.Tensor): tf.Tensor {
  const [first, second] = tf.split(x, 2, -1) as [tf.Tensor, tf.Tensor];
  return tf.concat([tf.neg(second), first], -1);
}

/** Turns queries or keys `[B, n, T, d]` by their positions. The gradient is the turn back. */
export function rotate(x: tf.Tensor, { cos, sin }: RotaryTables): tf.Tensor {
  return withGradient({
    inputs: [x],
    save: [cos, sin],
    value: () => tf.add(tf.mul(x, cos), tf.mul(quarterTurn(x), sin)),
    gradient: (dy, saved) => [rotate(dy, { cos: saved[0]!, sin: tf.neg(saved[1]!) })],
  });
}

import * as tf from '@tensorflow/tfjs-core';

import { withGradient } from './with-gradient.js';

/** What {@link rotary} turns by. A type, since `tf.tidy` returns no interface. */
export type RotaryTables = {
  /** Cosines of each position's angles, `[T, d]` or `[B, 1, T, d]`. */
  readonly cos: tf.Tensor;
  /** Sines, of the same shape; those of the first half of `d` are negated. */
  readonly sin: tf.Tensor;
};

/**
 * The angles of rotary positions; the pairs that turn together are `(i, i + d/2)`.
 *
 *     angle[t, i] = position[t] theta^(-2 i / d)   for i < d/2
 *
 * @param positions - int32, `[T]` for all rows alike or `[B, T]`
 * @param width - `d`, of one head, even
 * @param theta - base of the wavelengths, 10,000 in the paper
 * @returns the tables; the caller owns both
 * @throws RangeError if `width` is not even
 * @see Su et al. 2021, eq. 15, https://arxiv.org/abs/2104.09864
 *
 * @example
 * ```ts
 * import * as tf from '@tensorflow/tfjs-core';
 * const { cos } = rotaryTables(tf.range(0, 2, 1, 'int32'), 2, 10000);
 * cos.arraySync(); // => [[1, 1], [0.5403023, 0.5403023]]
 * ```
 */
export function rotaryTables(positions: tf.Tensor, width: number, theta: number): RotaryTables {
  if (width % 2 !== 0 || width < 2) {
    throw new RangeError(`rotaryTables: width is ${width}, expected a positive even integer`);
  }
  const half = width / 2;
  const frequencies = Float32Array.from(
    { length: width },
    (_, i) => theta ** ((-2 * (i % half)) / width),
  );
  const sign = Float32Array.from({ length: width }, (_, i) => (i < half ? -1 : 1));
  const [batch, time] = positions.shape as [number, number];
  return tf.tidy(() => {
    const column = tf.reshape(positions, positions.rank === 1 ? [-1, 1] : [batch, 1, time, 1]);
    const angles = tf.mul(tf.cast(column, 'float32'), tf.tensor1d(frequencies));
    return { cos: tf.cos(angles), sin: tf.mul(tf.sin(angles), tf.tensor1d(sign)) };
  });
}

/** `(x1, x2) -> (x2, x1)` for the two halves of the last axis. */
function swapHalves(x: tf.Tensor): tf.Tensor {
  const half = x.shape[x.rank - 1]! / 2;
  return tf.reshape(tf.reverse(tf.reshape(x, [-1, 2, half]), 1), x.shape);
}

/**
 * Turns queries or keys by their positions. The gradient is the turn back.
 *
 *     rotary(x) = (x1 cos - x2 sin, x2 cos + x1 sin)   for the halves x1, x2 of the last axis
 *
 * @param x - `[B, n, T, d]`, float32
 * @param tables - of the positions of the `T` tokens
 * @returns `[B, n, T, d]`; the caller owns it
 * @throws RangeError if the tables have another width
 * @see Su et al. 2021, eq. 34, https://arxiv.org/abs/2104.09864
 *
 * @example
 * ```ts
 * import * as tf from '@tensorflow/tfjs-core';
 * const tables = rotaryTables(tf.tensor1d([0, 1], 'int32'), 2, 10000);
 * rotary(tf.tensor4d([1, 0, 1, 0], [1, 1, 2, 2]), tables).arraySync(); // => [[[[1, 0], [0.5403023, 0.8414710]]]]
 * ```
 */
export function rotary(x: tf.Tensor, { cos, sin }: RotaryTables): tf.Tensor {
  const width = x.shape[x.rank - 1]!;
  if (cos.shape[cos.rank - 1] !== width) {
    throw new RangeError(
      `rotary: tables have width ${cos.shape[cos.rank - 1]}, expected ${width}, the last axis of x`,
    );
  }
  return tf.tidy(() =>
    withGradient({
      inputs: [x],
      save: [cos, sin],
      value: () => tf.add(tf.mul(x, cos), tf.mul(swapHalves(x), sin)),
      gradient: (dy, [c, s]) => [rotary(dy, { cos: c!, sin: tf.neg(s!) })],
    }),
  );
}

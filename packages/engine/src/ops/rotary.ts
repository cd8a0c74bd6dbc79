import * as tf from '@tensorflow/tfjs-core';

import { checkInRange, checkOptions, checkSameShape, checkShape } from '../check.js';
import { type RotaryScaling, rotaryFrequencies } from './rotary-scaling.js';
import { withGradient } from './with-gradient.js';

/** Wider heads than this are a mistake. */
const MOST_WIDTH = 2 ** 20;

/** What {@link rotary} turns by. A type, since `tf.tidy` returns no interface. */
export type RotaryTables = {
  /** Cosines of each position's angles, `[T, d]` or `[B, 1, T, d]`. */
  readonly cos: tf.Tensor;
  /** Sines, of the same shape; those of the first channel of each pair are negated. */
  readonly sin: tf.Tensor;
  /** Whether the pairs are neighbours; absent: they are `(i, i + d/2)`. */
  readonly interleaved?: boolean;
};

/** Options of {@link rotaryTables}. */
export interface RotaryOptions {
  /** Whether channels `(2 i, 2 i + 1)` turn together, and not `(i, i + d/2)`. @defaultValue false */
  readonly interleaved?: boolean;
  /** How wavelengths are stretched for longer sequences; absent: they are not. */
  readonly scaling?: RotaryScaling;
}

/** A value a pair as a value a channel: `[..., d / 2] -> [..., d]`. */
function toChannels(x: tf.Tensor, interleaved: boolean): tf.Tensor {
  const last = x.rank;
  const twice = tf.stack([x, x], interleaved ? last : last - 1);
  return tf.reshape(twice, [...x.shape.slice(0, -1), 2 * x.shape[last - 1]!]);
}

/** The length of each sequence, one more than its last position: `[1]`, or `[B, 1, 1, 1]`. */
const lengthsOf = (positions: tf.Tensor): tf.Tensor =>
  tf.add(
    positions.rank === 1
      ? tf.max(positions, 0, true)
      : tf.reshape(tf.max(positions, 1), [-1, 1, 1, 1]),
    tf.scalar(1, 'int32'),
  );

/**
 * The angles of rotary positions; the pairs that turn together are `(i, i + d/2)`, or neighbours.
 *
 *     angle[t, i] = position[t] theta^(-2 i / d)   for i < d/2
 *
 * Scalings that depend on the length take each row's own: the largest of its positions, plus 1.
 *
 * @param positions - int32, `[T]` for all rows alike or `[B, T]`
 * @param width - `d`, of one head, even
 * @param theta - base of the wavelengths, 10,000 in the paper
 * @returns the tables; the caller owns both
 * @throws RangeError if `width` is not even, or the scaling does not fit it
 * @see Su et al. 2021, eq. 15, https://arxiv.org/abs/2104.09864; Peng et al. 2023 (dynamic, YaRN),
 *   https://arxiv.org/abs/2309.00071; Ding et al. 2024 (LongRoPE), https://arxiv.org/abs/2402.13753
 *
 * @example
 * ```ts
 * import * as tf from '@tensorflow/tfjs-core';
 * const { cos } = rotaryTables(tf.range(0, 2, 1, 'int32'), 2, 10000);
 * cos.arraySync(); // => [[1, 1], [0.5403023, 0.5403023]]
 * ```
 */
export function rotaryTables(
  positions: tf.Tensor,
  width: number,
  theta: number,
  options: RotaryOptions = {},
): RotaryTables {
  checkOptions('rotaryTables', options, ['interleaved', 'scaling']);
  const { interleaved = false, scaling } = options;
  if (width % 2 !== 0 || width < 2 || width > MOST_WIDTH) {
    throw new RangeError(
      `rotaryTables: width is ${width}, expected a positive even integer, at most ${MOST_WIDTH}`,
    );
  }
  checkInRange('rotaryTables: theta', theta, Number.MIN_VALUE, Number.MAX_VALUE);
  const ranked = positions.rank === 1 || positions.rank === 2;
  checkShape('rotaryTables: positions', positions, ranked, '[T] or [B, T]');
  const half = width / 2;
  const { values, amplitude, ofLengths } = rotaryFrequencies('rotaryTables', width, theta, scaling);
  const isFirst = (i: number): boolean => (interleaved ? i % 2 === 0 : i < half);
  const pair = (i: number): number => (interleaved ? Math.floor(i / 2) : i % half);
  const sign = Float32Array.from({ length: width }, (_, i) => amplitude * (isFirst(i) ? -1 : 1));
  const [batch, time] = positions.shape as [number, number];
  return tf.tidy(() => {
    const column = tf.reshape(positions, positions.rank === 1 ? [-1, 1] : [batch, 1, time, 1]);
    const frequencies = ofLengths
      ? toChannels(ofLengths(lengthsOf(positions)), interleaved)
      : tf.tensor1d(Float32Array.from({ length: width }, (_, i) => values[pair(i)]!));
    const angles = tf.mul(tf.cast(column, 'float32'), frequencies);
    const cos = tf.cos(angles);
    return {
      cos: amplitude === 1 ? cos : tf.mul(cos, amplitude),
      sin: tf.mul(tf.sin(angles), tf.tensor1d(sign)),
      ...(interleaved && { interleaved }),
    };
  });
}

/** `(x1, x2) -> (x2, x1)` for the two channels of each pair. */
function swapPairs(x: tf.Tensor, interleaved: boolean): tf.Tensor {
  const half = x.shape[x.rank - 1]! / 2;
  const pairs = tf.reshape(x, interleaved ? [-1, half, 2] : [-1, 2, half]);
  return tf.reshape(tf.reverse(pairs, interleaved ? 2 : 1), x.shape);
}

/**
 * Turns queries or keys by their positions. The gradient is the turn back.
 *
 *     rotary(x) = (x1 cos - x2 sin, x2 cos + x1 sin)   for the pairs x1, x2 of the last axis
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
export function rotary(x: tf.Tensor, tables: RotaryTables): tf.Tensor {
  const { cos, sin, interleaved = false } = tables;
  const width = x.shape[x.rank - 1]!;
  if (cos.shape[cos.rank - 1] !== width) {
    throw new RangeError(
      `rotary: tables have width ${cos.shape[cos.rank - 1]}, expected ${width}, the last axis of x`,
    );
  }
  checkSameShape('rotary: tables.sin', sin, cos, 'tables.cos');
  return tf.tidy(() =>
    withGradient({
      inputs: [x],
      save: [cos, sin],
      value: () => tf.add(tf.mul(x, cos), tf.mul(swapPairs(x, interleaved), sin)),
      gradient: (dy, [c, s]) => [rotary(dy, { ...tables, cos: c!, sin: tf.neg(s!) })],
    }),
  );
}

/**
 * {@link rotary} on the first channels of each head; the others stay as they are.
 *
 * @param x - `[B, n, T, d]`, float32
 * @param tables - of width `r`, at most `d`
 * @returns `[B, n, T, d]`, of which the first `r` channels are turned; the caller owns it
 * @throws RangeError if the tables are wider than `x`
 * @see Black et al. 2022 (GPT-NeoX), section 2.1.1, https://arxiv.org/abs/2204.06745
 *
 * @example
 * ```ts
 * import * as tf from '@tensorflow/tfjs-core';
 * const tables = rotaryTables(tf.tensor1d([1], 'int32'), 2, 10000);
 * partialRotary(tf.tensor4d([1, 0, 7], [1, 1, 1, 3]), tables).arraySync(); // => [[[[0.5403023, 0.8414710, 7]]]]
 * ```
 */
export function partialRotary(x: tf.Tensor, tables: RotaryTables): tf.Tensor {
  const [turning, width] = [tables.cos.shape[tables.cos.rank - 1]!, x.shape[x.rank - 1]!];
  if (turning >= width) return rotary(x, tables);
  return tf.tidy(() => {
    const [first, rest] = tf.split(x, [turning, width - turning], x.rank - 1);
    return tf.concat([rotary(first!, tables), rest!], x.rank - 1);
  });
}

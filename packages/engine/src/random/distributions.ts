import * as tf from '@tensorflow/tfjs-core';

import { MOST_ENTRIES, MOST_FLOAT32, checkInRange, checkPositiveInteger } from '../check.js';
import type { Rng } from './rng.js';

/**
 * One standard normal number, by the Box-Muller transform of two uniform ones.
 *
 * @param source - random stream; two numbers are taken from it
 * @returns a number of mean 0 and variance 1
 *
 * @example
 * ```ts
 * const source = rng(1);
 * const draws = Array.from({ length: 4000 }, () => normal(source));
 * Math.abs(draws.reduce((sum, x) => sum + x, 0) / 4000) < 0.05; // => true
 * ```
 */
export function normal(source: Rng): number {
  const radius = Math.sqrt(-2 * Math.log(1 - source.next())); // 1 - u is in (0, 1]
  return radius * Math.cos(2 * Math.PI * source.next());
}

/**
 * A tensor of independent normal numbers of mean 0, the same on every backend.
 *
 * @returns a float32 tensor of that shape; the caller owns it
 *
 * @example
 * ```ts
 * randomNormal(rng(3), [2, 3], 0.02).shape; // => [2, 3]
 * ```
 */
export function randomNormal(source: Rng, shape: readonly number[], std = 1): tf.Tensor {
  checkInRange('randomNormal: std', std, 0, MOST_FLOAT32);
  const size = shape.reduce((product, length) => product * length, 1);
  if (!shape.every((length) => length >= 0 && length % 1 === 0) || size > MOST_ENTRIES) {
    throw new RangeError(
      `randomNormal: shape is [${shape.join(', ')}], expected integers >= 0, fewer than 2^31 entries`,
    );
  }
  return tf.tensor(
    Float32Array.from({ length: size }, () => std * normal(source)),
    [...shape],
    'float32',
  );
}

/**
 * A uniform integer in `[0, n)`.
 *
 * @param source - random stream; one number is taken from it
 * @param n - number of outcomes, at least 1
 * @returns an integer in `[0, n)`
 * @throws RangeError if `n` is not a positive integer
 *
 * @example
 * ```ts
 * randomInt(rng(5), 1); // => 0
 * ```
 */
export function randomInt(source: Rng, n: number): number {
  checkPositiveInteger('randomInt: n', n);
  return Math.floor(source.next() * n);
}

/**
 * The items in a uniformly random order (Fisher and Yates).
 *
 * @param source - random stream; one number an item is taken from it
 * @param items - left as they are
 *
 * @example
 * ```ts
 * shuffle(rng(5), [3, 1, 2]).sort(); // => [1, 2, 3]
 * ```
 */
export function shuffle<T>(source: Rng, items: readonly T[]): T[] {
  const result = [...items];
  for (let i = result.length - 1; i > 0; i--) {
    const j = randomInt(source, i + 1);
    [result[i], result[j]] = [result[j]!, result[i]!];
  }
  return result;
}

/**
 * Draws from a categorical distribution by inverting its cumulative sum at one uniform number.
 *
 * @param probabilities - `[V]`, non-negative; they need not sum to exactly 1
 * @param uniform - number in `[0, 1)`
 * @returns an index whose probability is positive
 * @throws RangeError if a probability is negative or not finite, none is positive, or `uniform` is
 *   outside `[0, 1)`
 *
 * @example
 * ```ts
 * sampleIndex([0.25, 0, 0.75], 0.25); // => 2
 * ```
 */
export function sampleIndex(probabilities: ArrayLike<number>, uniform: number): number {
  if (!(uniform >= 0 && uniform < 1)) {
    throw new RangeError(`sampleIndex: uniform is ${uniform}, expected a number in [0, 1)`);
  }
  let total = 0;
  for (let i = 0; i < probabilities.length; i++) {
    const p = probabilities[i]!;
    if (!(p >= 0 && p < Infinity)) {
      throw new RangeError(`sampleIndex: probabilities[${i}] is ${p}, expected a number >= 0`);
    }
    total += p;
  }
  if (!(total > 0)) {
    throw new RangeError(`sampleIndex: probabilities has sum ${total}, expected a positive sum`);
  }
  const target = uniform * total;
  let cumulative = 0;
  let last = 0;
  for (let i = 0; i < probabilities.length; i++) {
    if (probabilities[i]! === 0) continue;
    cumulative += probabilities[i]!;
    last = i;
    if (target < cumulative) return i;
  }
  return last; // rounding: target reached the total
}

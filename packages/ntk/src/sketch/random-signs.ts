import type { Rng } from '@cfrl/engine';
import * as tf from '@tensorflow/tfjs-core';

/** Bits that are taken of one random number, of 53. */
const BITS = 24;

/** Independent signs, `size` or `-size` each. */
export function randomSigns(source: Rng, shape: readonly [number, number], size = 1): tf.Tensor2D {
  const values = new Float32Array(shape[0] * shape[1]);
  let bits = 0;
  for (let i = 0; i < values.length; i++) {
    if (i % BITS === 0) bits = Math.floor(source.next() * 2 ** BITS);
    values[i] = (bits & 1) === 1 ? size : -size;
    bits >>>= 1;
  }
  return tf.tensor2d(values, shape as [number, number]);
}

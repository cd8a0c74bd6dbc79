import { randomNormal, rng } from '@cfrl/engine';
import * as tf from '@tensorflow/tfjs-core';
import * as fc from 'fast-check';

/** Normal numbers of a shape, by a seed. */
export const drawn = (seed: number, shape: readonly number[], std = 1): tf.Tensor =>
  tf.tidy(() => tf.mul(randomNormal(rng(seed), [...shape]), std));

export const seeds = fc.nat({ max: 1_000_000 });

/** The largest difference relative to the largest expected entry, and at least to 1. */
export const distance = (actual: tf.Tensor, expected: tf.Tensor): number => {
  const [a, e] = [actual, expected].map((x) => Array.from(x.dataSync())) as [number[], number[]];
  if (a.length !== e.length) return Infinity;
  const scale = e.reduce((most, x) => Math.max(most, Math.abs(x)), 1);
  // Written so that NaN counts as far away.
  return a.reduce((most, x, i) => {
    const d = Math.abs(x - e[i]!) / scale;
    return d <= most ? most : Number.isNaN(d) ? Infinity : d;
  }, 0);
};

import { ratioMetrics } from '@cfrl/rl';
import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';

/** Survivors of the mutation run: the lower bound, the sign of the advantage, and the mask were tested on one side only. */
describe('clipFraction', () => {
  const fraction = (ratio: number, advantage: number): number =>
    tf.tidy(() => {
      // One token in four is looked at, and one outside the mask would be clipped.
      const log = tf.tensor2d([[Math.log(ratio), 0, 0, 0, Math.log(9)]]);
      const advantages = tf.tensor2d([[advantage, 1, -1, 1, 1]]);
      const mask = tf.tensor2d([[1, 1, 1, 1, 0]]);
      const options = { clipRange: 0.2, clipRangeHigh: 0.5 };
      return ratioMetrics(log, advantages, mask, options).clipFraction.arraySync();
    });

  it.each([
    [1.6, 1, 0.25],
    [1.6, -1, 0],
    [1.6, 0, 0],
    [1.4, 1, 0],
    [0.7, -1, 0.25],
    [0.7, 1, 0],
    [0.7, 0, 0],
    [0.9, -1, 0],
  ])('of a ratio of %d under an advantage of %d is %d', (ratio, advantage, expected) => {
    expect(fraction(ratio, advantage)).toBe(expected);
  });
});

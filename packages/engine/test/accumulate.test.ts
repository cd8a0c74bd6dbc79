import {
  compile,
  crossEntropy,
  dense,
  disposeParams,
  gradientSum,
  maskedMean,
  maskedSum,
  meanGradient,
  valueAndGrad,
  type GradientSum,
  type Params,
} from '@cfrl/engine';
import * as tf from '@tensorflow/tfjs-core';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { distance, drawn, seeds } from './ops/arrays.js';

/** Sequences of different lengths: features, tokens and a mask, `[B, T, ...]`. */
const batch = (seed: number, lengths: readonly number[]) => {
  const time = 5;
  const rows = lengths.map((length) => Array.from({ length: time }, (_, t) => Number(t < length)));
  return {
    x: drawn(seed, [lengths.length, time, 3]),
    y: tf.cast(tf.mul(tf.sigmoid(drawn(seed + 1, [lengths.length, time])), 4), 'int32'),
    mask: tf.tensor2d(rows, [lengths.length, time]),
  };
};
type Batch = ReturnType<typeof batch>;

const losses = ({ w }: Params, { x, y }: Batch): tf.Tensor => {
  const logits = dense(tf.reshape(x, [-1, 3]), w!, 'in-out');
  return crossEntropy(tf.reshape(logits, [...y.shape, 4]), y);
};
const weighted = (part: Batch) => (params: Params) => ({
  sum: maskedSum(losses(params, part), part.mask),
  weight: tf.sum(part.mask),
});

const slices = ({ x, y, mask }: Batch, size: number): Batch[] =>
  Array.from({ length: Math.ceil(x.shape[0]! / size) }, (_, i) => {
    const of = <T extends tf.Tensor>(all: T): T => {
      const rest = all.shape.slice(1).map(() => 0);
      const rows = Math.min(size, all.shape[0]! - i * size);
      return tf.slice(all, [i * size, ...rest], [rows, ...all.shape.slice(1)]);
    };
    return { x: of(x), y: of(y), mask: of(mask) };
  });

describe('gradientSum', () => {
  it('and meanGradient are the mean of the whole batch, whatever the micro-batches and their tokens', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 0, max: 5 }), { minLength: 1, maxLength: 6 }),
        fc.integer({ min: 1, max: 6 }),
        seeds,
        (lengths, size, seed) => {
          tf.tidy(() => {
            const all = batch(seed, lengths);
            const params = { w: drawn(seed + 2, [3, 4]) };
            const whole = valueAndGrad((p) => maskedMean(losses(p, all), all.mask))(params);
            let sum: GradientSum | undefined;
            for (const part of slices(all, size)) sum = gradientSum(weighted(part))(params, sum);
            const mean = meanGradient(sum!);
            expect(distance(mean.value, whole.value)).toBeLessThan(1e-5);
            expect(distance(mean.grads['w']!, whole.grads['w']!)).toBeLessThan(1e-5);
          });
        },
      ),
      { numRuns: 40 },
    );
  });

  it('runs as one graph for every micro-batch, and owns and frees nothing of others', () => {
    const all = tf.tidy(() => batch(4, [5, 2, 3, 1]));
    const params = { w: drawn(6, [3, 4]) };
    const parts = tf.tidy(() => slices(all, 2));
    let graphs = 0;
    const add = compile(
      (p: Params, sum: GradientSum, part: Batch): GradientSum =>
        gradientSum(weighted(part))(p, sum),
      { onCompile: () => (graphs += 1) },
    );
    let sum: GradientSum = {
      value: tf.scalar(0),
      weight: tf.scalar(0),
      grads: { w: tf.zeros([3, 4]) },
    };
    const dispose = ({ value, weight, grads }: GradientSum): void =>
      disposeParams({ ...grads, value, weight });
    for (const part of parts) {
      const next = add(params, sum, part);
      dispose(sum);
      sum = next;
    }
    expect(sum.weight.arraySync()).toBe(11);
    const mean = meanGradient(sum);
    const whole = valueAndGrad((p) => maskedMean(losses(p, all), all.mask))(params);
    expect(distance(mean.grads['w']!, whole.grads['w']!)).toBeLessThan(1e-5);
    expect(graphs).toBe(tf.getBackend() === 'tensorflow' ? 1 : 0);
    add.dispose();
    [mean, whole].forEach(({ value, grads }) => disposeParams({ ...grads, value }));
    dispose(sum);
    [params, all, ...parts].forEach((record) => disposeParams({ ...record }));
  });
});

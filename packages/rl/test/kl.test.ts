import { valueAndGrad } from '@cfrl/engine';
import { type KlEstimator, klK1, klK2, klK3 } from '@cfrl/rl';
import * as tf from '@tensorflow/tfjs-core';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { logSoftmax } from './policies.js';

const logits = fc.array(fc.double({ min: -3, max: 3, noNaN: true }), {
  minLength: 4,
  maxLength: 4,
});

const exactKl = (p: readonly number[], q: readonly number[]): number =>
  p.reduce((sum, lp, v) => sum + Math.exp(lp) * (lp - q[v]!), 0);

const estimates = (kl: KlEstimator, p: readonly number[], q: readonly number[]): number[] =>
  tf.tidy(() => Array.from(kl(tf.tensor1d([...p]), tf.tensor1d([...q])).dataSync()));

const expectation = (p: readonly number[], xs: readonly number[]): number =>
  p.reduce((sum, lp, v) => sum + Math.exp(lp) * xs[v]!, 0);

describe.each([
  ['klK1', klK1],
  ['klK3', klK3],
])('%s', (_, kl) => {
  it('has the exact divergence as its expectation', () => {
    fc.assert(
      fc.property(logits, logits, (a, b) => {
        const [p, q] = [logSoftmax(a), logSoftmax(b)];
        expect(expectation(p, estimates(kl, p, q))).toBeCloseTo(exactKl(p, q), 4);
      }),
    );
  });
});

describe.each([
  ['klK2', klK2],
  ['klK3', klK3],
])('%s', (_, kl) => {
  it('is never negative, and 0 where both agree', () => {
    fc.assert(
      fc.property(logits, logits, (a, b) => {
        const [p, q] = [logSoftmax(a), logSoftmax(b)];
        estimates(kl, p, q).forEach((x) => expect(x).toBeGreaterThanOrEqual(0));
        expect(estimates(kl, p, p)).toEqual([0, 0, 0, 0]);
      }),
    );
  });
});

describe('klK2', () => {
  it('agrees with the divergence to second order', () => {
    const [p, q] = [logSoftmax([0, 0.02, -0.01]), logSoftmax([0.01, 0, 0])];
    const ratio = expectation(p, estimates(klK2, p, q)) / exactKl(p, q);
    expect(ratio).toBeCloseTo(1, 1);
  });

  it('has the gradient of KL(p || q) as its expected gradient, and klK3 that of KL(q || p)', () => {
    const z = [0.3, -0.5, 1.1];
    const [p, q] = [logSoftmax(z), logSoftmax([1, 0, -0.4])];
    const expected = (kl: KlEstimator): number[] => {
      const total = z.map(() => 0);
      p.forEach((lp, v) => {
        const perToken = ({ z: x }: Record<string, tf.Tensor>): tf.Tensor =>
          kl(tf.slice(tf.logSoftmax(x as tf.Tensor1D), v, 1), tf.tensor1d([q[v]!]));
        const { value, grads } = valueAndGrad((params) => tf.sum(perToken(params)))({
          z: tf.tensor1d(z),
        });
        Array.from(grads['z']!.dataSync()).forEach((g, i) => (total[i]! += Math.exp(lp) * g));
        tf.dispose([value, grads]);
      });
      return total;
    };
    const numeric = (f: (z: number[]) => number): number[] =>
      z.map((_, i) => {
        const at = (h: number): number => f(z.map((x, j) => (i === j ? x + h : x)));
        return (at(1e-5) - at(-1e-5)) / 2e-5;
      });
    tf.tidy(() => {
      const forward = numeric((x) => exactKl(logSoftmax(x), q));
      expected(klK2).forEach((g, i) => expect(g).toBeCloseTo(forward[i]!, 4));
      const reverse = numeric((x) => exactKl(q, logSoftmax(x)));
      expected(klK3).forEach((g, i) => expect(g).toBeCloseTo(reverse[i]!, 4));
      expected(klK1).forEach((g) => expect(g).toBeCloseTo(0, 5));
    });
  });
});

describe('klK3', () => {
  it('keeps its digits where both nearly agree', () => {
    // x = 1e-3: e^x - 1 - x = 5.0017e-7, of which e^x - 1 in float32 would lose most
    expect(estimates(klK3, [-1], [-0.999])[0]! / 5.0017e-7).toBeCloseTo(1, 2);
  });
});

import {
  gatherLogProbs,
  logSoftmax,
  maskedMean,
  maskedSum,
  softmaxEntropy,
  stopGradient,
} from '@cfrl/engine';
import { expectClose } from '@cfrl/testkit';
import * as tf from '@tensorflow/tfjs-core';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

const rows = fc.array(
  fc.array(fc.double({ min: -30, max: 30, noNaN: true }), { minLength: 4, maxLength: 4 }),
  { minLength: 1, maxLength: 3 },
);
/** The definition, in doubles. */
const slow = (z: readonly number[]): number[] => {
  const top = Math.max(...z);
  const logSum = top + Math.log(z.reduce((s, v) => s + Math.exp(v - top), 0));
  return z.map((v) => v - logSum);
};

describe('logSoftmax', () => {
  it('equals the definition and does not change when a constant is added', () => {
    fc.assert(
      fc.property(rows, fc.integer({ min: -900, max: 900 }), (z, shift) => {
        tf.tidy(() => {
          const rounded = z.map((row) => row.map(Math.fround));
          expectClose(logSoftmax(tf.tensor2d(z)).arraySync(), rounded.map(slow), { atol: 2e-5 });
          const moved = logSoftmax(tf.add(tf.tensor2d(z), shift)).arraySync();
          expectClose(moved, rounded.map(slow), { atol: 1e-3 });
        });
      }),
    );
  });

  it('has the gradient dy - softmax * sum(dy), and the second derivative p(1 - p)', () => {
    tf.tidy(() => {
      const z = tf.tensor1d([0.5, -1, 2]);
      const p = slow([0.5, -1, 2]).map(Math.exp);
      const first = tf.grad((x) => tf.slice(logSoftmax(x), 1, 1));
      expectClose(
        first(z).arraySync(),
        p.map((q, i) => (i === 1 ? 1 : 0) - q),
      );
      // d/dz_0 of the gradient's entry 0 is -p_0 (1 - p_0)
      const second = tf.grad((x) => tf.slice(first(x), 0, 1));
      expectClose(
        second(z).arraySync(),
        p.map((q, i) => -p[0]! * ((i === 0 ? 1 : 0) - q)),
      );
    });
  });

  it('keeps impossible tokens at -Infinity with finite gradients, and survives +-1e4', () => {
    tf.tidy(() => {
      expectClose(logSoftmax(tf.tensor1d([1e4, -1e4, -Infinity])).arraySync(), [
        0,
        -2e4,
        -Infinity,
      ]);
      const gradient = tf.grad((x) => gatherLogProbs(x, tf.scalar(0, 'int32')));
      expectClose(gradient(tf.tensor1d([0, 0, -Infinity])).arraySync(), [0.5, -0.5, 0]);
    });
  });
});

describe('gatherLogProbs', () => {
  it('selects the entry of the given token', () => {
    fc.assert(
      fc.property(rows, fc.nat(3), (z, token) => {
        tf.tidy(() => {
          const tokens = tf.fill([z.length], token, 'int32');
          const expected = z.map((row) => slow(row.map(Math.fround))[token]!);
          expectClose(gatherLogProbs(tf.tensor2d(z), tokens).arraySync(), expected, { atol: 2e-5 });
        });
      }),
    );
  });

  it('refuses shapes that do not fit', () => {
    tf.tidy(() => {
      expect(() => gatherLogProbs(tf.zeros([2, 3]), tf.zeros([3], 'int32'))).toThrow(
        'gatherLogProbs: tokens has shape [3], expected [2] (logits without the last axis)',
      );
    });
  });
});

describe('softmaxEntropy', () => {
  it('equals the definition, with its gradient, also where a token is impossible', () => {
    tf.tidy(() => {
      const z = [0.5, -1, 2];
      const log = slow(z);
      const entropy = -log.reduce((s, l) => s + Math.exp(l) * l, 0);
      const withImpossible = tf.tensor1d([...z, -Infinity]);
      expectClose(softmaxEntropy(withImpossible).arraySync(), entropy);
      const gradient = tf
        .grad((x) => softmaxEntropy(x))(withImpossible)
        .arraySync();
      expectClose(gradient, [...log.map((l) => -Math.exp(l) * (l + entropy)), 0]);
    });
  });
});

describe('maskedSum and maskedMean', () => {
  it('equal the sum and mean of the subset, whatever stands outside', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.integer({ min: -99, max: 99 }), fc.boolean()), { minLength: 1 }),
        fc.constantFrom(NaN, Infinity, -Infinity, 7),
        (pairs, outside) => {
          tf.tidy(() => {
            const x = tf.tensor1d(pairs.map(([v, keep]) => (keep ? v : outside)));
            const mask = tf.tensor1d(pairs.map(([, keep]) => (keep ? 1 : 0)));
            const kept = pairs.filter(([, keep]) => keep).map(([v]) => v);
            const sum = kept.reduce((s, v) => s + v, 0);
            expectClose(maskedSum(x, mask).arraySync(), sum);
            expectClose(maskedMean(x, mask).arraySync(), sum / Math.max(kept.length, 1));
          });
        },
      ),
    );
  });

  it('pass no gradient outside the mask', () => {
    tf.tidy(() => {
      const mask = tf.tensor1d([1, 0]);
      const gradient = tf.grad((x) => maskedSum(tf.square(x), mask))(tf.tensor1d([2, 3]));
      expect(gradient.arraySync()).toEqual([4, 0]);
    });
  });
});

describe('stopGradient', () => {
  it('is the identity with gradient zero', () => {
    tf.tidy(() => {
      const x = tf.tensor1d([2, 3]);
      expect(stopGradient(x).arraySync()).toEqual([2, 3]);
      expect(
        tf
          .grad((y) => tf.mul(y, stopGradient(y)))(x)
          .arraySync(),
      ).toEqual([2, 3]);
    });
  });
});

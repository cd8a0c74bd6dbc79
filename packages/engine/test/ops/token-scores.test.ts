import {
  crossEntropy,
  gatherLogProbs,
  logSoftmax,
  softmaxEntropy,
  tokenScores,
  valueAndGrad,
  type Params,
} from '@cfrl/engine';
import { expectClose } from '@cfrl/testkit';
import * as tf from '@tensorflow/tfjs-core';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { distance, drawn, seeds } from './arrays.js';

const int32 = (x: readonly number[]): tf.Tensor => tf.tensor1d([...x], 'int32');

describe('tokenScores', () => {
  it('is gatherLogProbs and softmaxEntropy, with their gradients, in any shape', () => {
    fc.assert(
      fc.property(fc.nat(2), fc.nat(3), fc.nat(6), seeds, (b, t, v, seed) => {
        tf.tidy(() => {
          const logits = drawn(seed, [b + 1, t + 1, v + 2], 4);
          const tokens = tf.cast(tf.abs(drawn(seed + 1, [b + 1, t + 1])), 'int32');
          const inside = tf.minimum(tokens, tf.scalar(v + 1, 'int32'));
          const weights = [2, 3].map((k) => drawn(seed + k, [b + 1, t + 1]));
          const total = (logProbs: tf.Tensor, entropy: tf.Tensor): tf.Tensor =>
            tf.add(tf.sum(tf.mul(logProbs, weights[0]!)), tf.sum(tf.mul(entropy, weights[1]!)));
          const together = valueAndGrad(({ z }: Params) => {
            const { logProbs, entropy } = tokenScores(z!, inside);
            expect([logProbs.shape, entropy.shape]).toEqual([inside.shape, inside.shape]);
            return total(logProbs, entropy);
          })({ z: logits });
          // The plain definitions, by TensorFlow.js' own gradients.
          const plain = valueAndGrad(({ z }: Params) => {
            const p = tf.softmax(z!);
            const hot = tf.cast(tf.oneHot(inside, v + 2), 'float32');
            const logP = tf.log(p);
            return total(tf.sum(tf.mul(hot, logP), -1), tf.neg(tf.sum(tf.mul(p, logP), -1)));
          })({ z: logits });
          expect(distance(together.value, plain.value)).toBeLessThan(1e-4);
          expect(distance(together.grads['z']!, plain.grads['z']!)).toBeLessThan(1e-4);
          const apart = total(gatherLogProbs(logits, inside), softmaxEntropy(logits));
          expect(distance(apart, together.value)).toBeLessThan(1e-6);
          expect(
            distance(crossEntropy(logits, inside), tf.neg(gatherLogProbs(logits, inside))),
          ).toBe(0);
        });
      }),
      { numRuns: 30 },
    );
  });

  it('keeps impossible tokens out of values, gradients and second derivatives', () => {
    tf.tidy(() => {
      const z = tf.tensor2d([
        [0, 1, -Infinity],
        [-Infinity, 2, 3],
      ]);
      const without = tf.tensor2d([
        [0, 1],
        [2, 3],
      ]);
      const loss = (tokens: number[]) => {
        const first = valueAndGrad(({ x }: Params) => {
          const { logProbs, entropy } = tokenScores(x!, int32(tokens));
          return tf.sum(tf.add(tf.square(logProbs), tf.square(entropy)));
        });
        const second = valueAndGrad((p: Params) => tf.sum(tf.square(first(p).grads['x']!)));
        return { first, second };
      };
      const impossible = (x: tf.Tensor): number[] => {
        const [a, b, c, d] = x.dataSync();
        return [a!, b!, 0, 0, c!, d!];
      };
      const [full, part] = [loss([1, 1]), loss([1, 0])];
      expectClose(
        full.first({ x: z }).value.arraySync(),
        part.first({ x: without }).value.arraySync(),
      );
      for (const order of ['first', 'second'] as const) {
        const expected = impossible(part[order]({ x: without }).grads['x']!);
        expectClose(full[order]({ x: z }).grads['x']!.dataSync(), expected, { atol: 1e-5 });
      }
      expectClose(gatherLogProbs(z, int32([2, 0])).arraySync(), [-Infinity, -Infinity]);
      expectClose(crossEntropy(z, int32([2, 0])).arraySync(), [Infinity, Infinity]);
    });
  });

  it('counts a token outside of the vocabulary as the nearest inside', () => {
    tf.tidy(() => {
      const z = drawn(1, [3, 4]);
      expectClose(
        gatherLogProbs(z, int32([-1, 4, 100])).arraySync(),
        gatherLogProbs(z, int32([0, 3, 3])).arraySync(),
      );
    });
  });

  it('has a third derivative', () => {
    tf.tidy(() => {
      // Of log p_0 of two tokens: f' = 1 - s, f'' = -s (1 - s), f''' = -s (1 - s) (1 - 2 s), s = sigmoid(x)
      const f = (x: tf.Tensor): tf.Tensor =>
        tf.sum(tf.slice(logSoftmax(tf.concat([tf.reshape(x, [1]), tf.zeros([1])])), 0, 1));
      const g = tf.grad(tf.grad(tf.grad(f)));
      const s = 1 / (1 + Math.exp(-0.7));
      expectClose(g(tf.scalar(0.7)).arraySync(), -s * (1 - s) * (1 - 2 * s));
    });
  });

  it('refuses tokens of another shape', () => {
    tf.tidy(() => {
      expect(() => tokenScores(tf.zeros([2, 3]), int32([0]))).toThrow(
        'tokenScores: tokens has shape [1], expected [2] (logits without the last axis)',
      );
      expect(() => crossEntropy(tf.zeros([2, 3]), int32([0]))).toThrow(
        'crossEntropy: tokens has shape [1]',
      );
    });
  });
});

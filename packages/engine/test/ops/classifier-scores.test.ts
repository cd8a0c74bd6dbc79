import {
  classifierScores,
  compile,
  dense,
  tokenScores,
  valueAndGrad,
  type Params,
} from '@cfrl/engine';
import * as tf from '@tensorflow/tfjs-core';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { distance, drawn, seeds } from './arrays.js';

const logits = (x: tf.Tensor, { W }: Params): tf.Tensor => dense(x, W!, 'out-in');

/** The same from all logits at once. */
const whole: typeof classifierScores = (f, features, params, tokens) => {
  const width = features.shape[features.rank - 1]!;
  const all = f(tf.reshape(features, [-1, width]), params);
  return tokenScores(tf.reshape(all, [...tokens.shape, -1]), tokens);
};

const loss =
  (scores: typeof classifierScores, tokens: tf.Tensor, weights: tf.Tensor, maxLogits: number) =>
  ({ x, W }: Params): tf.Tensor => {
    const { logProbs, entropy } = scores(logits, x!, { W: W! }, tokens, { maxLogits });
    return tf.add(tf.sum(tf.mul(logProbs, weights)), tf.sum(tf.square(entropy)));
  };

describe('classifierScores', () => {
  it('is tokenScores of all logits with its gradients, whatever is computed at a time', () => {
    fc.assert(
      fc.property(
        fc.nat(2),
        fc.nat(3),
        fc.nat(8),
        fc.integer({ min: 1, max: 60 }),
        seeds,
        (b, t, v, maxLogits, seed) => {
          tf.tidy(() => {
            const [B, T, V] = [b + 1, t + 1, v + 2];
            const params = { x: drawn(seed, [B, T, 3]), W: drawn(seed + 1, [V, 3], 2) };
            const tokens = tf.minimum(
              tf.cast(tf.abs(drawn(seed + 2, [B, T], 5)), 'int32'),
              tf.scalar(V - 1, 'int32'),
            );
            const weights = drawn(seed + 3, [B, T]);
            const { x, W } = params;
            const [actual, expected] = [classifierScores, whole].map((scores): Params => ({
              ...scores(logits, x, { W }, tokens, { maxLogits }),
              ...valueAndGrad(loss(scores, tokens, weights, maxLogits))(params).grads,
            }));
            for (const name of ['logProbs', 'entropy', 'x', 'W'] as const) {
              expect(actual![name]!.shape).toEqual(expected![name]!.shape);
              expect(distance(actual![name]!, expected![name]!), name).toBeLessThan(1e-5);
            }
          });
        },
      ),
      { numRuns: 40 },
    );
  });

  it.each([undefined, {}, { xla: true }])(
    'is differentiated twice, compiled with %j',
    (options) => {
      tf.tidy(() => {
        const params = { x: drawn(1, [5, 3]), W: drawn(2, [7, 3], 2) };
        const tokens = tf.tensor1d([0, 6, 3, 3, 1], 'int32');
        const slope = (scores: typeof classifierScores) => (p: Params) =>
          tf.sum(tf.square(valueAndGrad(loss(scores, tokens, drawn(3, [5]), 14))(p).grads['W']!));
        const f = (p: Params) => valueAndGrad(slope(classifierScores))(p);
        const compiled = options && compile(f, options);
        const [actual, expected] = [(compiled ?? f)(params), valueAndGrad(slope(whole))(params)];
        for (const name of ['x', 'W']) {
          expect(distance(actual.grads[name]!, expected.grads[name]!), name).toBeLessThan(1e-4);
        }
        compiled?.dispose();
      });
    },
  );

  it('never has more logits than it may, where rows allow it', () => {
    tf.tidy(() => {
      const params = { x: drawn(1, [6, 3]), W: drawn(2, [7, 3]) };
      const sizes: number[] = [];
      const counted: typeof logits = (x, p) => {
        const z = logits(x, p);
        sizes.push(z.size);
        return z;
      };
      const tokens = tf.tensor1d([0, 6, 3, 3, 1, 2], 'int32');
      valueAndGrad(({ x, W }) => {
        const { logProbs } = classifierScores(counted, x!, { W: W! }, tokens, { maxLogits: 15 });
        return tf.sum(logProbs);
      })(params);
      // one row to see how long it is, three chunks, and these again in the gradient
      expect(sizes).toEqual([7, 14, 14, 14, 14, 14, 14]);
    });
  });

  it('refuses shapes that do not fit', () => {
    tf.tidy(() => {
      const tokens = tf.tensor1d([0, 1], 'int32');
      expect(() =>
        classifierScores(logits, tf.ones([3, 2]), { W: tf.ones([4, 2]) }, tokens),
      ).toThrow(
        'classifierScores: tokens has shape [2], expected [3] (features without the last axis)',
      );
    });
  });
});

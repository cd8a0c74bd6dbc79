import { logProbChange, logProbTransform, sampleGradient } from '@cfrl/ntk';
import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';

import { expectClose } from './support/close.js';
import { messageOf } from './support/errors.js';

describe('logProbTransform', () => {
  it('is I - 1 pi^T: two logits that differ by log 3 have the policy [3/4, 1/4]', () => {
    tf.tidy(() => {
      const T = logProbTransform(tf.tensor2d([[Math.log(3), 0]]));
      expectClose(
        T,
        tf.tensor3d([
          [
            [0.25, -0.25],
            [-0.75, 0.75],
          ],
        ]),
      );
    });
  });

  it('stays finite for logits of +-1000', () => {
    tf.tidy(() => {
      const T = logProbTransform(tf.tensor2d([[1000, -1000]]));
      expectClose(
        T,
        tf.tensor3d([
          [
            [0, 0],
            [-1, 1],
          ],
        ]),
      );
    });
  });

  it('refuses a vector', () => {
    tf.tidy(() => {
      const vector = tf.tensor1d([1, 2]) as unknown as tf.Tensor2D;
      expect(messageOf(() => logProbTransform(vector))).toMatchInlineSnapshot(
        `"RangeError: logProbTransform: logits has shape [2], expected [n, V]"`,
      );
    });
  });
});

describe('logProbChange', () => {
  it('is the derivative of log-softmax along the change', () => {
    tf.tidy(() => {
      const z = [1, -2, 0.5];
      const dz = [0.3, 1, -2];
      const logSoftmax = (x: readonly number[]) => {
        const norm = Math.log(x.reduce((sum, value) => sum + Math.exp(value), 0));
        return x.map((value) => value - norm);
      };
      const h = 1e-5;
      const at = (t: number) => logSoftmax(z.map((value, v) => value + t * dz[v]!));
      const slope = at(h).map((value, v) => (value - at(-h)[v]!) / (2 * h));
      expectClose(logProbChange(tf.tensor2d([z]), tf.tensor2d([dz])), slope);
    });
  });

  it('is T times the change', () => {
    tf.tidy(() => {
      const z = tf.tensor2d([
        [1, 2, 3],
        [0, -1, 4],
      ]);
      const dz = tf.tensor2d([
        [1, 0, 2],
        [5, 1, -1],
      ]);
      const product = tf.sum(tf.mul(logProbTransform(z), tf.expandDims(dz, 1)), -1);
      expectClose(logProbChange(z, dz), product);
    });
  });

  it('refuses another shape', () => {
    tf.tidy(() => {
      const z = tf.tensor2d([[1, 2]]);
      const change = tf.tensor2d([[1, 2, 3]]);
      expect(messageOf(() => logProbChange(z, change))).toMatchInlineSnapshot(
        `"RangeError: logProbChange: change has shape [1, 3], expected [1, 2] as logits"`,
      );
    });
  });
});

describe('sampleGradient', () => {
  it('is the taken token minus the policy', () => {
    tf.tidy(() => {
      const d = sampleGradient(
        tf.tensor2d([
          [Math.log(3), 0],
          [0, 0],
        ]),
        [1, 0],
      );
      expectClose(
        d,
        tf.tensor2d([
          [-0.75, 0.75],
          [0.5, -0.5],
        ]),
      );
    });
  });

  it('of a single possible token is 0', () => {
    tf.tidy(() => {
      expect(sampleGradient(tf.tensor2d([[7]]), [0]).arraySync()).toEqual([[0]]);
    });
  });

  it('refuses bad tokens', () => {
    tf.tidy(() => {
      const z = tf.tensor2d([[0, 0]]);
      const bad = [[2], [-1], [0.5], [NaN], [0, 1], []];
      const messages = bad.map((tokens) => messageOf(() => sampleGradient(z, tokens)));
      expect(messages).toMatchInlineSnapshot(`
        [
          "RangeError: sampleGradient: tokens[0] is 2, expected a token id in [0, 2)",
          "RangeError: sampleGradient: tokens[0] is -1, expected a token id in [0, 2)",
          "RangeError: sampleGradient: tokens[0] is 0.5, expected a token id in [0, 2)",
          "RangeError: sampleGradient: tokens[0] is NaN, expected a token id in [0, 2)",
          "RangeError: sampleGradient: tokens has 2 entries, expected 1",
          "RangeError: sampleGradient: tokens has 0 entries, expected 1",
        ]
      `);
    });
  });
});

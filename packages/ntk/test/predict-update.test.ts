import { predictUpdate } from '@cfrl/ntk';
import type { PolicyGradientStep, SplitModel } from '@cfrl/ntk';
import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';

import { forAllCases } from './support/cases.js';
import { expectClose, largest, numbers } from './support/close.js';
import { messageOf } from './support/errors.js';
import { reference, tiedModel } from './support/reference.js';

/** `z_v = w_v s x`, two tokens: the policy of the first is `sigmoid((w_0 - w_1) s x)`. */
const twoTokens = (w: readonly [number, number], s: number): SplitModel<number> => ({
  params: { s: tf.scalar(s), w: tf.tensor2d([[w[0]], [w[1]]]) },
  classifier: 'w',
  tied: false,
  features: (params, xs) => tf.mul(params['s']!, tf.tensor2d([...xs], [xs.length, 1])),
});

describe('predictUpdate', () => {
  it('by hand: two tokens, one feature', () => {
    tf.tidy(() => {
      const [w0, w1, s, x, c, rate, weight] = [1, -0.5, 0.8, 1.5, -2, 0.1, 3];
      const p = (at: number) => 1 / (1 + Math.exp(-(w0 - w1) * s * at)); // pi(0 | at)
      const step = {
        samples: [{ context: x, token: 0, weight }],
        learningRate: rate,
        completions: 4,
      };
      const prediction = predictUpdate(twoTokens([w0, w1], s), [c], step);
      // d = (1 - p)[1, -1]; R d = s^2 x c d; G d = W (x c) W^T d = x c (w0 - w1)(1 - p) [w0, w1].
      // T [a, b] = (a - b) [1 - p(c), -p(c)].
      const scale = (rate / 4) * weight * (1 - p(x)) * x * c;
      const T = [1 - p(c), -p(c)];
      const representation = T.map((t) => scale * 2 * s * s * t);
      const gradient = T.map((t) => scale * (w0 - w1) ** 2 * t);
      expectClose(prediction.representation, representation);
      expectClose(prediction.gradient, gradient);
      expectClose(
        prediction.total,
        representation.map((value, v) => value + gradient[v]!),
      );
      expect(prediction.cross).toBeUndefined();
      expect(prediction.crossMirror).toBeUndefined();
    });
  });

  it('is the derivative along the gradient, and its error quarters, against JAX in float64', () => {
    tf.tidy(() => {
      const { contexts, samples, completions, derivative, steps } = reference.tied;
      const model = tiedModel();
      const predict = (learningRate: number) =>
        predictUpdate(model, contexts, { samples, completions, learningRate }).total;
      expectClose(predict(1), tf.tensor2d(derivative));
      const errors = steps.map(({ learningRate, change }) =>
        Math.hypot(...numbers(tf.sub(predict(learningRate), tf.tensor2d(change)))),
      );
      expect(errors.length).toBeGreaterThan(3);
      errors.slice(1).forEach((error, i) => {
        expect(errors[i]! / error).toBeGreaterThan(3.7);
        expect(errors[i]! / error).toBeLessThan(4.3);
      });
    });
  });

  it('with the classifier alone moving is R, with all the rest moving is G', () => {
    forAllCases(
      ({ model, contexts, step }) => {
        const isClassifier = (name: string) => name === model.classifier;
        const { representation, gradient } = predictUpdate(model, contexts, step);
        const head = predictUpdate(model, contexts, step, { select: isClassifier });
        const body = predictUpdate(model, contexts, step, {
          select: (name) => !isClassifier(name),
        });
        expectClose(head.total, representation);
        expect(largest(head.gradient)).toBe(0);
        expectClose(body.total, gradient);
        expect(largest(body.representation)).toBe(0);
      },
      { tied: false },
    );
  });

  it('frees everything but its result', () => {
    const model = twoTokens([1, 2], 1);
    const before = tf.memory().numTensors;
    const samples = [{ context: 1, token: 1, weight: 1 }];
    const result = predictUpdate(model, [1], { samples, learningRate: 1, completions: 1 });
    expect(tf.memory().numTensors).toBe(before + 3);
    tf.dispose([result.total, result.representation, result.gradient]);
    tf.dispose(Object.values(model.params));
  });

  it('refuses bad input, and frees everything then too', () => {
    const model = twoTokens([1, 2], 1);
    const sample = { context: 1, token: 1, weight: 1 };
    const step: PolicyGradientStep<number> = {
      samples: [sample],
      learningRate: 0.1,
      completions: 1,
    };
    const before = tf.memory().numTensors;
    const messages = [
      () => predictUpdate(model, [], step),
      () => predictUpdate(model, [NaN], step),
      () => predictUpdate(model, [1], { ...step, samples: [] }),
      () => predictUpdate(model, [1], { ...step, samples: [{ ...sample, token: 2 }] }),
      () => predictUpdate(model, [1], { ...step, samples: [sample, { ...sample, weight: NaN }] }),
      () => predictUpdate(model, [1], { ...step, samples: [{ ...sample, context: Infinity }] }),
      () => predictUpdate(model, [1], { ...step, learningRate: NaN }),
      () => predictUpdate(model, [1], { ...step, completions: 0 }),
      () => predictUpdate({ ...model, classifier: 'head' }, [1], step),
      () => predictUpdate(model, [1], step, { select: () => false }),
      () => predictUpdate(model, [1], step, { batchSize: 1.5 }),
    ].map(messageOf);
    expect(messages).toMatchInlineSnapshot(`
      [
        "RangeError: predictUpdate: contexts is empty, expected at least one entry",
        "RangeError: predictUpdate: contexts: model.features has NaN or infinite entries, expected finite numbers",
        "RangeError: predictUpdate: samples is empty, expected at least one entry",
        "RangeError: predictUpdate: samples[0].token is 2, expected a token id in [0, 2)",
        "RangeError: predictUpdate: samples[1].weight is NaN, expected a finite number",
        "RangeError: predictUpdate: samples: model.features has NaN or infinite entries, expected finite numbers",
        "RangeError: predictUpdate: learningRate is NaN, expected a finite number",
        "RangeError: predictUpdate: completions is 0, expected a positive integer",
        "RangeError: predictUpdate: model.classifier is 'head', expected one of s, w",
        "RangeError: predictUpdate: select keeps none of s, w, expected at least one",
        "RangeError: predictUpdate: batchSize is 1.5, expected a positive integer",
      ]
    `);
    expect(tf.memory().numTensors).toBe(before);
    tf.dispose(Object.values(model.params));
  });
});

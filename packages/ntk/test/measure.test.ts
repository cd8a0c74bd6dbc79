import { selectParams } from '@cfrl/engine';
import type { Params } from '@cfrl/engine';
import { measureStep, measureUpdate } from '@cfrl/ntk';
import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';

import { forAllCases } from './support/cases.js';
import { expectClose, largest } from './support/close.js';
import { messageOf } from './support/errors.js';
import { reference, tiedModel } from './support/reference.js';

describe('measureUpdate', () => {
  it('takes the step that JAX takes', () => {
    tf.tidy(() => {
      const { contexts, samples, completions, steps } = reference.tied;
      for (const { learningRate, change, entropyChange } of steps) {
        const step = { samples, completions, learningRate };
        const measured = measureUpdate(tiedModel(), contexts, step);
        // A difference of two numbers of order 1, in float32.
        expectClose(measured.change, tf.tensor2d(change), { scale: 1, relative: 3e-6 });
        expectClose(measured.entropyChange, entropyChange, { scale: 1, relative: 3e-6 });
      }
    });
  });

  it('by hand: two tokens and a constant feature', () => {
    tf.tidy(() => {
      const model = {
        params: { head: tf.tensor2d([[0], [0]]) },
        classifier: 'head',
        tied: false,
        features: (_: unknown, xs: readonly number[]) => tf.tensor2d([...xs], [xs.length, 1]),
      };
      const samples = [{ context: 1, token: 0, weight: 2 }];
      const step = { samples, learningRate: 0.3, completions: 1 };
      const { change, entropyChange } = measureUpdate(model, [1, -1], step);
      // W becomes 0.3 * 2 * [1/2, -1/2]: the logits differ by 0.6, and by -0.6 at the context -1.
      const p = 1 / (1 + Math.exp(-0.6));
      const up = Math.log(2 * p);
      const down = Math.log(2 * (1 - p));
      const entropy = -p * Math.log(p) - (1 - p) * Math.log(1 - p) - Math.log(2);
      expectClose(change, [up, down, down, up]);
      expectClose(entropyChange, [entropy, entropy]);
    });
  });

  it('moves only what select keeps: the same as a model that has no other parameters', () => {
    forAllCases(({ model, contexts, step }) => {
      const isClassifier = (name: string) => name === model.classifier;
      const selected = measureUpdate(model, contexts, step, { select: isClassifier });
      const alone = {
        ...model,
        params: selectParams(model.params, isClassifier),
        features: (p: Params, c: typeof contexts) => model.features({ ...model.params, ...p }, c),
      };
      expectClose(measureUpdate(alone, contexts, step).change, selected.change, { scale: 1 });
      const whole = measureUpdate(model, contexts, step).change;
      expect(largest(tf.sub(whole, selected.change))).toBeGreaterThan(0);
    });
  });

  it('refuses bad input', () => {
    tf.tidy(() => {
      const model = tiedModel();
      const sample = { context: [0], token: 0, weight: 1 };
      const step = { samples: [sample], learningRate: 0.1, completions: 1 };
      const messages = [
        () => measureUpdate(model, [], step),
        () => measureUpdate(model, [[0]], { ...step, samples: [{ ...sample, token: 5 }] }),
        () => measureUpdate(model, [[0]], { ...step, learningRate: Infinity }),
        () => measureUpdate(model, [[0]], step, { select: () => false }),
        () => measureStep(model, {}, [[0]]),
        () => measureStep(model, { up: tf.fill([3, 4], 3e38), down: tf.fill([4, 3], 3e38) }, [[0]]),
      ].map(messageOf);
      expect(messages).toMatchInlineSnapshot(`
        [
          "RangeError: measureUpdate: contexts is empty, expected at least one entry",
          "RangeError: measureUpdate: samples[0].token is 5, expected a token id in [0, 5)",
          "RangeError: measureUpdate: learningRate is Infinity, expected a finite number",
          "RangeError: measureUpdate: select keeps none of embedding, up, down, expected at least one",
          "RangeError: measureStep: delta is empty, expected an entry",
          "RangeError: measureStep: contexts: model.features has NaN or infinite entries, expected finite numbers",
        ]
      `);
    });
  });
});

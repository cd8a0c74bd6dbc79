import { attributeEntropyChange, measureUpdate } from '@cfrl/ntk';
import type { SplitModel } from '@cfrl/ntk';
import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';

import { forAllCases } from './support/cases.js';
import { expectClose } from './support/close.js';
import { messageOf } from './support/errors.js';
import { reference, tiedModel } from './support/reference.js';

const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0);

describe('attributeEntropyChange', () => {
  it('by hand: two tokens, the derivative of the binary entropy', () => {
    tf.tidy(() => {
      const [w, s, x, c] = [1.2, 0.7, 1, 2] as const;
      const model: SplitModel<number> = {
        params: { s: tf.scalar(s), w: tf.tensor2d([[w], [0]]) },
        classifier: 'w',
        tied: false,
        features: (params, xs) => tf.mul(params['s']!, tf.tensor2d([...xs], [xs.length, 1])),
      };
      const samples = [
        { context: x, token: 0, weight: 1 },
        { context: x, token: 1, weight: -2 },
      ];
      const step = { samples, learningRate: 0.1, completions: 2 };
      const { bySample, byComponent, byLayer, total } = attributeEntropyChange(model, [c], step);
      // u = z_0 - z_1 = w s c: dH/du = -p (1 - p) u, H the entropy of p = sigmoid(u).
      const p = (at: number) => 1 / (1 + Math.exp(-w * s * at));
      const slope = -p(c) * (1 - p(c)) * w * s * c;
      // d = g [1, -1], g = 1 - p(x) for token 0 and -p(x) for token 1.
      const g = [1 - p(x), -p(x)];
      const weights = [0.05 * 1, 0.05 * -2];
      const ofR = g.map((value, i) => slope * weights[i]! * value * 2 * s * s * x * c);
      const ofG = g.map((value, i) => slope * weights[i]! * value * w * w * x * c);
      expectClose(byComponent.representation!, [sum(ofR)]);
      expectClose(byComponent.gradient!, [sum(ofG)]);
      expectClose(byLayer['w']!, [sum(ofR)]);
      expectClose(byLayer['s']!, [sum(ofG)]);
      expectClose(
        bySample[0]!,
        ofR.map((value, i) => value + ofG[i]!),
      );
      expectClose(total, [sum(ofR) + sum(ofG)]);
    });
  });

  it('every view sums to the total, and layers can be grouped', () => {
    forAllCases(({ model, contexts, step }) => {
      const layerOf = (name: string) => name.split('.')[0]!;
      const { total, byComponent, byLayer, bySample, contributions } = attributeEntropyChange(
        model,
        contexts,
        step,
        { layerOf },
      );
      expect(Object.keys(byLayer).sort()).toEqual(model.tied ? ['model'] : ['lm_head', 'model']);
      total.forEach((value, n) => {
        const at = (views: readonly (readonly number[])[]) => sum(views.map((view) => view[n]!));
        const scale = Math.max(
          ...contributions.flatMap(({ change }) => change.flat().map(Math.abs)),
        );
        const wanted = { scale, relative: 1e-12 }; // float64 sums
        expectClose([at(Object.values(byComponent))], [value], wanted);
        expectClose([at(Object.values(byLayer))], [value], wanted);
        expectClose([sum(bySample[n]!)], [value], wanted);
        expectClose([at(contributions.map(({ change }) => change.map(sum)))], [value], wanted);
      });
    });
  });

  it("the residual against JAX's measured change is of second order", () => {
    tf.tidy(() => {
      const { contexts, samples, completions, steps } = reference.tied;
      const residuals = steps.map(({ learningRate, entropyChange }) => {
        const step = { samples, completions, learningRate };
        const measured = entropyChange;
        const { residual, total } = attributeEntropyChange(tiedModel(), contexts, step, {
          measured,
        });
        residual!.forEach((value, n) => {
          expect(value).toBe(measured[n]! - total[n]!);
        });
        return Math.hypot(...residual!);
      });
      residuals.slice(1).forEach((residual, i) => {
        expect(residuals[i]! / residual).toBeGreaterThan(3.6);
        expect(residuals[i]! / residual).toBeLessThan(4.4);
      });
    });
  });

  it('leaves out what select does not move', () => {
    forAllCases(({ model, contexts, step }) => {
      const select = (name: string) => name !== model.classifier;
      const { byComponent, byLayer, residual } = attributeEntropyChange(model, contexts, step, {
        select,
      });
      expect(Object.keys(byComponent)).toEqual(['gradient']);
      expect(Object.keys(byLayer)).not.toContain(model.classifier);
      expect(residual).toBeUndefined();
    });
  });

  it('of a uniform policy is 0: the entropy is at its maximum', () => {
    tf.tidy(() => {
      const model = tiedModel();
      const uniform = { ...model, params: { ...model.params, embedding: tf.zeros([5, 3]) } };
      const samples = [{ context: [0], token: 1, weight: 1 }];
      const step = { samples, learningRate: 1, completions: 1 };
      const { total } = attributeEntropyChange(uniform, [[0], [1, 2]], step);
      expectClose(total, [0, 0]);
    });
  });

  it('refuses bad input', () => {
    tf.tidy(() => {
      const model = tiedModel();
      const sample = { context: [0], token: 0, weight: 1 };
      const step = { samples: [sample], learningRate: 0.1, completions: 1 };
      const { entropyChange } = measureUpdate(model, [[0]], step);
      const messages = [
        () => attributeEntropyChange(model, [[0], [1]], step, { measured: entropyChange }),
        () => attributeEntropyChange(model, [[0]], step, { measured: [NaN] }),
        () => attributeEntropyChange(model, [], step),
        () => attributeEntropyChange({ ...model, tied: false }, [[0]], step),
        () =>
          attributeEntropyChange(model, [[0]], { ...step, samples: [{ ...sample, token: -1 }] }),
        () => attributeEntropyChange(model, [[0]], step, { maxBytes: 0 }),
      ].map(messageOf);
      expect(messages).toMatchInlineSnapshot(`
        [
          "RangeError: attributeEntropyChange: measured has 1 entries, expected 2 (contexts)",
          "RangeError: attributeEntropyChange: measured[0] is NaN, expected a finite number",
          "RangeError: attributeEntropyChange: contexts is empty, expected at least one entry",
          "RangeError: attributeEntropyChange: model.tied is false, but the features depend on 'embedding'; set tied to true, or untie the model",
          "RangeError: attributeEntropyChange: samples[0].token is -1, expected a token id in [0, 5)",
          "RangeError: attributeEntropyChange: maxBytes is 0, expected at least 312 (two gradients of 39 float32 numbers)",
        ]
      `);
    });
  });
});

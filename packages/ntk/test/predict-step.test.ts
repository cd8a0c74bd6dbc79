import { mapParams, randomNormal, rng } from '@cfrl/engine';
import { measureStep, predictStep } from '@cfrl/ntk';
import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';

import { forAllCases } from './support/cases.js';
import { expectClose, largest, numbers } from './support/close.js';
import { messageOf } from './support/errors.js';
import { tinyModel } from './support/models.js';
import { expectQuarters, halving } from './support/second-order.js';

const shape = { kind: 'mlp', tied: false, vocabulary: 3, width: 2, hidden: 2 } as const;

describe('predictStep', () => {
  it('predicts any step to second order: half the step, a quarter of the error', () => {
    const ratios: number[] = [];
    forAllCases(({ model, contexts }) => {
      const direction = mapParams(model.params, (p) => randomNormal(rng(5), p.shape));
      const unit = largest(predictStep(model, direction, contexts).total);
      const error = (size: number) => {
        const delta = mapParams(direction, (p) => tf.mul(p, size / unit));
        const predicted = predictStep(model, delta, contexts).total;
        return numbers(tf.sub(measureStep(model, delta, contexts).change, predicted));
      };
      ratios.push(halving(error, 0.02));
    });
    expectQuarters(ratios);
  });

  it('splits by path: a step of the classifier, a step of the features, both', () => {
    forAllCases(
      ({ model, contexts }) => {
        const delta = mapParams(model.params, (p) => randomNormal(rng(6), p.shape, 0.1));
        const { [model.classifier]: own, ...rest } = delta;
        const both = predictStep(model, delta, contexts);
        const head = predictStep(model, { [model.classifier]: own! }, contexts);
        const body = predictStep(model, rest, contexts);
        expectClose(head.total, both.classifier);
        expect(largest(head.features)).toBe(0);
        expectClose(body.total, both.features);
        expect(largest(body.classifier)).toBe(0);
      },
      { tied: false },
    );
  });

  it('of no change is no change', () => {
    forAllCases(({ model, contexts }) => {
      const delta = mapParams(model.params, (p) => tf.zerosLike(p));
      expect(largest(predictStep(model, delta, contexts).total)).toBe(0);
      expect(largest(measureStep(model, delta, contexts).change)).toBe(0);
    });
  });

  it('refuses a step that does not fit the model', () => {
    tf.tidy(() => {
      const model = tinyModel(shape, 1);
      const delta = (name: string, value: tf.Tensor) => ({ [name]: value });
      const head = model.classifier;
      const steps = [
        {},
        delta('nowhere', tf.zeros([1])),
        delta(head, tf.zeros([2, 3])),
        delta(head, tf.fill([3, 2], NaN)),
      ];
      const messages = steps.map((step) => messageOf(() => predictStep(model, step, [[0]])));
      expect(messages).toMatchInlineSnapshot(`
        [
          "RangeError: predictStep: delta is empty, expected an entry",
          "RangeError: predictStep: delta has 'nowhere', expected only model.embed_tokens.weight, model.up.weight, model.up.bias, model.down.weight, model.down.bias, lm_head.weight; of a model with adapters these are the merged weights: splitModel(model) of the model after the step has them",
          "RangeError: predictStep: delta 'lm_head.weight' has shape [2, 3], expected [3, 2] as its parameter",
          "RangeError: predictStep: delta 'lm_head.weight' has NaN or infinite entries, expected finite numbers",
        ]
      `);
      const measured = steps.map((step) => messageOf(() => measureStep(model, step, [[0]])));
      expect(measured).toEqual(
        messages.map((message) => message.replace('predictStep', 'measureStep')),
      );
    });
  });
});

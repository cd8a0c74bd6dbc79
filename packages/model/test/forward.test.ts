import { gatherLogProbs, maskedMean, valueAndGrad } from '@cfrl/engine';
import type { Params } from '@cfrl/engine';
import { forward } from '@cfrl/model';
import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';

import { FIXTURES, loadFixture, onReal, relativeError } from './fixture.js';

describe.each(FIXTURES)('forward, %s', (name) => {
  it.each(['none', 'right', 'left'] as const)('equals transformers, padding %s', (padding) => {
    const fixture = loadFixture(name);
    tf.tidy(() => {
      const { tokens, attentionMask, logits, features } = fixture.batch(padding);
      const input = padding === 'none' ? { tokens } : { tokens, attentionMask };
      const ours = forward(fixture.params, fixture.config, input);
      expect(ours.logits.shape).toEqual(logits.shape);
      expect(ours.features.shape).toEqual(features.shape);
      for (const key of ['logits', 'features'] as const) {
        const [actual, expected] = [ours[key], { logits, features }[key]];
        expect(
          relativeError(onReal(actual, attentionMask), onReal(expected, attentionMask)),
          key,
        ).toBeLessThan(1e-5);
        expect(actual.dataSync().every(Number.isFinite)).toBe(true);
      }
    });
    fixture.dispose();
  });

  it('has the gradients of transformers', () => {
    const fixture = loadFixture(name);
    tf.tidy(() => {
      const { tokens, attentionMask } = fixture.batch('left');
      const time = tokens.shape[1];
      const part = (x: tf.Tensor2D, from: number): tf.Tensor2D =>
        tf.slice(x, [0, from], [-1, time - 1]);
      const loss = (params: Params): tf.Scalar => {
        const { logits } = forward(params, fixture.config, { tokens, attentionMask });
        const before = tf.slice(logits, [0, 0, 0], [-1, time - 1, -1]);
        const logProbs = gatherLogProbs(before, part(tokens, 1));
        const both = tf.mul(part(attentionMask, 0), part(attentionMask, 1));
        return tf.neg(maskedMean(logProbs, both));
      };
      const { value, grads } = valueAndGrad(loss)(fixture.params);
      expect(value.dataSync()[0]).toBeCloseTo(fixture.loss, 4);
      expect(Object.keys(fixture.gradients).length).toBeGreaterThan(5);
      for (const [parameter, expected] of Object.entries(fixture.gradients)) {
        expect(relativeError(grads[parameter]!, expected), parameter).toBeLessThan(1e-4);
      }
    });
    fixture.dispose();
  });
});

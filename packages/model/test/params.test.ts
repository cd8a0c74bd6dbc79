import { countParams, disposeParams } from '@cfrl/engine';
import {
  CLASSIFIER,
  body,
  classifier,
  forward,
  initParams,
  modelConfig,
  paramShapes,
  untie,
} from '@cfrl/model';
import * as tf from '@tensorflow/tfjs-core';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { configs, matrix, randomParams } from './arbitrary.js';
import { FIXTURES, loadFixture } from './fixture.js';

const config = modelConfig({
  architecture: 'gpt2',
  vocabSize: 50,
  hiddenSize: 32,
  layers: 3,
  heads: 4,
  maxPositions: 20,
  initializerRange: 0.1,
});

const std = (x: tf.Tensor): number => tf.tidy(() => tf.sqrt(tf.mean(tf.square(x))).dataSync()[0]!);

describe('paramShapes', () => {
  it.each(FIXTURES)('has the names and shapes of transformers, %s', (name) => {
    const fixture = loadFixture(name);
    const shapes = Object.entries(fixture.params).map(([key, { shape }]) => [key, shape]);
    expect(paramShapes(fixture.config)).toEqual(Object.fromEntries(shapes));
    fixture.dispose();
  });

  it('counts to the formula of GPT-2', () => {
    const params = initParams(config, 0);
    const [V, D, L, P] = [50, 32, 3, 20];
    expect(countParams(params)).toBe(2 * V * D + P * D + L * (12 * D * D + 13 * D) + 2 * D);
    disposeParams(params);
  });
});

describe('initParams', () => {
  it('draws weights of the given spread, the residual ones smaller, gains 1 and biases 0', () => {
    const params = initParams(config, 1);
    const expectStd = (name: string, expected: number): void => {
      const tensor = params[name]!;
      // the standard error of a standard deviation is s / sqrt(2 n)
      const error = Math.abs(std(tensor) - expected) / (expected / Math.sqrt(2 * tensor.size));
      expect(error, name).toBeLessThan(5);
    };
    for (const name of ['transformer.wte.weight', 'transformer.h.1.mlp.c_fc.weight', CLASSIFIER]) {
      expectStd(name, 0.1);
    }
    expectStd('transformer.h.2.attn.c_proj.weight', 0.1 / Math.sqrt(6));
    expectStd('transformer.h.0.mlp.c_proj.weight', 0.1 / Math.sqrt(6));
    expect(new Set(params['transformer.ln_f.weight']!.dataSync())).toEqual(new Set([1]));
    expect(new Set(params['transformer.h.0.mlp.c_fc.bias']!.dataSync())).toEqual(new Set([0]));
    disposeParams(params);
  });

  it('gives each parameter its own stream, whatever the other parameters', () => {
    const deep = initParams({ ...config, tiedEmbeddings: true }, 1);
    const shallow = initParams({ ...config, layers: 1 }, 1);
    const name = 'transformer.h.0.mlp.c_fc.weight';
    expect(deep[name]!.dataSync()).toEqual(shallow[name]!.dataSync());
    const other = deep['transformer.h.1.mlp.c_fc.weight']!;
    expect(other.dataSync()).not.toEqual(deep[name]!.dataSync());
    const reseeded = initParams(config, 2);
    expect(reseeded[name]!.dataSync()).not.toEqual(deep[name]!.dataSync());
    [deep, shallow, reseeded].forEach(disposeParams);
  });

  it('refuses an invalid seed or configuration', () => {
    expect(() => initParams(config, -1)).toThrow('initParams: seed is -1');
    expect(() => initParams({ ...config, heads: 5 }, 0)).toThrow(
      'validateConfig: hiddenSize is 32',
    );
  });
});

describe('untie', () => {
  it('keeps logits and features, and makes the classifier a parameter of its own', () => {
    fc.assert(
      fc.property(configs(), fc.nat(), (drawn, seed) => {
        tf.tidy(() => {
          const tied = { ...drawn, tiedEmbeddings: true };
          const params = randomParams(tied, seed);
          const model = untie({ config: tied, params });
          expect(model.config).toEqual({ ...tied, tiedEmbeddings: false });
          const tokens = matrix([[0, 1, 2]]);
          const before = forward(params, tied, { tokens });
          const after = forward(model.params, model.config, { tokens });
          for (const key of ['logits', 'features'] as const) {
            expect(after[key].dataSync()).toEqual(before[key].dataSync());
          }
          const scaled = { ...model.params, [CLASSIFIER]: tf.mul(model.params[CLASSIFIER]!, 2) };
          const moved = forward(scaled, model.config, { tokens });
          expect(moved.features.dataSync()).toEqual(before.features.dataSync());
          expect(moved.logits.dataSync()).toEqual(tf.mul(before.logits, 2).dataSync());
        });
      }),
      { numRuns: 10 },
    );
  });

  it('gives a model that outlives the one it came from, and copies an untied one', () => {
    const params = initParams(config, 0);
    const copy = untie({ config, params, note: 'kept' });
    expect(copy.note).toBe('kept');
    expect(Object.keys(copy.params)).toEqual(Object.keys(params));
    const values = params[CLASSIFIER]!.dataSync();
    disposeParams(params);
    expect(copy.params[CLASSIFIER]!.dataSync()).toEqual(values);
    disposeParams(copy.params);
  });

  it('refuses parameters of another model', () => {
    expect(() => untie({ config, params: {} })).toThrow(
      "untie: params lacks the config's parameters",
    );
  });
});

describe('classifier and body', () => {
  it('part the parameters in two', () => {
    const params = initParams(config, 0);
    expect({ ...body(params), ...classifier(params) }).toEqual(params);
    expect(Object.keys(classifier(params))).toEqual([CLASSIFIER]);
    expect(Object.keys(body(params))).not.toContain(CLASSIFIER);
    disposeParams(params);
  });

  it('refuse a tied model and say what to do', () => {
    const params = initParams({ ...config, tiedEmbeddings: true }, 0);
    const message =
      "params has no 'lm_head.weight', expected an untied model; make the classifier its own parameter with untie({ config, params })";
    expect(() => classifier(params)).toThrow(`classifier: ${message}`);
    expect(() => body(params)).toThrow(`body: ${message}`);
    disposeParams(params);
  });
});

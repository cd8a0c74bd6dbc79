import { disposeParams, mapParams, randomInt, rng } from '@cfrl/engine';
import type { LanguageModel } from '@cfrl/model';
import {
  type SequenceStep,
  entropyFunctional,
  logProbFunctional,
  sequenceStepDelta,
  stepCounterfactuals,
} from '@cfrl/ntk';
import { sequenceModel } from '@cfrl/recipes';
import { expectClose } from '@cfrl/testkit';
import * as tf from '@tensorflow/tfjs-core';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { tinyModel } from './support/model.js';

const source = rng(1);
const draw = (): number[] => Array.from({ length: 6 }, () => randomInt(source, 10));
const contexts = Array.from({ length: 4 }, () => ({ tokens: draw(), positions: [1, 2, 4] }));
/** Eight completions of three tokens, half of them reinforced and half of them discouraged. */
const step = (learningRate: number): SequenceStep => ({
  sequences: samples.map((tokens, i) => ({
    tokens,
    positions: [2, 3, 4],
    weights: [0, 1, 2].map(() => (i % 2 === 0 ? 1 : -1) * (1 + i / 4)),
  })),
  learningRate,
  completions: 8,
});
const samples = Array.from({ length: 8 }, draw);

const models: readonly (readonly [string, () => LanguageModel])[] = [
  ['llama', () => tinyModel(3, { layers: 2 })],
  ['gpt2, tied', () => tinyModel(3, { architecture: 'gpt2', layers: 2, tiedEmbeddings: true })],
];

describe('counterfactuals of a step', () => {
  beforeEach(() => tf.engine().startScope());
  afterEach(() => tf.engine().endScope());

  it.each(models)('of a small step are ranked as they were attributed: %s', async (_, make) => {
    const model = sequenceModel(make());
    for (const functional of [entropyFunctional(), logProbFunctional()]) {
      const before = tf.memory().numTensors;
      const tried = await stepCounterfactuals(model, contexts, step(0.001), functional);
      expect(tf.memory().numTensors).toBe(before);
      const { samples: bySample, layers, components, cosine } = tried;
      expect(bySample.leftOut).toEqual(['0', '1', '2', '3', '4', '5', '6', '7']);
      for (const { rankCorrelation } of [bySample, layers, ...(components ? [components] : [])]) {
        expect(rankCorrelation).toBeGreaterThan(0.95);
      }
      expect(bySample.meanByContext).toBeGreaterThan(0.95);
      expect(cosine.rankCorrelation).toBeLessThan(bySample.rankCorrelation!);
      expect(components === undefined).toBe(model.tied);
    }
  });

  it('measures what a step without the sample, or without the layer, would have done', async () => {
    const model = sequenceModel(tinyModel(3, { layers: 2 }));
    const given = step(0.05);
    const functional = entropyFunctional();
    const { samples: bySample, layers } = await stepCounterfactuals(
      model,
      [{ tokens: [1, 2, 3], positions: [2] }],
      given,
      functional,
    );
    const entropyAfter = (delta: Record<string, tf.Tensor>): number => {
      const params = mapParams(model.params, (x, name) =>
        delta[name] === undefined ? x : tf.add(x, delta[name]),
      );
      const tokens = tf.tensor2d([[1, 2, 3]], undefined, 'int32');
      const phi = model.features(params, { tokens, attentionMask: tf.onesLike(tokens) });
      const last = tf.reshape(tf.slice(phi, [0, 2, 0], [1, 1, -1]), [1, -1]) as tf.Tensor2D;
      return functional.values(model.logits(params, last), tf.tensor1d([-1], 'int32')).dataSync()[0]!; // prettier-ignore
    };
    const full = { ...sequenceStepDelta(model, given) };
    const without = sequenceStepDelta(model, { ...given, sequences: given.sequences.slice(1) });
    const body = Object.fromEntries(
      Object.entries(full).filter(([name]) => !name.includes('layers.1.')),
    );
    const whole = entropyAfter(full);
    const at = layers.leftOut.indexOf('layers.1');
    expectClose([bySample.measured[0]![0]!], [whole - entropyAfter({ ...without })], {
      atol: 1e-6,
    });
    expectClose([layers.measured[0]![at]!], [whole - entropyAfter(body)], { atol: 1e-6 });
    disposeParams(without);
  });

  it('falls with the size of the step, and holds over five small ones', async () => {
    const model = sequenceModel(tinyModel(3, { layers: 2 }));
    const at = async (learningRate: number, steps = 1) => {
      const few = contexts.slice(0, 2);
      const { samples: ofSamples } = await stepCounterfactuals(model, few, step(learningRate), entropyFunctional(), { steps }); // prettier-ignore
      return ofSamples.rankCorrelation!;
    };
    expect(await at(0.1)).toBeLessThan((await at(0.001)) - 0.02);
    expect(await at(0.0005, 5)).toBeGreaterThan(0.95);
  });
});

import { countParams, selectParams } from '@cfrl/engine';
import { type Architecture, type LanguageModel, CLASSIFIER, forward } from '@cfrl/model';
import {
  type Sequence,
  assemble,
  decompose,
  empiricalNtk,
  explainCost,
  kindOfParam,
  layerNtk,
  layerOfParam,
  underClassifier,
} from '@cfrl/ntk';
import { sequenceModel, splitModel } from '@cfrl/recipes';
import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';

import { tinyModel } from './support/model.js';

const kinds: readonly { architecture: Architecture; tiedEmbeddings: boolean; layers: number }[] = [
  { architecture: 'gpt2', tiedEmbeddings: false, layers: 2 },
  { architecture: 'gpt2', tiedEmbeddings: true, layers: 1 },
  { architecture: 'llama', tiedEmbeddings: true, layers: 2 },
  { architecture: 'qwen3', tiedEmbeddings: false, layers: 1 },
  { architecture: 'gemma', tiedEmbeddings: true, layers: 1 },
];

const rows = [
  [1, 10, 2, 3],
  [3, 0, 4, 4],
  [5, 1, 1, 9],
];

/** Logits after the last token. */
const lastLogits =
  ({ config }: LanguageModel) =>
  (params: LanguageModel['params'], list: readonly (readonly number[])[]): tf.Tensor2D =>
    tf.tidy(() => {
      const tokens = tf.tensor2d(list as number[][], undefined, 'int32');
      const { logits } = forward(params, config, { tokens });
      const [B, T, V] = logits.shape;
      return tf.reshape(tf.slice(logits, [0, T - 1, 0], [B, 1, V]), [B, V]);
    });

const sequences: Sequence[] = [
  { tokens: [1, 10, 2, 3], positions: [0, 2, 3] },
  { tokens: [4, 5], positions: [1] },
];
const contexts = [[1], [1, 10, 2], [1, 10, 2, 3], [4, 5]];

/** Equal in the Frobenius norm, within rounding of float32. */
function expectSame(actual: tf.Tensor, expected: tf.Tensor): void {
  expect(actual.shape).toEqual(expected.shape);
  const [distance, norm] = [tf.sub(actual, expected), expected].map(
    (x) => tf.norm(x).dataSync()[0]!,
  );
  expect(norm).toBeGreaterThan(0);
  expect(distance! / norm!).toBeLessThan(2e-5);
}

describe.each(kinds)('$architecture, tied $tiedEmbeddings', (kind) => {
  const within = (property: (model: LanguageModel) => void): void =>
    tf.tidy(() => property(tinyModel(3, kind)));

  it('has no parameter whose uses are not known, and the structured kernel equals the reference', () => {
    within((model) => {
      const apply = lastLogits(model);
      expect(explainCost(apply, model.params, rows).fallback).toEqual([]);
      const expected = layerNtk(apply, model.params, rows, undefined, { method: 'jacobian' });
      const actual = layerNtk(apply, model.params, rows, undefined, { method: 'structured' });
      // Behind one another, so that what is nearly 0 counts by what it is added to.
      const names = Object.keys(expected);
      const all = (kernels: typeof expected) => tf.stack(names.map((name) => kernels[name]!));
      expectSame(all(actual), all(expected));
    });
  });

  it('splits by uses as by gradients, and adds up to the kernel of the logits', () => {
    within((model) => {
      const split = splitModel(model);
      const W = split.params[split.classifier] as tf.Tensor2D;
      for (const other of [undefined, contexts.slice(1)]) {
        const expected = decompose(split, contexts, other, { method: 'jacobian' });
        const actual = decompose(split, contexts, other, { method: 'structured' });
        expectSame(actual.gradientKernel, expected.gradientKernel);
        if (model.config.tiedEmbeddings) {
          expectSame(actual.cross!.factor, expected.cross!.factor);
          expectSame(actual.cross!.mirrorFactor, expected.cross!.mirrorFactor);
        }
        if (other !== undefined) continue;
        const same = decompose(split, rows, undefined, { method: 'structured' });
        const { ntk } = assemble(same, W);
        expectSame(ntk, empiricalNtk(lastLogits(model), model.params, rows));
      }
    });
  });

  it('is the same on positions of sequences as on the contexts that end there', () => {
    within((model) => {
      const whole = sequenceModel(model);
      const actual = decompose(whole, sequences, undefined, { layerOf: layerOfParam });
      const expected = decompose(splitModel(model), contexts, undefined, { method: 'jacobian' });
      expectSame(actual.representationKernel, expected.representationKernel);
      expectSame(actual.gradientKernel, expected.gradientKernel);
      if (model.config.tiedEmbeddings) expectSame(actual.cross!.factor, expected.cross!.factor);
      const two = decompose(whole, sequences, sequences.slice(1));
      expectSame(two.gradientNorm, tf.slice(expected.gradientNorm, [0, 3], [-1, 1]));
    });
  });

  it('tells layers and kinds of parameters apart, which add up', () => {
    within((model) => {
      const split = splitModel(model);
      for (const layerOf of [layerOfParam, kindOfParam]) {
        const { layers, gradientKernel, gradientTrace } = decompose(split, contexts, undefined, {
          layerOf,
        });
        const parts = Object.values(layers!);
        expectSame(tf.addN(parts.map((part) => part.gradientKernel)), gradientKernel);
        expectSame(tf.addN(parts.map((part) => part.gradientTrace)), gradientTrace);
        for (const [layer, part] of Object.entries(layers!)) {
          const select = (name: string) => layerOf(name) === layer && name !== CLASSIFIER;
          if (countParams(selectParams(split.params, select)) === 0) continue;
          const alone = decompose(split, contexts, undefined, { select, method: 'jacobian' });
          expectSame(part.gradientKernel, alone.gradientKernel);
          expectSame(part.gradientNorm, alone.gradientNorm);
        }
      }
    });
  });

  it('has another G under another classifier, on the same features', () => {
    within((model) => {
      const split = splitModel({ ...model, config: { ...model.config, tiedEmbeddings: false }, params: { ...model.params, [CLASSIFIER]: tf.clone(model.params[splitModel(model).classifier]!) } }); // prettier-ignore
      const other = tf.randomNormal<tf.Rank.R2>(split.params[CLASSIFIER]!.shape as [number, number], 0, 1, 'float32', 3) as tf.Tensor2D; // prettier-ignore
      const shaped = { ...split, params: { ...split.params, [CLASSIFIER]: other } };
      const expected = decompose(shaped, contexts);
      const actual = underClassifier(decompose(split, contexts), other);
      expectSame(actual.gradientNorm, expected.gradientNorm);
      expectSame(actual.gradientTrace, expected.gradientTrace);
    });
  });
});

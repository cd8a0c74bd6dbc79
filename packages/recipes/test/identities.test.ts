import { disposeParams } from '@cfrl/engine';
import { CLASSIFIER, type LanguageModel, forward, untie } from '@cfrl/model';
import { assemble, decompose, empiricalNtk, measureUpdate, predictUpdate } from '@cfrl/ntk';
import { type Context, splitModel } from '@cfrl/recipes';
import { expectClose } from '@cfrl/testkit';
import * as tf from '@tensorflow/tfjs-core';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { tinyModel } from './support/model.js';

// The identities hold for any network (packages/ntk tests them so); here for the real decoders, the
// kernel taken from the whole forward pass, which knows nothing of the decomposition.

const contexts = fc.array(fc.array(fc.nat(11), { minLength: 1, maxLength: 6 }), {
  minLength: 2,
  maxLength: 3,
});
const models = fc.record({
  seed: fc.nat(1000),
  // One of each kind: learned positions, rotary ones, parallel parts with scaled logits.
  architecture: fc.constantFrom('llama' as const, 'gpt2' as const, 'cohere' as const),
});

const variationOf = (architecture: string) =>
  architecture === 'cohere' ? { logitScale: 0.3 } : {};

/** Logits at the last token of each context, from the forward pass, one context at a time. */
const lastLogits =
  ({ config }: LanguageModel) =>
  (params: LanguageModel['params'], list: readonly Context[]): tf.Tensor2D =>
    tf.tidy(() =>
      tf.concat(
        list.map((context) => {
          const tokens = tf.tensor2d([...context], [1, context.length], 'int32');
          const { logits } = forward(params, config, { tokens });
          return tf.reshape(tf.slice(logits, [0, context.length - 1, 0], [1, 1, -1]), [1, -1]);
        }),
      ),
    ) as tf.Tensor2D;

const largest = (x: tf.Tensor): number => tf.tidy(() => tf.max(tf.abs(x)).dataSync()[0]!);

describe('K = R + G on the decoders', () => {
  it('holds for the sum of the parts, and R is the share of the classifier', () => {
    fc.assert(
      fc.property(models, contexts, ({ seed, architecture }, list) => {
        const model = tinyModel(seed, { architecture, ...variationOf(architecture) });
        tf.tidy(() => {
          const apply = lastLogits(model);
          const split = splitModel(model);
          const W = model.params[CLASSIFIER] as tf.Tensor2D;
          const { ntk: total, representation, gradient } = assemble(decompose(split, list), W);
          const K = empiricalNtk(apply, model.params, list);
          const ofClassifier = empiricalNtk(apply, model.params, list, undefined, {
            select: (name) => name === CLASSIFIER,
          });
          const ofBody = empiricalNtk(apply, model.params, list, undefined, {
            select: (name) => name !== CLASSIFIER,
          });
          const atol = 2e-5 * largest(K);
          expectClose(total.dataSync(), K.dataSync(), { atol, rtol: 1e-4 });
          expectClose(representation.dataSync(), ofClassifier.dataSync(), { atol, rtol: 1e-4 });
          expectClose(gradient.dataSync(), ofBody.dataSync(), { atol, rtol: 1e-4 });
        });
        disposeParams(model.params);
      }),
      { numRuns: 6 },
    );
  });

  it('is refused where the logits have a cap', () => {
    const model = tinyModel(0, { architecture: 'gemma2', logitSoftCap: 30 });
    expect(() => splitModel(model)).toThrow(
      'splitModel: config.logitSoftCap is 30, expected none: the kernel splits for logits',
    );
    disposeParams(model.params);
  });

  it("has cross terms where embeddings are tied: R + G + C + C' = K", () => {
    fc.assert(
      fc.property(models, contexts, ({ seed, architecture }, list) => {
        const model = tinyModel(seed, {
          ...{ architecture, tiedEmbeddings: true, ...variationOf(architecture) },
        });
        tf.tidy(() => {
          const split = splitModel(model);
          const W = model.params[split.classifier] as tf.Tensor2D;
          const { ntk: total } = assemble(decompose(split, list), W);
          const K = empiricalNtk(lastLogits(model), model.params, list);
          expectClose(total.dataSync(), K.dataSync(), { atol: 2e-5 * largest(K), rtol: 1e-4 });
        });
        disposeParams(model.params);
      }),
      { numRuns: 4 },
    );
  });

  it('loses its cross terms, and nothing else, when the model is untied', () => {
    const tied = tinyModel(4, { tiedEmbeddings: true });
    const untied = untie(tied);
    tf.tidy(() => {
      const list = [[1, 10, 2, 11], [3]];
      const one = splitModel(tied);
      const two = splitModel({ ...tied, ...untied });
      const a = decompose(one, list);
      const b = decompose(two, list);
      expectClose(a.representationKernel.arraySync(), b.representationKernel.arraySync());
      expectClose(a.gradientNorm.arraySync(), b.gradientNorm.arraySync(), { rtol: 1e-4 });
      expect(a.cross).toBeDefined();
      expect(b.cross).toBeUndefined();
    });
    const shared = new Set(Object.values(tied.params));
    for (const tensor of Object.values(untied.params)) if (!shared.has(tensor)) tensor.dispose();
    disposeParams(tied.params);
  });
});

describe('the predicted change of log-probabilities', () => {
  it('is that of a real step up to an error that falls to a quarter when the step is halved', () => {
    const model = tinyModel(7);
    const split = splitModel(model);
    const list: Context[] = [[1, 10, 2, 11], [5, 10, 5, 11], [7]];
    const samples = list.map((context, i) => ({ context, token: i + 2, weight: i === 1 ? -1 : 1 }));
    const error = (learningRate: number): number => {
      const step = { samples, learningRate, completions: list.length };
      const measured = measureUpdate(split, list, step);
      const predicted = predictUpdate(split, list, step);
      const difference = tf.tidy(() => largest(tf.sub(measured.change, predicted.total)));
      tf.dispose([measured.change, ...Object.values(predicted)] as tf.Tensor[]);
      return difference;
    };
    const ratio = error(0.04) / error(0.02);
    expect(ratio).toBeGreaterThan(3);
    expect(ratio).toBeLessThan(5);
    disposeParams(model.params);
  });
});

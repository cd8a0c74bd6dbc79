import { disposeParams, mapParams, showValue } from '@cfrl/engine';
import type { Params } from '@cfrl/engine';
import { attributeEntropyChange, decompose, entropyChange, toSamples } from '@cfrl/ntk';
import type { SplitModel } from '@cfrl/ntk';
import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';

import { expectClose } from './support/close.js';
import { messageOf } from './support/errors.js';
import { tinyModel, type Context } from './support/models.js';

const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0);
const contexts: readonly Context[] = [[0, 1], [2], [1, 1, 0]];

/** A model far from uniform, and the parameters after a step that sharpens it: every part grows by 0.2 %. */
function stepped(tied: boolean): { model: SplitModel<Context>; after: Params } {
  const shape = { kind: 'mlp', tied, vocabulary: 4, width: 3, hidden: 3 } as const;
  const plain = tinyModel(shape, 7);
  const grown = (params: Params, factor: number): Params =>
    mapParams(params, (value) => tf.mul(value, factor));
  const params = grown(plain.params, 1.5);
  disposeParams(plain.params);
  return { model: { ...plain, params }, after: grown(params, 1.002) };
}

const pick = (params: Params, keep: (name: string) => boolean): Params =>
  Object.fromEntries(Object.entries(params).filter(([name]) => keep(name)));

describe('entropyChange', () => {
  it('each part is the change that moving that part alone makes, within 2 %', () => {
    tf.tidy(() => {
      const { model, after } = stepped(false);
      const isHead = (name: string) => name === model.classifier;
      const whole = entropyChange(model, after, contexts);
      const head = entropyChange(model, pick(after, isHead), contexts);
      const body = entropyChange(
        model,
        pick(after, (name) => !isHead(name)),
        contexts,
      );
      expect([head.body, body.classifier]).toEqual([0, 0]);
      for (const [part, measured] of [
        [whole.classifier, head.measured],
        [whole.body, body.measured],
        [whole.predicted, whole.measured],
      ] as const) {
        expect(Math.abs(measured)).toBeGreaterThan(1e-5);
        expect(Math.abs(part / measured - 1)).toBeLessThan(0.02);
      }
      expect(Math.abs(whole.classifier / whole.body - 1)).toBeGreaterThan(0.1); // not alike: a swap shows
      expect(whole.predicted).toBe(whole.classifier + whole.body);
      expect(whole.residual).toBe(whole.measured - whole.predicted);
    });
  });

  it('of a tied model has W in both parts: as classifier and as embedding', () => {
    tf.tidy(() => {
      const { model, after } = stepped(true);
      const moved = pick(after, (name) => name === model.classifier);
      const { classifier, body, predicted, measured } = entropyChange(model, moved, contexts);
      expect(Math.abs(predicted / measured - 1)).toBeLessThan(0.02);
      // As classifier alone: an untied model with the same numbers, whose embedding stays.
      const embedding = model.params[model.classifier]!;
      const untied = {
        params: { ...model.params, head: tf.clone(embedding) }, // a tensor of its own
        classifier: 'head',
        tied: false,
        features: (params: Params, list: readonly Context[]) => model.features(params, list),
      };
      const after2 = { head: moved[model.classifier]! };
      const alone = entropyChange(untied, after2, contexts);
      expectClose([classifier], [alone.classifier]);
      const asEmbedding = entropyChange(untied, moved, contexts);
      expectClose([body], [asEmbedding.body]);
      expect(Math.abs(body)).toBeGreaterThan(1e-6);
    });
  });

  it('is the same in batches, and a mean over contexts', () => {
    tf.tidy(() => {
      const { model, after } = stepped(false);
      const whole = entropyChange(model, after, contexts);
      const parts = entropyChange(model, after, contexts, { batchSize: 2 });
      const single = contexts.map((context) => entropyChange(model, after, [context]));
      expectClose([parts.classifier, parts.body], [whole.classifier, whole.body]);
      expectClose([sum(single.map(({ body }) => body)) / 3], [whole.body]);
    });
  });

  it('of plain gradient ascent is through R and through G, as attributeEntropyChange has them', () => {
    tf.tidy(() => {
      const { model } = stepped(false);
      const record = {
        completions: [
          { promptTokens: [0], tokens: [1, 2], advantages: [1, 0.5] },
          { promptTokens: [3, 1], tokens: [0], advantages: [-2] },
        ],
      };
      const step = toSamples(record, { learningRate: 1e-3 });
      const { byComponent } = attributeEntropyChange(model, contexts, step);
      // The step itself, by automatic differentiation of sum_i weight log pi / N.
      const objective = (params: Params): tf.Scalar => {
        const phi = model.features(
          params,
          step.samples.map(({ context }) => context),
        );
        const logits = tf.matMul(phi, tf.transpose(params[model.classifier] as tf.Tensor2D));
        const logProbs = tf.logSoftmax(logits);
        const taken = tf.oneHot(
          step.samples.map(({ token }) => token),
          4,
        );
        const own = tf.sum(tf.mul(logProbs, taken), 1);
        const weights = tf.tensor1d([1, 0.5, -2]);
        return tf.div(tf.sum(tf.mul(own, weights)), 2) as tf.Scalar;
      };
      const names = Object.keys(model.params);
      const gradient = tf.grads((...values) =>
        objective(Object.fromEntries(names.map((name, i) => [name, values[i]!]))),
      )(names.map((name) => model.params[name]!));
      const after = Object.fromEntries(
        names.map((name, i) => [name, tf.add(model.params[name]!, tf.mul(gradient[i]!, 1e-3))]),
      );
      const { classifier, body } = entropyChange(model, after, contexts);
      const mean = (values: readonly number[]) => sum(values) / values.length;
      // after - before is rounded to float32: three digits of a step of 1e-3 remain.
      expect(classifier / mean(byComponent.representation!)).toBeCloseTo(1, 2);
      expect(body / mean(byComponent.gradient!)).toBeCloseTo(1, 2);
    });
  });

  it('names few of many parameters, and says what goes with adapters', () => {
    const many = Array.from({ length: 300 }, (_, i) => [`layer.${i}`, tf.scalar(1)]);
    const { model, after } = stepped(false);
    const params = { ...model.params, ...(Object.fromEntries(many) as Params) };
    const lora = { 'q_proj.lora_A.weight': after[model.classifier]! };
    const message = messageOf(() => entropyChange({ ...model, params }, lora, contexts));
    expect(message).toMatch(
      /after has 'q_proj\.lora_A\.weight', expected only .* and \d+ more; .*splitModel\(model\)/,
    );
    expect(message.length).toBeLessThan(400);
    tf.dispose([params, after]);
  });

  it('refuses what is no step, no selection and no state that is alive', () => {
    const { model, after } = stepped(false);
    const dead = tf.clone(after[model.classifier]!);
    dead.dispose();
    const attribute =
      (step: unknown, options = {}) =>
      () =>
        attributeEntropyChange(model, contexts, step as never, options as never);
    const sample = { context: [0], token: 1, weight: 1 };
    const step = { samples: [sample], learningRate: 0.1, completions: 1 };
    const completions = [{ promptTokens: [0], tokens: [1], advantages: [1] }];
    for (const [call, message] of [
      [attribute(undefined), 'step is undefined, expected { samples, learningRate, completions }'],
      [attribute({ ...step, samples: [null] }), 'samples[0] is null, expected { context,'],
      [attribute(step, { select: ['a'] }), 'select is an array, expected a function; write'],
      [
        () => decompose(model, contexts, undefined, { select: 'a' as never }),
        'select is "a", expected a function',
      ],
      [() => decompose({ ...model, params: null as never }, contexts), 'model has no features'],
      [() => entropyChange(model, dead as never, contexts), 'after is a tensor, expected a record'],
      [
        () => entropyChange(model, { [model.classifier]: dead }, contexts),
        'has been disposed, expected one that is alive',
      ],
      [
        () => toSamples({ completions }, { learningRate: 1, reduce: 'perToken' as never }),
        'reduce is "perToken", expected a function',
      ],
    ] as const) {
      expect(call).toThrow(message);
    }
    tf.dispose([model.params, after]);
  });

  it('frees what it made, and refuses bad input', () => {
    const { model, after } = stepped(false);
    const tensors = tf.memory().numTensors;
    entropyChange(model, after, contexts);
    const head = after[model.classifier]!;
    const messages = [
      () => entropyChange(model, {}, contexts),
      () => entropyChange(model, { lost: head }, contexts),
      () => entropyChange(model, after, []),
      () => entropyChange(model, after, contexts, { batchSize: 0 }),
      () => entropyChange(model, after, contexts, { select: 1 } as never),
      () => entropyChange(undefined as never, after, contexts),
    ].map(messageOf);
    expect(tf.memory().numTensors).toBe(tensors);
    expect(messages.map((message) => message.replace(/expected only .*/, '...')))
      .toMatchInlineSnapshot(`
      [
        "RangeError: entropyChange: after is empty, expected an entry",
        "RangeError: entropyChange: after has 'lost', ...",
        "RangeError: entropyChange: contexts is empty, expected at least one entry",
        "RangeError: entropyChange: batchSize is 0, expected a positive integer",
        "RangeError: entropyChange: options has "select", ...",
        "TypeError: entropyChange: model has no features(params, contexts), expected a SplitModel; of a language model splitModel(model) makes one",
      ]
    `);
    disposeParams(model.params);
    disposeParams(after);
  });
});

describe('toSamples', () => {
  const record = {
    completions: [
      { promptTokens: [7, 8], tokens: [4, 5, 6], advantages: [1, 2, 3] },
      { promptTokens: [9], tokens: [3], advantages: [-4] },
    ],
  };

  it('has one sample a token, its context what came before', () => {
    const { samples, completions, learningRate } = toSamples(record, { learningRate: 0.5 });
    expect(samples).toEqual([
      { context: [7, 8], token: 4, weight: 1 },
      { context: [7, 8, 4], token: 5, weight: 2 },
      { context: [7, 8, 4, 5], token: 6, weight: 3 },
      { context: [9], token: 3, weight: -4 },
    ]);
    expect([completions, learningRate]).toEqual([2, 0.5]);
  });

  it('weighs tokens as the loss was reduced: a mean over tokens', () => {
    const reduce = (losses: tf.Tensor, mask: tf.Tensor) =>
      tf.div(
        tf.sum(tf.mul(losses, tf.cast(mask, 'float32'))),
        tf.sum(tf.cast(mask, 'float32')),
      ) as tf.Scalar;
    const { samples } = toSamples(record, { learningRate: 1, reduce });
    // N / tokens = 2 / 4
    expectClose(
      samples.map(({ weight }) => weight),
      [0.5, 1, 1.5, -2],
    );
  });

  it('refuses bad input', () => {
    const one = record.completions[0]!;
    const call = (completion: unknown, options: object = { learningRate: 1 }) =>
      messageOf(() => toSamples({ completions: [completion] } as never, options as never));
    expect([
      messageOf(() => toSamples({ completions: [] }, { learningRate: 1 })),
      messageOf(() => toSamples([] as never, { learningRate: 1 })),
      call({ ...one, tokens: [] }),
      call({ ...one, promptTokens: 'ab' }),
      call({ ...one, advantages: [1] }),
      call({ ...one, advantages: undefined }),
      call({ ...one, advantages: [1, NaN, 2] }),
      call(one, {}),
      call(one, { learningRate: 1, lr: 2 }),
    ]).toMatchInlineSnapshot(`
      [
        "RangeError: toSamples: record.completions is empty, expected at least one entry",
        "TypeError: toSamples: record.completions is undefined, expected an array",
        "RangeError: toSamples: record.completions[0].tokens is empty, expected at least one entry",
        "TypeError: toSamples: record.completions[0].promptTokens is string, expected an array",
        "RangeError: toSamples: record.completions[0].advantages has 1 entries, expected 3, one a token",
        "RangeError: toSamples: record.completions[0].advantages is missing, expected 3, one a token",
        "RangeError: toSamples: record.completions[0].advantages[1] is NaN, expected a finite number",
        "RangeError: toSamples: learningRate is undefined, expected a finite number",
        "RangeError: toSamples: options has "lr", expected only learningRate, reduce",
      ]
    `);
  });
});

describe('decompose with select', () => {
  it('is the kernel over those parameters alone, tied and untied', () => {
    tf.tidy(() => {
      for (const tied of [false, true]) {
        const { model } = stepped(tied);
        const all = decompose(model, contexts);
        const head = decompose(model, contexts, undefined, {
          select: (name) => name === model.classifier,
        });
        const rest = decompose(model, contexts, undefined, {
          select: (name) => name !== model.classifier,
        });
        expectClose(head.representationKernel, all.representationKernel);
        expectClose(rest.representationKernel, tf.zerosLike(all.representationKernel));
        expectClose(tf.add(head.gradientKernel, rest.gradientKernel), all.gradientKernel);
        if (!tied) expectClose(head.gradientKernel, tf.zerosLike(all.gradientKernel));
        if (tied) {
          expectClose(head.cross!.factor, all.cross!.factor);
          expectClose(rest.cross!.factor, tf.zerosLike(all.cross!.factor));
        }
      }
    });
    const { model, after } = stepped(false);
    expect(messageOf(() => decompose(model, contexts, undefined, { select: () => false }))).toMatch(
      'decompose: select keeps none of',
    );
    disposeParams(model.params);
    disposeParams(after);
  });
});

describe('toSamples of a record with dropped completions', () => {
  it('has the samples of the others alone, as many completions, and refuses a record without any', () => {
    const kept = { promptTokens: [1], tokens: [2, 3], advantages: [0.5, 0.25] };
    const dropped = { promptTokens: [1], tokens: [4], advantages: [0], dropped: true };
    expect(toSamples({ completions: [dropped, kept] }, { learningRate: 1 })).toEqual(
      toSamples({ completions: [kept] }, { learningRate: 1 }),
    );
    expect(() => toSamples({ completions: [dropped] }, { learningRate: 1 })).toThrow(
      'toSamples: completions of the record that were not dropped is empty',
    );
  });
});

describe('what was forgotten', () => {
  it('is named: parameters after a step, a record', () => {
    const params = { W: tf.ones([2, 1]) };
    const features = (_: unknown, contexts: readonly number[][]): tf.Tensor2D =>
      tf.tensor2d([...contexts]);
    const model = { params, classifier: 'W', tied: false, features };
    for (const after of [undefined, null, 'text']) {
      expect(() => entropyChange(model, after as never, [[1]])).toThrow(
        `entropyChange: after is ${showValue(after)}, expected a record of tensors`,
      );
      expect(() => toSamples(after as never, { learningRate: 1 })).toThrow(
        `toSamples: record is ${showValue(after)}, expected one of train's`,
      );
    }
    params.W.dispose();
  });
});

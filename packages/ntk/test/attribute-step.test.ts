import { dense, selectParams, valueAndGrad } from '@cfrl/engine';
import {
  type Functional,
  type Sequence,
  type SequenceModel,
  type SequenceStep,
  type SplitModel,
  attributeEntropyChange,
  attributeStep,
  confidenceFunctional,
  empiricalNtk,
  entropyFunctional,
  logProbFunctional,
  logProbTransform,
  measureUpdate,
  sampleGradient,
  sequenceStepDelta,
  stepOfRecord,
  toSamples,
} from '@cfrl/ntk';
import * as tf from '@tensorflow/tfjs-core';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { expectClose } from './support/close.js';
import { tinySequenceModel } from './support/sequence-models.js';

const shape = { vocabulary: 7, width: 4, hidden: 3 };
const contexts: Sequence[] = [
  { tokens: [1, 4, 2, 6], positions: [0, 2] },
  { tokens: [3, 5], positions: [0] },
];
const step: SequenceStep = {
  sequences: [
    { tokens: [1, 2, 3, 0], positions: [1, 2], weights: [0.5, -1] },
    { tokens: [4, 6], positions: [0], weights: [2] },
  ],
  learningRate: 0.01,
  completions: 2,
};

const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0);

/** Prefixes, each with the token that follows. */
const prefixes = (sequences: readonly Sequence[]) =>
  sequences.flatMap(({ tokens, positions = [] }) =>
    positions.map((at) => ({ prefix: tokens.slice(0, at + 1), next: tokens[at + 1] ?? -1 })),
  );

/** Logits after the last token, one sequence a pass, nothing padded. */
const lastLogits = (
  { features, logits }: SequenceModel,
  params: SequenceModel['params'],
  tokens: readonly number[],
): tf.Tensor2D =>
  tf.tidy(() => {
    const given = tf.tensor2d([[...tokens]], undefined, 'int32');
    const phi = features(params, {
      tokens: given,
      attentionMask: tf.onesLike(given) as tf.Tensor2D,
    });
    return logits(
      params,
      tf.reshape(tf.slice(phi, [0, tokens.length - 1, 0], [1, 1, -1]), [1, -1]) as tf.Tensor2D,
    );
  });

/** By the definition: gradients of both functionals by parameter, and their inner products, `param -> [N][S]`. */
function byDefinition(model: SequenceModel, functional: Functional): Record<string, number[][]> {
  const gradients = (of: Functional, list: readonly Sequence[]) =>
    prefixes(list).map(
      ({ prefix, next }) =>
        valueAndGrad((moving) => {
          const z = lastLogits(model, { ...model.params, ...moving }, prefix);
          return tf.sum(of.values(z, tf.tensor1d([next], 'int32'))) as tf.Scalar;
        })(model.params).grads,
    );
  const left = gradients(functional, contexts);
  const right = gradients(logProbFunctional(), step.sequences);
  const weights = step.sequences.flatMap((sequence) => [...sequence.weights]);
  return Object.fromEntries(
    Object.keys(model.params).map((name) => [
      name,
      left.map((a) =>
        right.map((b, s) => {
          const product = tf.sum(tf.mul(a[name]!, b[name]!)).dataSync()[0]!;
          return (product * weights[s]! * step.learningRate) / step.completions;
        }),
      ),
    ]),
  );
}

/** A model with a cap on its logits. */
const capped = (): SequenceModel => {
  const model = tinySequenceModel(shape, 1);
  return {
    ...model,
    linear: false,
    logits: (params, phi) =>
      tf.tidy(() => tf.mul(2, tf.tanh(tf.div(dense(phi, params[model.classifier]!, 'out-in'), 2)))),
  };
};

/** A model one of whose parameters is used in a way that no layer of the engine knows. */
const scaled = (): SequenceModel => {
  const model = tinySequenceModel(shape, 1);
  return {
    ...model,
    params: { ...model.params, 'model.layers.1.scale': tf.tensor1d([1, 0.5, -1, 2]) },
    features: (params, batch) =>
      tf.tidy(() => tf.mul(model.features(params, batch), params['model.layers.1.scale']!)),
  };
};

const models: readonly (readonly [string, () => SequenceModel])[] = [
  ['untied', () => tinySequenceModel(shape, 1)],
  ['tied', () => tinySequenceModel({ ...shape, tied: true }, 1)],
  ['with a cap', capped],
  ['with a parameter that uses do not know', scaled],
];
const functionals = [entropyFunctional(), logProbFunctional(), confidenceFunctional()];

/** The same model, asked for contexts one by one. */
const asSplit = (model: SequenceModel): SplitModel<readonly number[]> => ({
  ...model,
  features: (params, list) =>
    tf.concat(
      list.map((tokens) => {
        const given = tf.tensor2d([[...tokens]], undefined, 'int32');
        const mask = tf.onesLike(given) as tf.Tensor2D;
        const phi = model.features(params, { tokens: given, attentionMask: mask });
        return tf.reshape(tf.slice(phi, [0, tokens.length - 1, 0], [1, 1, -1]), [1, -1]);
      }),
    ) as tf.Tensor2D,
});

describe('attributeStep', () => {
  beforeEach(() => tf.engine().startScope());
  afterEach(() => tf.engine().endScope());

  it.each(models)(
    'is the inner products of gradients, by token and parameter: %s',
    async (_, make) => {
      const model = make();
      for (const functional of functionals) {
        const expected = byDefinition(model, functional);
        const { byToken, parts } = await attributeStep(model, contexts, step, functional);
        const total = byToken.map((row, n) =>
          row.map((_2, s) => sum(Object.values(expected).map((shares) => shares[n]![s]!))),
        );
        const scale = Math.max(...Object.values(expected).flat(2).map(Math.abs));
        expectClose(byToken.flat(), total.flat(), { scale });
        for (const [name, shares] of Object.entries(expected)) {
          const own = parts.filter(({ param }) => param === name);
          const bySample = shares.map((row) => [row[0]! + row[1]!, row[2]!]);
          bySample.forEach((row, n) =>
            row.forEach((value, i) =>
              expectClose([sum(own.map(({ change }) => change[n]![i]!))], [value], { scale }),
            ),
          );
        }
      }
    },
  );

  it('separates what W does as the classifier from the rest', async () => {
    const model = tinySequenceModel(shape, 1);
    const { byComponent } = await attributeStep(model, contexts, step, entropyFunctional());
    const shares = byDefinition(model, entropyFunctional());
    const ofW = shares[model.classifier]!.map(sum);
    expectClose(byComponent.representation!, ofW);
    expect(Object.keys(byComponent)).toEqual(['representation', 'gradient']);
  });

  it.each(models)('every view sums to the total: %s', async (_, make) => {
    const result = await attributeStep(make(), contexts, step, logProbFunctional());
    const scale = Math.max(...result.parts.flatMap(({ change }) => change.flat().map(Math.abs)));
    const wanted = { scale, relative: 1e-12 }; // float64 sums
    result.total.forEach((value, n) => {
      for (const view of [result.byComponent, result.byLayer, result.byKind]) {
        expectClose([sum(Object.values(view).map((each) => each[n]!))], [value], wanted);
      }
      expectClose([sum(result.bySample[n]!)], [value], wanted);
      expectClose([sum(result.byToken[n]!)], [value], wanted);
      expect(result.residual![n]).toBe(result.measured![n]! - value);
    });
    expect(result.contexts.map(({ sequence, position }) => [sequence, position])).toEqual([
      [0, 0],
      [0, 2],
      [1, 0],
    ]);
    expect(result.tokens[1]).toEqual({ sample: 0, position: 3, token: 0, weight: -1 });
  });

  it.each(models)('the residual is of second order: %s', async (_, make) => {
    const model = make();
    const errors = [];
    for (const learningRate of [0.2, 0.1]) {
      const given = { ...step, learningRate: step.learningRate * 10 * learningRate };
      const { residual } = await attributeStep(model, contexts, given, entropyFunctional());
      errors.push(Math.hypot(...residual!));
    }
    expect(errors[0]! / errors[1]!).toBeGreaterThan(3.4);
    expect(errors[0]! / errors[1]!).toBeLessThan(4.6);
  });

  it.each([false, true])('agrees with attributeEntropyChange, tied %s', async (tied) => {
    const model = tinySequenceModel({ ...shape, tied }, 2);
    const split = asSplit(model);
    const samples = prefixes(step.sequences).map(({ prefix, next }, s) => ({
      context: prefix,
      token: next,
      weight: step.sequences.flatMap(({ weights }) => [...weights])[s]!,
    }));
    const expected = attributeEntropyChange(
      split,
      prefixes(contexts).map(({ prefix }) => prefix),
      { ...step, samples },
    );
    const actual = await attributeStep(model, contexts, step, entropyFunctional(), {
      layerOf: (name) => name,
    });
    expect(Object.keys(actual.byComponent).sort()).toEqual(
      Object.keys(expected.byComponent).sort(),
    );
    for (const [component, values] of Object.entries(expected.byComponent)) {
      expectClose(actual.byComponent[component as 'gradient']!, values);
    }
    for (const [layer, values] of Object.entries(expected.byLayer)) {
      expectClose(actual.byLayer[layer]!, values, { scale: 1e-3 });
    }
    expectClose(actual.byToken.flat(), expected.bySample.flat());
  });

  it('of the log-probability is an entry of learning dynamics, T K d, all of it written out', async () => {
    const model = tinySequenceModel(shape, 3);
    const apply = (params: SequenceModel['params'], list: readonly (readonly number[])[]) =>
      tf.concat(list.map((tokens) => lastLogits(model, params, tokens))) as tf.Tensor2D;
    const [, observed] = prefixes(contexts);
    const [, learnt] = prefixes(step.sequences);
    const K = tf.reshape(
      empiricalNtk(apply, model.params, [observed!.prefix], [learnt!.prefix], {
        method: 'jacobian',
      }),
      [7, 7],
    ) as tf.Tensor2D;
    const at = ({ prefix }: { prefix: readonly number[] }) => apply(model.params, [prefix]);
    const A = tf.reshape(logProbTransform(at(observed!)), [7, 7]) as tf.Tensor2D;
    const d = tf.transpose(sampleGradient(at(learnt!), [learnt!.next]));
    const change = tf.matMul(A, tf.matMul(K, d)).dataSync()[observed!.next]!;
    const { byToken } = await attributeStep(model, contexts, step, logProbFunctional());
    expectClose([byToken[1]![1]!], [(change * step.learningRate * -1) / step.completions]);
  });

  it('lists the pairs of sample and context from either end', async () => {
    const { bySample, mostHelpful, mostHarmful } = await attributeStep(
      tinySequenceModel(shape, 1),
      contexts,
      step,
      entropyFunctional(),
      { top: 2 },
    );
    const sorted = bySample.flat().sort((a, b) => b - a);
    expect(mostHelpful.map(({ change }) => change)).toEqual(sorted.slice(0, 2));
    expect(mostHarmful.map(({ change }) => change)).toEqual(sorted.reverse().slice(0, 2));
    const { sample, context, change } = mostHelpful[0]!;
    expect(bySample[context]![sample]).toBe(change);
  });

  it('moves only what select keeps, says what it forms gradients for, and measures only if asked', async () => {
    const model = scaled();
    const names: string[] = [];
    const result = await attributeStep(model, contexts, step, entropyFunctional(), {
      select: (name) => name !== model.classifier,
      method: 'structured',
      measure: false,
      onFallback: (list) => names.push(...list),
    });
    expect(Object.keys(result.byComponent)).toEqual(['gradient']);
    expect(names).toEqual(['model.layers.1.scale']);
    expect(result.measured).toBeUndefined();
    const alone = await attributeStep(model, contexts, step, entropyFunctional(), {
      select: (name) => name === model.classifier,
    });
    expect(Object.keys(alone.byComponent)).toEqual(['representation']);
    expect(alone.residual!.every((value, n) => Math.abs(value) < 0.2 * Math.abs(alone.total[n]!))).toBe(true); // prettier-ignore
  });

  it('gives the same in blocks as at once, and frees what it makes', async () => {
    const model = tinySequenceModel(shape, 1);
    const many = Array.from({ length: 40 }, (_, i) => ({ tokens: [i % 7, 4, 2, (i * 3) % 7, 1] }));
    const before = tf.memory().numTensors;
    const progress: number[] = [];
    const whole = await attributeStep(model, many, step, entropyFunctional(), {
      onProgress: ({ done }) => progress.push(done),
    });
    expect(tf.memory().numTensors).toBe(before);
    expect(progress).toEqual([128, 200]);
    const alone = await attributeStep(model, [many[30]!], step, entropyFunctional());
    expectClose(whole.total.slice(150, 155), alone.total);
    const signal = AbortSignal.abort(new Error('enough'));
    await expect(
      attributeStep(model, many, step, entropyFunctional(), { signal }),
    ).rejects.toThrowError('enough');
  });

  it('refuses bad input', async () => {
    const model = tinySequenceModel(shape, 1);
    const [first] = step.sequences;
    const entropy = entropyFunctional();
    const wrong = (changed: Partial<SequenceStep>) =>
      attributeStep(model, contexts, { ...step, ...changed }, entropy);
    const calls = [
      wrong({ sequences: [] }),
      wrong({ sequences: [{ ...first!, weights: [1] }] }),
      wrong({ sequences: [{ ...first!, weights: [1, NaN] }] }),
      wrong({ sequences: [{ ...first!, positions: [2, 3] }] }),
      wrong({ learningRate: NaN }),
      wrong({ completions: 0 }),
      attributeStep(model, [{ tokens: [1] }], step, logProbFunctional()),
      attributeStep({ ...tinySequenceModel({ ...shape, tied: true }, 1), tied: false }, contexts, step, entropy), // prettier-ignore
      attributeStep(model, contexts, step, { ...entropy, values: (z) => tf.sum(z) as never }),
      attributeStep(model, contexts, step, { ...entropy, values: (z) => tf.div(tf.sum(z, 1), 0) }),
      attributeStep({ ...model, linear: false }, contexts, step, entropy),
      attributeStep(model, contexts, null as never, entropy),
    ];
    const messages = await Promise.all(
      calls.map((call) => call.then(() => 'no error', (error: Error) => `${error.name}: ${error.message}`)), // prettier-ignore
    );
    expect(messages).toMatchInlineSnapshot(`
      [
        "RangeError: attributeStep: step.sequences is empty, expected at least one entry",
        "RangeError: attributeStep: step.sequences[0] has no weights, or not one a position, expected { tokens, positions, weights }",
        "RangeError: attributeStep: step.sequences[0].weights[1] is NaN, expected a finite number",
        "RangeError: attributeStep: step.sequences[0].positions has 3, its last token, expected positions that a token follows: the functional looks at it",
        "RangeError: attributeStep: step.learningRate is NaN, expected a finite number",
        "RangeError: attributeStep: step.completions is 0, expected a positive integer",
        "RangeError: attributeStep: contexts[0].positions has 0, its last token, expected positions that a token follows: the functional looks at it",
        "RangeError: attributeStep: model.tied is false, but the features depend on 'model.embed_tokens.weight'; set tied to true, or untie the model",
        "RangeError: attributeStep: functional 'entropy' has values of shape [] for 3 contexts, expected [3]",
        "RangeError: attributeStep: functional 'entropy' has a value that is NaN or infinite, expected finite numbers; look for huge parameters or learning rates",
        "RangeError: attributeStep: contexts: model.logits uses 'lm_head.weight' in a way that is not known, expected one dense(features, classifier, 'out-in') of the engine before the cap",
        "TypeError: attributeStep: step is null, expected { sequences, learningRate, completions }; stepOfRecord makes it of a training step's record",
      ]
    `);
  });
});

describe('sequenceStepDelta and stepOfRecord', () => {
  beforeEach(() => tf.engine().startScope());
  afterEach(() => tf.engine().endScope());

  const record = {
    completions: [
      { promptTokens: [1, 2], tokens: [3, 0], advantages: [0.5, -1] },
      { promptTokens: [4], tokens: [6], advantages: [2] },
      { promptTokens: [5], tokens: [1], advantages: [2], dropped: true },
    ],
  };

  it('the step of a record is that of its samples', () => {
    const options = { learningRate: 0.01 };
    expect(stepOfRecord(record, options)).toEqual(step);
    const model = tinySequenceModel(shape, 1);
    const delta = sequenceStepDelta(model, stepOfRecord(record, options));
    const split = asSplit(model);
    const { change } = measureUpdate(split, [[1, 4]], toSamples(record, options));
    const logProbs = (params: SequenceModel['params']) =>
      tf.logSoftmax(lastLogits(model, params, [1, 4]));
    const moved = Object.fromEntries(
      Object.entries(model.params).map(([name, x]) => [name, tf.add(x, delta[name]!)]),
    );
    expectClose(tf.sub(logProbs(moved), logProbs(model.params)), change, { scale: 0.1 });
  });

  it('a batch changes nothing', () => {
    const model = tinySequenceModel(shape, 1);
    const select = (name: string): boolean => name !== model.classifier;
    const whole = sequenceStepDelta(model, step, { select });
    const single = sequenceStepDelta(model, step, { select, batchSize: 1 });
    expect(Object.keys(whole)).toEqual(Object.keys(selectParams(model.params, select)));
    for (const [name, x] of Object.entries(whole)) expectClose(single[name]!, x);
  });
});

import * as ntk from '@cfrl/ntk';
import { everyNumber, isRefusal, variations } from '@cfrl/testkit';
import * as tf from '@tensorflow/tfjs-core';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

type Params = ntk.SplitModel<number[]>['params'];

/** One call of each function, on two contexts of a model of one layer. */
function callsNow(): Readonly<Record<string, readonly unknown[]>> {
  const params = {
    W: tf.tensor2d([
      [1, 0.5],
      [-0.5, 1],
      [0.3, -1],
    ]),
    A: tf.tensor2d([
      [0.5, 1],
      [-1, 0.2],
    ]),
  };
  const features = (p: Params, rows: readonly number[][]): tf.Tensor2D =>
    tf.tanh(tf.matMul(tf.tensor2d([...rows]), p['A'] as tf.Tensor2D)) as tf.Tensor2D;
  const apply = (p: Params, rows: readonly number[][]): tf.Tensor2D =>
    tf.matMul(features(p, rows), tf.transpose(p['W'] as tf.Tensor2D)) as tf.Tensor2D;
  const model = { params, classifier: 'W', tied: false, features };
  const contexts = [
    [1, 0.5],
    [0.2, -1],
  ];
  const samples = contexts.map((context, i) => ({ context, token: i + 1, weight: 0.5 - i }));
  const step = { samples, learningRate: 0.1, completions: 2 };
  const delta = { W: tf.fill([3, 2], 0.01) };
  const logits = tf.tensor2d([
    [1, 2, 3],
    [0, 0, 1],
  ]);
  const kernel = { maxBytes: 1e6, select: (name: string) => name !== 'nothing' };
  const batched = { batchSize: 2 };
  return {
    assemble: [ntk.decompose(model, contexts), params.W],
    attributeEntropyChange: [model, contexts, step, { ...batched, measured: [0.1, 0.2] }],
    decompose: [model, contexts, contexts, { ...batched, maxBytes: 1e6 }],
    diagonalNtk: [apply, params, contexts, contexts, kernel],
    empiricalNtk: [apply, params, contexts, contexts, kernel],
    entropyChange: [model, { ...params, W: tf.add(params.W, delta.W) }, contexts, batched],
    explainCost: [apply, params, contexts, contexts, kernel],
    jacobian: [apply, params, contexts, {}],
    layerNtk: [apply, params, contexts, contexts, kernel],
    logProbChange: [logits, logits],
    logProbTransform: [logits],
    measureStep: [model, delta, contexts, batched],
    measureUpdate: [model, contexts, step, batched],
    predictStep: [model, delta, contexts, { ...batched, maxBytes: 1e6 }],
    pseudoNtk: [apply, params, contexts, contexts, kernel],
    predictUpdate: [model, contexts, step, { ...batched, maxBytes: 1e6 }],
    sampleGradient: [logits, [0, 1]],
    toSamples: [
      { completions: [{ promptTokens: [0], tokens: [1, 2], advantages: [0.5, -0.5] }] },
      { learningRate: 0.1 },
    ],
    traceNtk: [apply, params, contexts, contexts, kernel],
    underClassifier: [ntk.decompose(model, contexts), params.W],
  };
}

const isFinite = (value: unknown): boolean => everyNumber(value, Number.isFinite);

const isContext = (value: unknown): boolean =>
  Array.isArray(value) && value.every((entry) => typeof entry === 'number');

/** What to put where something is; what a model makes of contexts of another shape is its own matter. */
function extremesFor(value: unknown): readonly unknown[] {
  if (typeof value === 'number') return [NaN, Infinity, -Infinity, -1, 0, 0.5, 1e308, 2 ** 53];
  if (value instanceof tf.Tensor) return [tf.fill(value.shape, NaN), tf.fill(value.shape, 3e38)];
  if (Array.isArray(value)) return isContext(value) ? [] : [[], value.slice(0, 1)];
  return [];
}

const called = (name: string, given: readonly unknown[]): unknown =>
  (ntk[name as keyof typeof ntk] as (...given: unknown[]) => unknown)(...given);

/** Of logits alone: they pass on what they get. */
const primitives = ['logProbChange', 'logProbTransform', 'sampleGradient'];

describe('extremes', () => {
  beforeEach(() => tf.engine().startScope());
  afterEach(() => tf.engine().endScope());

  it('are tried on every function', () => {
    expect(Object.keys(callsNow()).sort()).toEqual(Object.keys(ntk).sort());
  });

  const refusal = (name: string, changed: readonly unknown[]): string => {
    const before = tf.memory().numTensors;
    try {
      return isFinite(called(name, changed)) || primitives.includes(name) ? '' : 'not finite';
    } catch (error) {
      const left = tf.memory().numTensors - before;
      if (left !== 0) return `leaves ${left} tensors: ${String(error)}`;
      return isRefusal(error, [name]) ? '' : String(error);
    }
  };

  it.each(Object.keys(ntk))('give finite numbers or the one error: %s', (name) => {
    const given = callsNow()[name]!;
    expect(isFinite(called(name, given))).toBe(true);
    const wrong: string[] = [];
    for (const { at, extreme, changed } of variations(given, extremesFor)) {
      const said = refusal(name, changed);
      if (said !== '') wrong.push(`${at} = ${String(extreme)}: ${said}`);
    }
    expect(wrong).toEqual([]);
  });

  const withOptions = Object.keys(ntk).filter(
    (name) => !['assemble', 'underClassifier', ...primitives].includes(name),
  );

  it.each(withOptions)('a misspelt option is refused: %s', (name) => {
    const given = callsNow()[name]!;
    const options = { ...(given.at(-1) as object), maxbytes: 1 };
    expect(() => called(name, [...given.slice(0, -1), options])).toThrowError(
      new RegExp(`^${name}: options has "maxbytes", expected only `),
    );
  });
});

import { checkTokens, embedding, mapParams } from '@cfrl/engine';
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
  const sequenceModel = {
    params,
    classifier: 'W',
    tied: false,
    linear: true,
    checkTokens: (where: string, lists: readonly (readonly number[])[]) =>
      lists.forEach((list, i) => checkTokens(`${where}[${i}]`, list, 2)),
    features: (p: Params, { tokens }: ntk.TokenBatch) => embedding(p['A']!, tokens),
    logits: (p: Params, phi: tf.Tensor2D) => tf.matMul(phi, p['W'] as tf.Tensor2D, false, true),
  };
  const contexts = [
    [1, 0.5],
    [0.2, -1],
  ];
  const samples = contexts.map((context, i) => ({ context, token: i + 1, weight: 0.5 - i }));
  const step = { samples, learningRate: 0.1, completions: 2 };
  const sequenceStep = {
    sequences: [{ tokens: [0, 1], positions: [0], weights: [0.5] }],
    learningRate: 0.1,
    completions: 1,
  };
  const delta = { W: tf.fill([3, 2], 0.01) };
  const logits = tf.tensor2d([
    [1, 2, 3],
    [0, 0, 1],
  ]);
  const lazy = {
    kernel: [
      [2, 1],
      [1, 2],
    ],
    initial: [
      [0, 1],
      [1, 0],
    ],
    test: { kernel: [[1, 1]], initial: [[0, 0]] },
  };
  const part = { param: 'W', way: 'classifier', layer: 'W', kind: 'W', change: 1 };
  const explained = {
    ...{
      functional: 'entropy',
      unit: 'nats',
      nodes: 3,
      uncertainty: 0,
      converged: true,
      unplaced: [],
    },
    ...{ before: 1, after: 2, measured: 1, explained: 1, residual: 0, parts: [part] },
    ...{ byWay: { classifier: 1, body: 0 }, byLayer: { W: 1 }, byKind: { W: 1 } },
    ...{
      table: [{ layer: 'W', way: 'classifier', change: [[1]] }],
      bySequence: [1],
      byPosition: [1],
    },
    contexts: [{ positions: [0], before: [1], after: [2] }],
  };
  const targets = [
    [1, 0],
    [0, 1],
  ];
  const trained = { ...lazy, loss: ntk.crossEntropyLoss([0, 1]), learningRate: 0.1 };
  const kernel = { maxBytes: 1e6, select: (name: string) => name !== 'nothing' };
  const batched = { batchSize: 2 };
  return {
    assemble: [ntk.decompose(model, contexts), params.W],
    attributeStep: [
      sequenceModel,
      [{ tokens: [0, 1] }],
      sequenceStep,
      ntk.entropyFunctional(),
      { ...batched, maxBytes: 1e6, top: 2 },
    ],
    attributeEntropyChange: [model, contexts, step, { ...batched, measured: [0.1, 0.2] }],
    confidenceFunctional: [],
    crossEntropyLoss: [[0, 1]],
    decompose: [model, contexts, contexts, { ...batched, maxBytes: 1e6 }],
    diagonalNtk: [apply, params, contexts, contexts, kernel],
    empiricalNtk: [apply, params, contexts, contexts, kernel],
    entropyChange: [model, { ...params, W: tf.add(params.W, delta.W) }, contexts, batched],
    entropyFunctional: [],
    explainChange: [
      sequenceModel,
      {},
      mapParams(sequenceModel.params, (x) => tf.add(x, 0.01)),
      [{ tokens: [0, 1] }, { tokens: [1] }],
      ntk.entropyFunctional(),
      { tolerance: 0.1, maxNodes: 5, maxBytes: 1e6 },
    ],
    explainCost: [apply, params, contexts, contexts, kernel],
    jacobian: [apply, params, contexts, {}],
    kernelOperator: [apply, params, contexts, contexts, { select: kernel.select, ...batched }],
    kernelProduct: [
      apply,
      params,
      contexts,
      tf.ones([2, 3]),
      contexts,
      { select: kernel.select, ...batched },
    ],
    kernelRegression: [{ ...lazy, targets, ridge: 0.1, tolerance: 0.1 }],
    kindOfParam: ['model.norm.weight'],
    layerFeatures: [sequenceModel, [{ tokens: [0, 1] }, { tokens: [1] }], { maxBytes: 1e6 }],
    layerNtk: [apply, params, contexts, contexts, kernel],
    layerOfParam: ['model.norm.weight'],
    lazyFlow: [{ ...trained, times: [0, 1], tolerance: 0.01 }],
    lazyLeastSquares: [{ ...lazy, targets, learningRate: 0.1, tolerance: 0.1 }],
    lazyTraining: [{ ...trained, steps: 3 }],
    linearize: [apply, params],
    logProbChange: [logits, logits],
    logProbFunctional: [],
    logProbTransform: [logits],
    logitKernelOperator: [model, contexts, contexts, { select: kernel.select, ...batched }],
    measureStep: [model, delta, contexts, batched],
    measureUpdate: [model, contexts, step, batched],
    mseLoss: [targets],
    policyGradientLoss: [[{ example: 0, token: 1, weight: 0.5 }], 2],
    predictStep: [model, delta, contexts, batched],
    predictUpdate: [model, contexts, step, batched],
    pseudoNtk: [apply, params, contexts, contexts, kernel],
    sampleGradient: [logits, [0, 1]],
    sequenceStepDelta: [sequenceModel, sequenceStep, batched],
    sketchDecomposition: [
      sequenceModel,
      [{ tokens: [0, 1] }, { tokens: [1] }],
      { probes: 3, deflate: 1, sketches: 3, sketchSize: 1, seed: 1, maxBytes: 1e6 },
    ],
    stepCounterfactuals: [
      sequenceModel,
      [{ tokens: [0, 1] }],
      sequenceStep,
      ntk.entropyFunctional(),
      { ...batched, maxBytes: 1e6, steps: 1 },
    ],
    stepOfRecord: [
      { completions: [{ promptTokens: [0], tokens: [1, 2], advantages: [0.5, -0.5] }] },
      { learningRate: 0.1 },
    ],
    sumChanges: [[explained, { ...explained, before: 2, after: 3 }]],
    toSamples: [
      { completions: [{ promptTokens: [0], tokens: [1, 2], advantages: [0.5, -0.5] }] },
      { learningRate: 0.1 },
    ],
    topEigenpairs: [
      { rows: 2, product: (v: tf.Tensor) => tf.mul(v, tf.tensor2d([[2], [1]])) },
      1,
      { count: 1, iterations: 4, tolerance: 1e-3, seed: 1 },
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

/** What a call gives in the end; of a generator, everything. */
async function called(name: string, given: readonly unknown[]): Promise<unknown> {
  const of = ntk[name as keyof typeof ntk] as (...given: unknown[]) => unknown;
  const result = await of(...given);
  return typeof (result as Generator)?.next === 'function' ? [...(result as Generator)] : result;
}

/** Of logits alone: they pass on what they get. */
const primitives = ['logProbChange', 'logProbTransform', 'sampleGradient'];

describe('extremes', () => {
  beforeEach(() => tf.engine().startScope());
  afterEach(() => tf.engine().endScope());

  it('are tried on every function', () => {
    expect(Object.keys(callsNow()).sort()).toEqual(Object.keys(ntk).sort());
  });

  const refusal = async (name: string, changed: readonly unknown[]): Promise<string> => {
    const before = tf.memory().numTensors;
    try {
      return isFinite(await called(name, changed)) || primitives.includes(name) ? '' : 'not finite';
    } catch (error) {
      const left = tf.memory().numTensors - before;
      if (left !== 0) return `leaves ${left} tensors: ${String(error)}`;
      return isRefusal(error, [name]) ? '' : String(error);
    }
  };

  it.each(Object.keys(ntk))('give finite numbers or the one error: %s', async (name) => {
    const given = callsNow()[name]!;
    expect(isFinite(await called(name, given))).toBe(true);
    const wrong: string[] = [];
    for (const { at, extreme, changed } of variations(given, extremesFor)) {
      const said = await refusal(name, changed);
      if (said !== '') wrong.push(`${at} = ${String(extreme)}: ${said}`);
    }
    expect(wrong).toEqual([]);
  });

  const losses = ['crossEntropyLoss', 'mseLoss', 'policyGradientLoss'];
  const functionals = [
    'confidenceFunctional',
    'entropyFunctional',
    'logProbFunctional',
    'sumChanges',
  ];
  const without = [
    'underClassifier',
    'assemble',
    ...functionals,
    'kindOfParam',
    'layerOfParam',
    'linearize',
    ...losses,
  ];
  const withOptions = Object.keys(ntk).filter(
    (name) => ![...without, ...primitives].includes(name),
  );

  it.each(withOptions)('a misspelt option is refused: %s', async (name) => {
    const given = callsNow()[name]!;
    const options = { ...(given.at(-1) as object), maxbytes: 1 };
    await expect(called(name, [...given.slice(0, -1), options])).rejects.toThrowError(
      new RegExp(`^${name}: options has "maxbytes", expected only `),
    );
  });
});

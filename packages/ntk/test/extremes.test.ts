import * as ntk from '@cfrl/ntk';
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
    empiricalNtk: [apply, params, contexts, contexts, kernel],
    jacobian: [apply, params, contexts, {}],
    layerNtk: [apply, params, contexts, contexts, kernel],
    logProbChange: [logits, logits],
    logProbTransform: [logits],
    measureStep: [model, delta, contexts, batched],
    measureUpdate: [model, contexts, step, batched],
    predictStep: [model, delta, contexts, { ...batched, maxBytes: 1e6 }],
    predictUpdate: [model, contexts, step, { ...batched, maxBytes: 1e6 }],
    sampleGradient: [logits, [0, 1]],
    traceNtk: [apply, params, contexts, contexts, kernel],
  };
}

type Path = readonly (string | number)[];

function* placesOf(value: unknown, path: Path = []): Generator<readonly [Path, unknown]> {
  if (path.length > 0) yield [path, value];
  if (value instanceof tf.Tensor || typeof value !== 'object' || value === null) return;
  for (const [key, inner] of Object.entries(value)) yield* placesOf(inner, [...path, key]);
}

function replaced(value: unknown, [key, ...rest]: Path, by: unknown): unknown {
  if (key === undefined) return by;
  if (Array.isArray(value)) {
    return value.map((inner: unknown, i) =>
      i === Number(key) ? replaced(inner, rest, by) : inner,
    );
  }
  const record = value as Record<string, unknown>;
  return { ...record, [key]: replaced(record[key], rest, by) };
}

function isFinite(value: unknown): boolean {
  if (typeof value === 'number') return Number.isFinite(value);
  if (value instanceof tf.Tensor) return Array.from(value.dataSync()).every(Number.isFinite);
  return typeof value !== 'object' || value === null || Object.values(value).every(isFinite);
}

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
      const { message } = error as Error;
      const left = tf.memory().numTensors - before;
      if (left !== 0) return `leaves ${left} tensors: ${message}`;
      return message.startsWith(`${name}: `) && message.includes('expected') ? '' : message;
    }
  };

  it.each(Object.keys(ntk))('give finite numbers or the one error: %s', (name) => {
    const given = callsNow()[name]!;
    expect(isFinite(called(name, given))).toBe(true);
    const wrong: string[] = [];
    for (const [path, value] of placesOf(given)) {
      for (const extreme of extremesFor(value)) {
        const said = refusal(name, replaced(given, path, extreme) as readonly unknown[]);
        if (said !== '') wrong.push(`${path.join('.')} = ${String(extreme)}: ${said}`);
      }
    }
    expect(wrong).toEqual([]);
  });

  const withOptions = Object.keys(ntk).filter(
    (name) => !['assemble', ...primitives].includes(name),
  );

  it.each(withOptions)('a misspelt option is refused: %s', (name) => {
    const given = callsNow()[name]!;
    const options = { ...(given.at(-1) as object), maxbytes: 1 };
    expect(() => called(name, [...given.slice(0, -1), options])).toThrowError(
      new RegExp(`^${name}: options has "maxbytes", expected only `),
    );
  });
});

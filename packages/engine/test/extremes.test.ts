import * as engine from '@cfrl/engine';
import { everyNumber, isRefusal, variations } from '@cfrl/testkit';
import * as tf from '@tensorflow/tfjs-core';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

/** What the calls take. */
const x = (): tf.Tensor2D =>
  tf.tensor2d([
    [1, -2, 0.5],
    [0.3, 1, -1],
  ]);
const four = (): tf.Tensor4D => tf.ones([1, 2, 3, 4]);
const tokens = (): tf.Tensor1D => tf.tensor1d([0, 2], 'int32');
const positions = (): tf.Tensor1D => tf.tensor1d([0, 1, 2], 'int32');
const record = (): engine.Params => ({ a: tf.ones([2, 3]), b: tf.ones([3]) });

/** Calls of functions of tensors, numbers and options. */
const calls: Readonly<Record<string, () => readonly unknown[]>> = {
  adamw: () => [{ learningRate: 0.1, beta1: 0.9, beta2: 0.99, epsilon: 1e-8, weightDecay: 0.1 }],
  applyUpdates: () => [record(), { a: tf.ones([2, 3]), b: tf.ones([3]) }],
  attention: () => [four(), four(), four(), { causal: true, scale: 0.5, softCap: 5, blockSize: 2 }],
  causalMask: () => [3, tf.ones([1, 3]), 2],
  classifierScores: () => [
    (features: tf.Tensor2D, { W }: { W: tf.Tensor2D }) => tf.matMul(features, W),
    x(),
    { W: tf.ones([3, 4]) },
    tokens(),
    { maxLogits: 100 },
  ],
  clipByGlobalNorm: () => [1],
  constant: () => [0.1],
  cosine: () => [0.1, 0, 10],
  crossEntropy: () => [x(), tokens()],
  dense: () => [x(), tf.ones([3, 4]), 'in-out', tf.ones([4])],
  fold: () => [1, 'a', 2],
  gatherLogProbs: () => [x(), tokens()],
  layerNorm: () => [x(), tf.ones([3]), tf.ones([3]), 1e-5],
  linear: () => [0.1, 0, 10],
  maskedMean: () => [x(), tf.ones([2, 3])],
  maskedSum: () => [x(), tf.ones([2, 3])],
  padTo: () => [x(), 5, { axis: -1, value: 0, before: false }],
  paddingBias: () => [[1, 0], 3],
  placeColumn: () => [four(), tf.ones([1, 2, 1, 4]), tf.scalar(1, 'int32')],
  randomInt: () => [engine.rng(1), 5],
  randomNormal: () => [engine.rng(1), [2, 2], 1],
  rmsNorm: () => [x(), tf.ones([3]), 1e-5],
  rng: () => [1],
  rotary: () => [four(), engine.rotaryTables(positions(), 4, 10_000)],
  rotaryTables: () => [positions(), 4, 10_000, { interleaved: false }],
  sampleIndex: () => [[0.1, 0.7, 0.2], 0.5],
  scheduleValue: () => [engine.constant(0.1), 3],
  sgd: () => [{ learningRate: 0.1 }],
  softCap: () => [x(), 5],
  splitHeads: () => [tf.ones([2, 6]), 1, 2],
  swiGlu: () => [x(), tf.ones([2, 3])],
  tokenScores: () => [x(), tokens()],
  warmup: () => [10, engine.constant(0.1)],
};

const isRandomSource = (value: unknown): boolean =>
  typeof value === 'object' && value !== null && 'next' in value;

/** Shapes that would be broadcast, or flattened to the same size; numbers out of range. */
function extremesFor(value: unknown): readonly unknown[] {
  if (typeof value === 'number') return [NaN, Infinity, -Infinity, -1, 0, 0.5, 1e308, 2 ** 53];
  if (value instanceof tf.Tensor) {
    const turned = [...value.shape].reverse();
    const others = [
      [7],
      [1, 1, 7],
      ...(value.rank > 1 && turned[0] !== value.shape[0] ? [turned] : []),
    ];
    return others.map((shape) => tf.ones(shape, value.dtype));
  }
  return [];
}

const called = (name: string, given: readonly unknown[]): unknown =>
  (engine[name as keyof typeof engine] as (...given: unknown[]) => unknown)(...given);

/** Another shape is as good, or a matter of the function that was passed. */
const anyShape = ['classifierScores 2.W', 'padTo 0', 'rotaryTables 0', 'softCap 0', 'splitHeads 0'];

describe('extremes', () => {
  beforeEach(() => tf.engine().startScope());
  afterEach(() => tf.engine().endScope());

  it.each(Object.keys(calls))('give a value or the one error: %s', (name) => {
    const given = calls[name]!();
    called(name, given);
    const wrong: string[] = [];
    for (const { at, value, extreme, changed } of variations(given, extremesFor)) {
      if (anyShape.includes(`${name} ${at}`)) continue;
      const shown = extreme instanceof tf.Tensor ? `[${extreme.shape.join()}]` : String(extreme);
      const said = (what: string): number => wrong.push(`${at} = ${shown}: ${what}`);
      const before = tf.memory().numTensors;
      try {
        const result = called(name, changed);
        if (!isRandomSource(result) && !everyNumber(result, (x) => !Number.isNaN(x))) said('NaN');
        else if (value instanceof tf.Tensor) said('another shape is taken');
      } catch (error) {
        if (!isRefusal(error, Object.keys(engine))) said(String(error));
        if (tf.memory().numTensors !== before) said('leaves tensors');
      }
    }
    expect(wrong).toEqual([]);
  });

  it.each(['adamw', 'attention', 'classifierScores', 'padTo', 'rotaryTables', 'sgd'])(
    'a misspelt option is refused: %s',
    (name) => {
      const given = calls[name]!();
      const options = { ...(given.at(-1) as object), learningrate: 1 };
      expect(() => called(name, [...given.slice(0, -1), options])).toThrowError(
        new RegExp(`^${name}: options has "learningrate", expected only `),
      );
    },
  );
});

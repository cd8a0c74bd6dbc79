import * as tf from '@tensorflow/tfjs-core';
import { expect, test } from 'vitest';

import {
  type ParameterUse,
  type Params,
  compile,
  dense,
  embedding,
  layerNorm,
  parameterUses,
  randomNormal,
  rmsNorm,
  rng,
  vjp,
} from '../src/index.js';

const source = rng(7);
const inTidy = (f: () => void) => () => tf.tidy(f);
const normal = (...shape: number[]): tf.Tensor => randomNormal(source, shape);
const ids = (): tf.Tensor =>
  tf.tensor2d(
    [
      [3, 1, 3],
      [0, 2, 1],
    ],
    [2, 3],
    'int32',
  );

const params = (): Params => ({
  table: normal(5, 4),
  gain: normal(4),
  around: normal(4),
  shift: normal(4),
  up: normal(4, 6),
  upBias: normal(6),
  down: normal(4, 6),
});

/** Every kind of use: a table that is also a classifier, a gain around one, both layouts, biases. */
const f = (p: Params): tf.Tensor => {
  const rows = tf.reshape(embedding(p['table']!, ids()), [6, 4]);
  const normed = layerNorm(rows, p['gain']!, p['shift'], 1e-5);
  const wide = tf.square(dense(normed, p['up']!, 'in-out', p['upBias']));
  const back = dense(wide, p['down']!, 'out-in');
  return dense(rmsNorm(back, tf.add(p['around']!, 1), 1e-5), p['table']!, 'out-in');
};

/** The gradient that the uses add up to. */
function gradientOf(use: ParameterUse, like: tf.Tensor): tf.Tensor {
  const { kind, layout, input, cotangent } = use;
  if (kind === 'bias') return tf.sum(cotangent, 0);
  if (kind === 'gain') return tf.sum(tf.mul(input!, cotangent), 0);
  const rows =
    kind === 'embedding' ? tf.cast(tf.oneHot(tf.cast(input!, 'int32'), 5), 'float32') : input!;
  const inOut = tf.matMul(rows as tf.Tensor2D, cotangent, true);
  return tf.reshape(layout === 'in-out' ? inOut : tf.transpose(inOut), like.shape);
}

const distance = (a: tf.Tensor, b: tf.Tensor): number =>
  tf.tidy(() => tf.div(tf.norm(tf.sub(a, b)), tf.norm(b)).dataSync()[0]!);

test(
  'the uses add up to the gradient of every parameter, in a graph too',
  inTidy(() => {
    const at = params();
    const cotangent = normal(6, 5);
    const { grads, value } = vjp(f, at, cotangent);
    const direct = (p: Params, c: tf.Tensor) => parameterUses(f, p, c);
    const compiled = compile(direct, { name: 'uses' });
    for (const how of [direct, compiled]) {
      const found = how(at, cotangent);
      expect(distance(found.value, value)).toBeLessThan(1e-6);
      expect(found.uses.map(({ name, kind }) => `${name} ${kind}`)).toEqual([
        'table embedding',
        'gain gain',
        'shift bias',
        'up dense',
        'upBias bias',
        'down dense',
        'around gain',
        'table dense',
      ]);
      for (const name of Object.keys(at)) {
        const own = found.uses.filter((use) => use.name === name);
        const sum = tf.addN(own.map((use) => gradientOf(use, at[name]!)));
        expect(distance(sum, grads[name]!), name).toBeLessThan(1e-5);
      }
    }
    compiled.dispose();
  }),
);

test(
  'a transposed parameter is found, one used otherwise is not, one without effect has no use',
  inTidy(() => {
    const x = normal(3, 4);
    const at = { turned: normal(6, 4), other: normal(6), idle: normal(6, 2) };
    const { uses } = parameterUses(
      (p) => {
        dense(dense(x, p.turned!, 'out-in'), p.idle!, 'in-out');
        return tf.mul(dense(x, tf.transpose(p.turned!), 'in-out'), p.other!);
      },
      at,
      normal(3, 6),
    );
    expect(uses.map(({ name, layout }) => [name, layout])).toEqual([['turned', 'out-in']]);
  }),
);

test(
  'it leaves nothing behind, also where it fails',
  inTidy(() => {
    const at = params();
    const cotangent = normal(6, 5);
    const before = tf.memory().numTensors;
    const { value, uses } = parameterUses(f, at, cotangent);
    tf.dispose([
      value,
      ...uses.flatMap((use) => [use.cotangent, ...(use.input ? [use.input] : [])]),
    ]);
    expect(tf.memory().numTensors).toBe(before);
    const wrong = normal(6, 4);
    expect(() => parameterUses(f, at, wrong)).toThrow(/expected/);
    f(at).dispose();
    expect(tf.memory().numTensors).toBeLessThan(before + 40);
  }),
);

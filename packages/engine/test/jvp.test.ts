import {
  type Params,
  attention,
  compile,
  dense,
  embedding,
  geluTanh,
  jvp,
  layerNorm,
  logSoftmax,
  mapParams,
  mergeHeads,
  randomNormal,
  rmsNorm,
  rng,
  splitHeads,
  swiGlu,
  valueAndGrad,
  vjp,
} from '@cfrl/engine';
import * as tf from '@tensorflow/tfjs-core';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

const inTidy = (f: () => void) => () => tf.tidy(f);
const like = (params: Params, seed: number): Params => {
  const source = rng(seed);
  return mapParams(params, ({ shape }) => randomNormal(source, shape));
};
const distance = (a: tf.Tensor, b: tf.Tensor): number =>
  tf.tidy(() => tf.div(tf.norm(tf.sub(a, b)), tf.norm(b)).dataSync()[0]!);
const inner = (a: tf.Tensor, b: tf.Tensor): number => tf.sum(tf.mul(a, b)).dataSync()[0]!;

/** A layer of a language model, with every operation that such layers are made of; the table is classifier too. */
const layer = (p: Params): tf.Tensor => {
  const ids = tf.tensor2d(
    [
      [3, 1, 3],
      [0, 2, 1],
    ],
    [2, 3],
    'int32',
  );
  const x = tf.reshape(embedding(p['table']!, ids), [6, 4]);
  const heads = (name: string) =>
    splitHeads(dense(rmsNorm(x, p['gain']!, 1e-5), p[name]!, 'in-out'), 2, 2);
  const h = tf.add(x, mergeHeads(attention(heads('q'), heads('k'), heads('v'), { causal: true })));
  const normed = layerNorm(h, p['gain2']!, p['shift'], 1e-5);
  const wide = swiGlu(
    dense(normed, p['up']!, 'in-out', p['upBias']),
    dense(normed, p['gate']!, 'in-out'),
  );
  const out = tf.add(h, dense(geluTanh(wide), p['down']!, 'in-out'));
  return logSoftmax(dense(out, p['table']!, 'out-in'));
};
const layerParams = (seed: number): Params => {
  const source = rng(seed);
  const normal = (...shape: number[]) => randomNormal(source, shape, 0.6);
  return {
    table: normal(5, 4),
    gain: normal(4),
    q: normal(4, 4),
    k: normal(4, 4),
    v: normal(4, 4),
    gain2: normal(4),
    shift: normal(4),
    up: normal(4, 6),
    upBias: normal(6),
    gate: normal(4, 6),
    down: normal(6, 4),
  };
};

describe('jvp', () => {
  it(
    'of closed forms: a product, a function of one number, a quadratic form',
    inTidy(() => {
      const A = tf.tensor2d([
        [1, 2],
        [3, 4],
      ]);
      const B = tf.tensor2d([
        [0.5, -1],
        [2, 1],
      ]);
      const product = ({ a, b }: Params) => tf.matMul(a as tf.Tensor2D, b as tf.Tensor2D);
      const { value, tangent } = jvp(product, { a: A, b: B }, { a: B, b: A });
      expect(value.arraySync()).toEqual(tf.matMul(A, B).arraySync());
      expect(tangent.arraySync()).toEqual(tf.add(tf.matMul(B, B), tf.matMul(A, A)).arraySync());

      const x = tf.tensor1d([-1, 0, 0.5, 2]);
      const sine = jvp(({ t }) => tf.sin(t!), { t: x }, { t: tf.fill([4], 3) });
      expect(distance(sine.tangent, tf.mul(3, tf.cos(x)))).toBeLessThan(1e-6);

      const form = ({ t }: Params) => tf.sum(tf.square(t!));
      expect(jvp(form, { t: x }, { t: tf.ones([4]) }).tangent.arraySync()).toBe(3); // 2 <x, 1>
    }),
  );

  it(
    'is linear in the tangent, the transpose of vjp, and what central differences approach',
    inTidy(() => {
      fc.assert(
        fc.property(fc.integer({ min: 0, max: 2 ** 31 }), (seed) =>
          tf.tidy(() => {
            const params = layerParams(seed);
            const [a, b] = [like(params, seed + 1), like(params, seed + 2)];
            const along = (t: Params) => jvp(layer, params, t).tangent;
            const sum = mapParams(a, (t, name) => tf.add(tf.mul(2, t), b[name]!));
            expect(distance(along(sum), tf.add(tf.mul(2, along(a)), along(b)))).toBeLessThan(1e-4);

            const { value, tangent } = jvp(layer, params, a);
            expect(distance(value, layer(params))).toBeLessThan(1e-6);
            const u = randomNormal(rng(seed + 3), value.shape);
            const { grads } = vjp(layer, params, u);
            const there = inner(u, tangent);
            const back = Object.entries(grads).reduce((s, [k, g]) => s + inner(g, a[k]!), 0);
            const size = tf.norm(u).dataSync()[0]! * tf.norm(tangent).dataSync()[0]!;
            expect(Math.abs(there - back)).toBeLessThan(1e-5 * size);

            const moved = (h: number) =>
              layer(mapParams(params, (p, name) => tf.add(p, tf.mul(a[name]!, h))));
            const h = 2e-3;
            const difference = tf.div(tf.sub(moved(h), moved(-h)), 2 * h);
            expect(distance(tangent, difference)).toBeLessThan(1e-2);
          }),
        ),
        { numRuns: 5 },
      );
    }),
  );

  it(
    'is the same in a graph, which it is recorded into once',
    inTidy(() => {
      const compiled = compile((p: Params, t: Params) => jvp(layer, p, t), { name: 'jvp' });
      for (const seed of [1, 2, 3]) {
        const params = layerParams(seed);
        const direction = like(params, seed + 9);
        const eager = jvp(layer, params, direction);
        const graph = compiled(params, direction);
        expect(distance(graph.value, eager.value)).toBeLessThan(1e-6);
        expect(distance(graph.tangent, eager.tangent)).toBeLessThan(1e-5);
      }
      compiled.dispose();
    }),
  );

  it(
    'moves only what the tangent names, and is 0 where nothing depends on that',
    inTidy(() => {
      const params = layerParams(4);
      const all = like(params, 5);
      const zero = mapParams(all, (t, name) => (name === 'up' ? t : tf.zerosLike(t)));
      const { tangent } = jvp(layer, params, { up: all['up']! });
      expect(distance(tangent, jvp(layer, params, zero).tangent)).toBeLessThan(1e-6);
      const idle = jvp(
        ({ x }) => tf.square(x!),
        { x: tf.ones([2]), y: tf.ones([3]) },
        { y: tf.ones([3]) },
      );
      expect(idle.tangent.arraySync()).toEqual([0, 0]);
    }),
  );

  it(
    'can be differentiated with respect to the tangent: the gradient of |J t|^2 / 2 is J^T J t',
    inTidy(() => {
      const params = layerParams(6);
      const direction = like(params, 7);
      const half = (t: Params) => tf.div(tf.sum(tf.square(jvp(layer, params, t).tangent)), 2);
      const { grads } = valueAndGrad(half)(direction);
      const expected = vjp(layer, params, jvp(layer, params, direction).tangent).grads;
      for (const [name, grad] of Object.entries(grads))
        expect(distance(grad, expected[name]!), name).toBeLessThan(1e-4);
    }),
  );

  it(
    'leaves nothing behind, also where it fails, and refuses directions that do not fit',
    inTidy(() => {
      const params = layerParams(8);
      const direction = like(params, 9);
      const before = tf.memory().numTensors;
      tf.dispose(jvp(layer, params, direction));
      expect(tf.memory().numTensors).toBe(before);
      const broken = (p: Params): tf.Tensor => {
        layer(p);
        throw new Error('broken');
      };
      expect(() => jvp(broken, params, direction)).toThrow('broken');
      expect(tf.memory().numTensors).toBe(before);
      const x = tf.ones([2]);
      expect(() => jvp(({ x }) => x!, { x }, {})).toThrow(
        'jvp: tangent is empty, expected at least one direction',
      );
      expect(() => jvp(({ x }) => x!, { x }, { z: x })).toThrow(
        "jvp: tangent has 'z', expected only x",
      );
      expect(() => jvp(({ x }) => x!, { x }, { x: tf.ones([3]) })).toThrow(
        "jvp: tangent 'x' has shape [3], expected [2] as its parameter",
      );
    }),
  );
});

import {
  attention,
  compile,
  compileWithState,
  logSoftmax,
  partialRotary,
  type RotaryScaling,
  rotaryTables,
  softCap,
  softmaxEntropy,
  valueAndGrad,
} from '@cfrl/engine';
import { expectClose } from '@cfrl/testkit';
import * as tf from '@tensorflow/tfjs-core';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

type Op = (x: tf.Tensor2D, y: tf.Tensor2D) => tf.Tensor;

const ids = (): tf.Tensor1D => tf.tensor1d([2, 0, 2], 'int32');

/** Turns a 3 x 3 matrix, three positions of two channels and one that stays, by factors that depend on the length. */
function turned(x: tf.Tensor): tf.Tensor {
  const positions = tf.tensor2d([1, 4, 9], [1, 3], 'int32');
  const scaling: RotaryScaling = {
    type: 'longrope',
    ...{ shortFactors: [1], longFactors: [2], originalPositions: 4, amplitude: 1.5 },
  };
  const tables = rotaryTables(positions, 2, 100, { interleaved: true, scaling });
  return partialRotary(tf.reshape(x, [1, 1, 3, 3]), tables);
}

/** The operations of TensorFlow.js that the packages use, on two 3 x 3 matrices with entries in (0.1, 2). */
const differentiable: Readonly<Record<string, Op>> = {
  abs: (x) => tf.abs(tf.sub(x, 1)),
  'attention, capped, in a window': (x, y) => {
    const [q, k] = [x, y].map((z) => tf.reshape(z, [1, 1, 3, 3])) as [tf.Tensor, tf.Tensor];
    return attention(q, k, k, { causal: true, window: 2, scale: 2, softCap: 1 });
  },
  add: (x, y) => tf.add(x, y),
  addN: (x, y) => tf.addN([x, y, x]),
  cast: (x) => tf.cast(tf.cast(x, 'float32'), 'float32'),
  clipByValue: (x) => tf.clipByValue(x, 0.5, 1.5),
  clone: (x) => tf.clone(x),
  concat: (x, y) => tf.concat([x, y], 1),
  cos: (x) => tf.cos(x),
  'cumsum, last axis': (x) => tf.cumsum(x, 1),
  div: (x, y) => tf.div(x, y),
  elu: (x) => tf.elu(tf.sub(x, 1)),
  erf: (x) => tf.erf(x),
  exp: (x) => tf.exp(x),
  expandDims: (x) => tf.expandDims(x, 1),
  expm1: (x) => tf.expm1(x),
  gather: (x) => tf.gather(x, ids()),
  'gather, axis 1': (x) => tf.gather(x, ids(), 1),
  log: (x) => tf.log(x),
  log1p: (x) => tf.log1p(x),
  logSoftmax: (x) => logSoftmax(x),
  'logSoftmax of TensorFlow.js': (x) => tf.logSoftmax(x),
  matMul: (x, y) => tf.matMul(x, y),
  'matMul, first transposed': (x, y) => tf.matMul(x, y, true, false),
  'matMul, second transposed': (x, y) => tf.matMul(x, y, false, true),
  'matMul, batched': (x, y) => tf.matMul(tf.stack([x, y]), tf.stack([y, x]), false, true),
  max: (x) => tf.max(x, 1),
  maximum: (x, y) => tf.maximum(x, y),
  mean: (x) => tf.mean(x, 1, true),
  min: (x) => tf.min(x, 0),
  minimum: (x, y) => tf.minimum(x, y),
  mul: (x, y) => tf.mul(x, y),
  neg: (x) => tf.neg(x),
  norm: (x) => tf.norm(x),
  pad: (x) =>
    tf.pad(
      x,
      [
        [1, 0],
        [0, 2],
      ],
      0.5,
    ),
  pow: (x, y) => tf.pow(x, y),
  reciprocal: (x) => tf.reciprocal(x),
  relu: (x) => tf.relu(tf.sub(x, 1)),
  reshape: (x) => tf.reshape(x, [9, 1]),
  reverse: (x) => tf.reverse(x, 1),
  'rotary, of part of the channels, scaled': (x) => turned(x),
  rsqrt: (x) => tf.rsqrt(x),
  softCap: (x) => softCap(x, 1.5),
  sigmoid: (x) => tf.sigmoid(x),
  sin: (x) => tf.sin(x),
  slice: (x) => tf.slice(x, [0, 1], [-1, 2]),
  softmax: (x) => tf.softmax(x),
  softmaxEntropy: (x) => softmaxEntropy(x),
  softplus: (x) => tf.softplus(x),
  split: (x) => tf.concat(tf.split(x, [1, 2], 1).reverse(), 1),
  'split in equal parts': (x) => tf.concat(tf.split(x, 3, 0).reverse(), 0),
  sqrt: (x) => tf.sqrt(x),
  square: (x) => tf.square(x),
  squaredDifference: (x, y) => tf.squaredDifference(x, y),
  squeeze: (x) => tf.squeeze(tf.expandDims(x, 0)),
  stack: (x, y) => tf.stack([x, y], 1),
  sub: (x, y) => tf.sub(x, y),
  sum: (x) => tf.sum(x, [0]),
  'sum of all': (x) => tf.sum(x),
  tanh: (x) => tf.tanh(x),
  tile: (x) => tf.tile(x, [2, 1]),
  transpose: (x) => tf.transpose(x),
  unsortedSegmentSum: (x) => tf.unsortedSegmentSum(x, ids(), 3),
  unstack: (x) => tf.addN(tf.unstack(x, 1)),
  // A condition that depends on a parameter has no gradient in TensorFlow.js.
  where: (x, y) => tf.where(tf.greater(tf.range(0, 3, 1, 'float32'), 1), x, tf.mul(y, 2)),
  'fused matMul': (x, y) =>
    tf.fused.matMul({ a: x, b: y, bias: tf.tensor1d([1, 2, 3]), activation: 'relu' }),
};

const others: Readonly<Record<string, Op>> = {
  all: (x) => tf.all(tf.greater(x, 0.5), 1),
  any: (x) => tf.any(tf.greater(x, 1.5), 1),
  argMax: (x) => tf.argMax(x, 1),
  argMin: (x) => tf.argMin(x, 1),
  'cast to int32': (x) => tf.cast(tf.mul(x, 10), 'int32'),
  'cast to bool': (x) => tf.cast(tf.greater(x, 1), 'bool'),
  ceil: (x) => tf.ceil(x),
  eye: (x) => tf.add(x, tf.eye(3)),
  equal: (x, y) => tf.equal(x, y),
  floor: (x) => tf.floor(x),
  floorDiv: (x, y) => tf.floorDiv(x, y),
  greater: (x, y) => tf.greater(x, y),
  greaterEqual: (x, y) => tf.greaterEqual(x, y),
  isFinite: (x) => tf.isFinite(tf.log(tf.relu(tf.sub(x, 1)))),
  isNaN: (x) => tf.isNaN(tf.sqrt(tf.sub(x, 1))),
  less: (x, y) => tf.less(x, y),
  lessEqual: (x, y) => tf.lessEqual(x, y),
  linspace: (x) => tf.mul(x, tf.linspace(0, 1, 3)),
  logicalAnd: (x, y) => tf.logicalAnd(tf.greater(x, 1), tf.greater(y, 1)),
  logicalNot: (x) => tf.logicalNot(tf.greater(x, 1)),
  logicalOr: (x, y) => tf.logicalOr(tf.greater(x, 1), tf.greater(y, 1)),
  mod: (x, y) => tf.mod(x, y),
  notEqual: (x, y) => tf.notEqual(x, y),
  oneHot: () => tf.oneHot(ids(), 3),
  'ones and zeros like': (x) => tf.stack([tf.onesLike(x), tf.zerosLike(x)]),
  prod: (x) => tf.prod(x, 1),
  range: (x) => tf.add(x, tf.range(0, 3, 1, 'float32')),
  round: (x) => tf.round(x),
  scatterND: () => tf.scatterND(tf.tensor2d([[1], [0]], [2, 1], 'int32'), tf.tensor1d([5, 6]), [3]),
  sign: (x) => tf.sign(tf.sub(x, 1)),
  step: (x) => tf.step(tf.sub(x, 1)),
  stridedSlice: (x) => tf.stridedSlice(x, [0, 0], [3, 3], [2, 1]),
  topk: (x) => tf.topk(x, 2).values,
};

const inputs = (): [tf.Tensor2D, tf.Tensor2D] => {
  const entries = (shift: number): number[] =>
    Array.from({ length: 9 }, (_, i) => 0.1 + ((i * 0.618 + shift) % 1) * 1.9);
  return [tf.tensor2d(entries(0.1), [3, 3]), tf.tensor2d(entries(0.4), [3, 3])];
};

describe('compiled equals eager', () => {
  it.each(Object.entries({ ...differentiable, ...others }))('%s', (_, op) => {
    const f = compile(op);
    tf.tidy(() => {
      const [x, y] = inputs();
      const expected = op(x, y);
      for (let i = 0; i < 2; i++) {
        const actual = f(x, y);
        expect([actual.shape, actual.dtype]).toEqual([expected.shape, expected.dtype]);
        expectClose(Array.from(actual.dataSync()), Array.from(expected.dataSync()));
      }
    });
    f.dispose();
  });

  it.each(Object.entries(differentiable))('the gradient of %s', (_, op) => {
    const gradient = (x: tf.Tensor2D, y: tf.Tensor2D) => {
      const { value, grads } = valueAndGrad((p) => {
        const z = op(p['x'] as tf.Tensor2D, p['y'] as tf.Tensor2D);
        return tf.sum(tf.mul(z, tf.cos(tf.reshape(tf.range(0, z.size, 1, 'float32'), z.shape))));
      })({ x, y });
      return { value, ...grads };
    };
    const f = compile(gradient);
    tf.tidy(() => {
      const [x, y] = inputs();
      const [expected, actual] = [gradient(x, y), f(x, y)];
      for (const name of ['value', 'x', 'y']) {
        expectClose(actual[name as 'value']!.arraySync(), expected[name as 'value']!.arraySync());
      }
    });
    f.dispose();
  });
});

describe('XLA', () => {
  it('computes all of them, and their gradients, in one function', () => {
    const all = (x: tf.Tensor2D, y: tf.Tensor2D) =>
      Object.fromEntries(
        Object.entries(differentiable).map(([name, op]) => {
          const { value, grads } = valueAndGrad((p) => {
            const z = op(p['x'] as tf.Tensor2D, p['y'] as tf.Tensor2D);
            return tf.sum(
              tf.mul(z, tf.cos(tf.reshape(tf.range(0, z.size, 1, 'float32'), z.shape))),
            );
          })({ x, y });
          return [name, { value, ...grads }];
        }),
      );
    const f = compile(all, { xla: true });
    tf.tidy(() => {
      const [x, y] = inputs();
      const [expected, actual] = [all(x, y), f(x, y)];
      for (const [name, results] of Object.entries(expected)) {
        for (const [part, tensor] of Object.entries(results)) {
          const same = (actual[name] as Record<string, tf.Tensor>)[part]!;
          expectClose(same.arraySync(), tensor.arraySync(), { atol: 1e-5, rtol: 1e-5 });
        }
      }
    });
    f.dispose();
  });

  it('tells the results of one operation apart', () => {
    const f = compile((x: tf.Tensor2D) => tf.split(x, 3, 1).reverse(), { xla: true });
    tf.tidy(() => {
      const x = tf.tensor2d([[1, 2, 3]]);
      expect(f(x).map((part) => part.arraySync())).toEqual([[[3]], [[2]], [[1]]]);
    });
    f.dispose();
  });

  it('takes many small tensors across its border, of every shape and in any order', () => {
    // Ranks 0 to 3, an argument that is handed on as it is, one that comes out twice, and other types beside them.
    const shapes = [[], [3], [2, 3], [1, 2, 2], [5], [1], [4], [2, 2], [6], [1, 1]];
    const step = (xs: readonly tf.Tensor[], count: tf.Tensor) => {
      const changed = xs.map((x, i) => tf.add(tf.mul(x, i + 1), tf.sum(xs[(i + 3) % xs.length]!)));
      return {
        changed: changed.toReversed(),
        again: changed[2]!,
        same: xs[1]!,
        count: tf.add(count, 1),
        total: tf.addN(changed.map((x) => tf.sum(x))),
      };
    };
    const f = compile(step, { xla: true });
    tf.tidy(() => {
      const count = tf.scalar(7, 'int32');
      for (const shift of [0, 100]) {
        const xs = shapes.map((shape, k) =>
          tf.add(tf.mul(tf.ones(shape), k + shift), tf.range(0, shape.at(-1) ?? 1)),
        );
        const [actual, expected] = [f(xs, count), step(xs, count)];
        expect(actual.changed.map((x) => x.arraySync())).toEqual(
          expected.changed.map((x) => x.arraySync()),
        );
        for (const name of ['again', 'same', 'count', 'total'] as const) {
          expect(actual[name].arraySync()).toEqual(expected[name].arraySync());
        }
      }
    });
    f.dispose();
  });

  it('keeps a state of many small tensors', () => {
    const names = Array.from({ length: 12 }, (_, i) => `p${i}`);
    const initial = Object.fromEntries(names.map((name, i) => [name, tf.fill([i + 1], i)]));
    const step = compileWithState(
      initial,
      (state, by: tf.Tensor) => ({
        state: Object.fromEntries(names.map((name) => [name, tf.add(state[name]!, by)])),
        output: tf.addN(names.map((name) => tf.sum(state[name]!))),
      }),
      { xla: true },
    );
    tf.tidy(() => {
      for (const by of [1, 2]) step(tf.scalar(by));
      const state = step.state();
      names.forEach((name, i) =>
        expect(state[name]!.arraySync()).toEqual(Array(i + 1).fill(i + 3)),
      );
    });
    step.dispose();
    tf.dispose(initial);
  });

  it('keeps a state', () => {
    const initial = { n: tf.scalar(0) };
    const count = compileWithState(
      initial,
      ({ n }, by: tf.Tensor) => ({ state: { n: tf.add(n, by) }, output: [n, by] }),
      { xla: true },
    );
    tf.tidy(() => {
      for (const by of [1, 2, 3]) count(tf.scalar(by));
      expect(count.state().n.arraySync()).toBe(6);
    });
    count.dispose();
    initial.n.dispose();
  });
});

describe('random expressions', () => {
  /** A program: each instruction takes earlier values, and adds one. */
  const instruction = fc.record({
    op: fc.nat(),
    left: fc.nat(),
    right: fc.nat(),
  });
  const safe: readonly Op[] = [
    (x, y) => tf.add(x, y),
    (x, y) => tf.sub(x, y),
    (x, y) => tf.mul(tf.sigmoid(x), y),
    (x, y) => tf.maximum(x, y),
    (x, y) => tf.div(x, tf.add(1, tf.square(y))),
    (x, y) => tf.matMul(tf.sigmoid(x), tf.sigmoid(y)),
    (x, y) => tf.matMul(tf.softmax(x), y, false, true),
    (x) => tf.transpose(x),
    (x) => tf.tanh(x),
    (x) => logSoftmax(tf.sigmoid(x)),
    (x) => tf.add(tf.sum(tf.sigmoid(x), 1, true), tf.zerosLike(x)),
    (x, y) => tf.where(tf.greater(tf.range(0, 3, 1, 'float32'), 1), x, y) as tf.Tensor2D,
    (x) => tf.gather(x, ids()) as tf.Tensor2D,
    (x) => tf.concat([tf.slice(x, [0, 1], [-1, 2]), tf.slice(x, [0, 0], [-1, 1])], 1),
  ];

  it('give the same values and gradients', () => {
    fc.assert(
      fc.property(fc.array(instruction, { minLength: 1, maxLength: 12 }), (program) => {
        const evaluate = (x: tf.Tensor2D, y: tf.Tensor2D): tf.Scalar => {
          const values: tf.Tensor2D[] = [x, y];
          for (const { op, left, right } of program) {
            const pick = (i: number): tf.Tensor2D => values[i % values.length]!;
            values.push(safe[op % safe.length]!(pick(left), pick(right)) as tf.Tensor2D);
          }
          return tf.sum(tf.addN(values));
        };
        const both = (x: tf.Tensor2D, y: tf.Tensor2D) => {
          const { value, grads } = valueAndGrad((p) =>
            evaluate(p['x'] as tf.Tensor2D, p['y'] as tf.Tensor2D),
          )({ x, y });
          return [value, grads['x']!, grads['y']!];
        };
        const f = compile(both);
        tf.tidy(() => {
          const [x, y] = inputs();
          const read = (tensors: readonly tf.Tensor[]): number[][] =>
            tensors.map((each) => Array.from(each.dataSync()));
          expectClose(read(f(x, y)), read(both(x, y)), { atol: 1e-4, rtol: 1e-4 });
        });
        f.dispose();
      }),
      { numRuns: 25 },
    );
  });
});

import {
  adamw,
  applyUpdates,
  chain,
  clipByGlobalNorm,
  constant,
  cosine,
  disposeParams,
  fold,
  globalNorm,
  linear,
  mergeParams,
  type Optimizer,
  type Params,
  randomNormal,
  rng,
  scheduleValue,
  sgd,
  valueAndGrad,
  warmup,
} from '@cfrl/engine';
import { expectClose } from '@cfrl/testkit';
import * as tf from '@tensorflow/tfjs-core';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

/** Takes steps with fixed gradients and returns the parameters after each. */
function run(
  optimizer: Optimizer,
  start: readonly number[],
  grads: readonly (readonly number[])[],
) {
  return tf.tidy(() => {
    let params: Params = { w: tf.tensor1d([...start]) };
    let state = optimizer.init(params);
    return grads.map((g) => {
      const step = optimizer.update({ w: tf.tensor1d([...g]) }, state, params);
      state = step.state;
      params = applyUpdates(params, step.updates);
      return params['w']!.arraySync() as number[];
    });
  });
}

const gradients = fc.array(
  fc.array(
    fc.integer({ min: -50, max: 50 }).map((n) => n / 10),
    { minLength: 3, maxLength: 3 },
  ),
  { minLength: 1, maxLength: 6 },
);

describe('adamw', () => {
  it('equals algorithm 2 of Loshchilov and Hutter, computed in doubles', () => {
    fc.assert(
      fc.property(gradients, fc.constantFrom(0, 0.1), (grads, weightDecay) => {
        const [rate, b1, b2, eps] = [0.01, 0.9, 0.999, 1e-8];
        let w = [0.5, -1, 2];
        let m = [0, 0, 0];
        let v = [0, 0, 0];
        const expected = grads.map((g, k) => {
          const t = k + 1;
          m = m.map((x, i) => b1 * x + (1 - b1) * g[i]!);
          v = v.map((x, i) => b2 * x + (1 - b2) * g[i]! ** 2);
          w = w.map((x, i) => {
            const adam = m[i]! / (1 - b1 ** t) / (Math.sqrt(v[i]! / (1 - b2 ** t)) + eps);
            return x - rate * (adam + weightDecay * x);
          });
          return w;
        });
        const optimizer = adamw({ learningRate: rate, weightDecay });
        expectClose(run(optimizer, [0.5, -1, 2], grads), expected, { atol: 1e-6, rtol: 1e-5 });
      }),
      { numRuns: 40 },
    );
  });

  it('works on joined tensors as on each alone, bit for bit, and keeps shapes and the order of names', () => {
    fc.assert(
      fc.property(
        fc.array(fc.array(fc.integer({ min: 1, max: 5 }), { maxLength: 3 }), { maxLength: 6 }),
        fc.boolean(),
        fc.nat(100_000),
        (shapes, large, seed) => {
          tf.tidy(() => {
            const all = large ? [[130, 130], ...shapes] : shapes;
            const record = (k: number): Params =>
              Object.fromEntries(
                all.map((shape, i) => [`p${i}`, randomNormal(rng(fold(seed, k, i)), shape)]),
              );
            const [start, first, second] = [record(0), record(1), record(2)];
            const optimizer = adamw({ learningRate: 0.1, weightDecay: 0.1 });
            const steps = (only: (params: Params) => Params) => {
              const one = optimizer.update(only(first), optimizer.init(only(start)), only(start));
              return optimizer.update(only(second), one.state, only(start));
            };
            const together = steps((params) => params);
            expect(Object.keys(together.updates)).toEqual(Object.keys(start));
            expect(Object.keys(together.state)).toEqual(Object.keys(optimizer.init(start)));
            for (const name of Object.keys(start)) {
              const alone = steps((params) => ({ [name]: params[name]! }));
              for (const [a, b] of [
                [together.updates[name]!, alone.updates[name]!],
                [together.state[`m/${name}`]!, alone.state[`m/${name}`]!],
                [together.state[`v/${name}`]!, alone.state[`v/${name}`]!],
              ] as const) {
                expect(a.shape).toEqual(b.shape);
                expect(a.dataSync()).toEqual(b.dataSync());
              }
            }
          });
        },
      ),
      { numRuns: 12 },
    );
  });

  it('refuses options outside their range and unknown ones', () => {
    expect(() => adamw({ learningRate: NaN })).toThrow(
      'adamw: learningRate is NaN, expected a number >= 0',
    );
    expect(() => adamw({ learningRate: 1, beta2: 1 })).toThrow('adamw: beta2 is 1');
    expect(() => adamw({ learningRate: 1, lr: 2 } as never)).toThrow(
      'adamw: options has "lr", expected only learningRate, beta1, beta2, epsilon, weightDecay',
    );
  });
});

describe('globalNorm', () => {
  it('is the norm of all entries, with the unit vector as its gradient', () => {
    tf.tidy(() => {
      const params = {
        a: tf.tensor1d([1, -2]),
        b: tf.tensor2d([
          [2, 4],
          [0, 0],
        ]),
      };
      const { value, grads } = valueAndGrad(globalNorm)(params);
      expectClose(value.arraySync(), 5);
      expectClose(grads['a']!.arraySync(), [0.2, -0.4]);
      expectClose(grads['b']!.arraySync(), [
        [0.4, 0.8],
        [0, 0],
      ]);
      expect(globalNorm({}).arraySync()).toBe(0);
    });
  });
});

describe('sgd', () => {
  it('equals its definition with and without momentum', () => {
    fc.assert(
      fc.property(gradients, fc.constantFrom(0, 0.5), (grads, momentum) => {
        let w = [0.5, -1, 2];
        let b = [0, 0, 0];
        const expected = grads.map((g) => {
          b = b.map((x, i) => momentum * x + g[i]!);
          w = w.map((x, i) => x - 0.1 * b[i]!);
          return w;
        });
        expectClose(run(sgd({ learningRate: 0.1, momentum }), [0.5, -1, 2], grads), expected);
      }),
      { numRuns: 30 },
    );
  });
});

describe('clipByGlobalNorm', () => {
  it('never exceeds the norm, keeps the direction, and leaves small gradients alone', () => {
    fc.assert(
      fc.property(gradients, (grads) => {
        tf.tidy(() => {
          const record = Object.fromEntries(grads.map((g, i) => [`p${i}`, tf.tensor1d(g)]));
          const norm = Math.hypot(...grads.flat());
          const { updates } = clipByGlobalNorm(2).update(record, {}, record);
          expectClose(globalNorm(updates).arraySync(), Math.min(norm, 2), { rtol: 1e-4 });
          const scale = norm > 2 ? 2 / norm : 1;
          const flat = Object.values(updates).map((t) => t.arraySync());
          expectClose(
            flat,
            grads.map((g) => g.map((x) => x * scale)),
            { rtol: 1e-4 },
          );
        });
      }),
      { numRuns: 30 },
    );
  });
});

describe('clipByGlobalNorm at the ends of float32', () => {
  const clipped = (maxNorm: number, grads: readonly number[]): unknown =>
    tf.tidy(() =>
      clipByGlobalNorm(maxNorm)
        .update({ w: tf.tensor1d([...grads]) }, {}, {})
        .updates['w']!.arraySync(),
    );

  it.each([Infinity, Number.MAX_VALUE, 1e39, 3.4e38])('%d clips nothing', (maxNorm) => {
    expect(clipped(maxNorm, [3, -4])).toEqual([3, -4]);
    expect(clipped(maxNorm, [0, 0])).toEqual([0, 0]);
  });

  it.each([Infinity, 1, 1e-30, 1e-50, Number.MIN_VALUE])(
    'gradients of 0 stay 0 under %d',
    (maxNorm) => {
      expect(clipped(maxNorm, [0, 0])).toEqual([0, 0]);
    },
  );

  it('an infinite gradient stays one that is not finite, whatever the bound', () => {
    for (const maxNorm of [Infinity, 1e39, 1]) {
      const [first] = clipped(maxNorm, [Infinity, 1]) as number[];
      expect(Number.isFinite(first)).toBe(false);
      expect((clipped(maxNorm, [NaN, 1]) as number[])[0]).toBeNaN();
    }
  });
});

describe('optimisers at the ends of float32', () => {
  const once = (optimizer: Optimizer, gradient: number): unknown => {
    const [first] = run(optimizer, [0.5, 0], [[gradient, gradient]]) as number[][];
    return first;
  };

  it('a learning rate, gradient or decay of 0 moves nothing', () => {
    for (const beta of [0, 0.9]) {
      const options = { beta1: beta, beta2: beta, weightDecay: 0, epsilon: 1e-30 };
      expect(once(adamw({ learningRate: 0, ...options }), 1)).toEqual([0.5, 0]);
      expect(once(adamw({ learningRate: 1, ...options }), 0)).toEqual([0.5, 0]);
    }
    expect(once(sgd({ learningRate: 0, momentum: 0.9 }), 1)).toEqual([0.5, 0]);
    expect(once(adamw({ learningRate: 0, weightDecay: 3e38 }), 0)).toEqual([0.5, 0]);
  });

  it.each<[string, () => unknown, string]>([
    ['epsilon 0', () => adamw({ learningRate: 1, epsilon: 0 }), 'adamw: epsilon is 0'],
    ['epsilon 1e-50', () => adamw({ learningRate: 1, epsilon: 1e-50 }), 'adamw: epsilon is 1e-50'],
    ['a rate of 1e39', () => adamw({ learningRate: 1e39 }), 'adamw: learningRate is 1e+39'],
    ['a decay of 1e39', () => adamw({ learningRate: 1, weightDecay: 1e39 }), 'adamw: weightDecay'],
    ['momentum 1', () => sgd({ learningRate: 1, momentum: 1 }), 'sgd: momentum is 1, expected'],
    ['a line to 1e39', () => linear(0, 1e39, 3), 'linear: to is 1e+39, expected'],
    ['a wave from -1e39', () => cosine(-1e39, 0, 3), 'cosine: from is -1e+39, expected'],
    ['a line of 0 steps', () => linear(0, 1, 0), 'linear: steps is 0'],
    ['a wave of 0 steps', () => cosine(0, 1, 0), 'cosine: steps is 0'],
    ['a rise of 0 steps', () => warmup(0, constant(1)), 'warmup: steps is 0'],
    ['a constant of NaN', () => scheduleValue(NaN, 1), 'scheduleValue: schedule is NaN'],
    [
      'no optimiser',
      () => chain([sgd({ learningRate: 1 })] as never),
      'chain: optimizers[0] is an array',
    ],
    ['a call left out', () => chain(sgd as never), 'chain: optimizers[0] is function'],
  ])('refuses %s', (_, call, message) => {
    expect(call).toThrow(message);
  });
});

describe('chain', () => {
  it('passes each part what the former returned, and keeps their states apart', () => {
    const both = chain(clipByGlobalNorm(1), adamw({ learningRate: 0.1 }), sgd({ learningRate: 1 }));
    tf.tidy(() => {
      const params = { w: tf.tensor1d([1, 2]) };
      expect(Object.keys(both.init(params))).toEqual(['1/step', '1/m/w', '1/v/w', '2/step']);
      const clipped = run(chain(clipByGlobalNorm(1), sgd({ learningRate: 1 })), [0, 0], [[30, 40]]);
      expectClose(clipped, [[-0.6, -0.8]]);
    });
  });
});

const rosenbrock = ({ x, y }: Params): tf.Tensor =>
  tf.tidy(() => tf.add(tf.square(tf.sub(1, x!)), tf.mul(10, tf.square(tf.sub(y!, tf.square(x!))))));

describe('every optimiser', () => {
  it.each([
    ['sgd', sgd({ learningRate: 0.01 }), 1500],
    ['sgd with momentum', sgd({ learningRate: 0.005, momentum: 0.9 }), 500],
    ['adamw', adamw({ learningRate: 0.05, weightDecay: 0 }), 500],
    [
      'clipped adamw',
      chain(clipByGlobalNorm(1), adamw({ learningRate: 0.05, weightDecay: 0 })),
      500,
    ],
  ])(
    '%s finds the minimum of a curved valley and leaks nothing on the way',
    (_, optimizer, steps) => {
      let params: Params = { x: tf.scalar(-0.5), y: tf.scalar(0.8) };
      let state = optimizer.init(params);
      const before = tf.memory().numTensors;
      for (let i = 0; i < steps; i++) {
        const { value, grads } = valueAndGrad(rosenbrock)(params);
        const step = optimizer.update(grads, state, params);
        const next = applyUpdates(params, step.updates);
        disposeParams(mergeParams(grads, { value }));
        disposeParams(step.updates);
        disposeParams(state);
        disposeParams(params);
        params = next;
        state = step.state;
      }
      expect(tf.memory().numTensors).toBe(before);
      expectClose([params['x']!.arraySync(), params['y']!.arraySync()], [1, 1], { atol: 0.05 });
      disposeParams(params);
      disposeParams(state);
    },
  );

  it('does not depend on the order of names', () => {
    const step = (names: readonly string[]): Record<string, unknown> =>
      tf.tidy(() => {
        const params = Object.fromEntries(names.map((n) => [n, tf.scalar(n.length)]));
        const optimizer = chain(clipByGlobalNorm(0.5), adamw({ learningRate: 0.1 }));
        const { updates } = optimizer.update(params, optimizer.init(params), params);
        return Object.fromEntries(names.map((n) => [n, updates[n]!.arraySync()]));
      });
    expect(step(['a', 'bb', 'ccc'])).toEqual(step(['ccc', 'a', 'bb']));
  });
});

describe('schedules', () => {
  it('equal their formulas at every step', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 50 }), fc.integer({ min: 0, max: 120 }), (n, t) => {
        const part = Math.min(t / n, 1);
        expectClose(scheduleValue(linear(2, 0.5, n), t), 2 - 1.5 * part);
        expectClose(
          scheduleValue(cosine(2, 0.5, n), t),
          0.5 + 0.75 * (1 + Math.cos(Math.PI * part)),
        );
        const late = Math.min(Math.max(t - 5, 0) / n, 1);
        const rise = Math.min((t + 1) / 5, 1);
        expectClose(scheduleValue(warmup(5, linear(2, 0.5, n)), t), rise * (2 - 1.5 * late));
        expectClose(scheduleValue(constant(0.3), t), 0.3);
      }),
    );
  });

  it('drive the optimiser from its own step count', () => {
    const moved = run(sgd({ learningRate: linear(1, 0, 2) }), [0], [[1], [1], [1]]);
    expectClose(moved, [[-1], [-1.5], [-1.5]]);
  });
});

import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

import {
  rematerialize,
  compile,
  dense,
  gelu,
  layerNorm,
  mapRows,
  repeat,
  stopGradient,
  valueAndGrad,
  vjp,
  type Params,
} from '@cfrl/engine';
import { expectClose, numericalGradient } from '@cfrl/testkit';
import * as tf from '@tensorflow/tfjs-core';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { distance, drawn, seeds } from './ops/arrays.js';

type Constants = { readonly shift: tf.Tensor; readonly factor: number };

/** A block with every kind of gradient: hand-written ones, TensorFlow.js' own, a constant. */
const block = ({ x, a, b, gain, bias }: Params, { shift, factor }: Constants): tf.Tensor => {
  const inner = gelu(dense(layerNorm(x!, gain!, bias!, 1e-3), a!, 'in-out'));
  return tf.add(x!, tf.mul(tf.sigmoid(tf.add(dense(inner, b!, 'in-out'), shift)), factor));
};

const blockParams = (seed: number, n: number, d: number): Params => ({
  x: drawn(seed, [n, d]),
  a: drawn(seed + 1, [d, 2 * d]),
  b: drawn(seed + 2, [2 * d, d]),
  gain: drawn(seed + 3, [d]),
  bias: drawn(seed + 4, [d]),
});

/** Two blocks, the second on the first's result; the loss weighs entries differently. */
const stack =
  (run: typeof rematerialize<Constants>) =>
  (params: Params): tf.Tensor => {
    const constants = { shift: tf.tensor1d([0.3]), factor: 2 };
    const first = run(block, params, constants);
    const second = run(block, { ...params, x: first }, constants);
    return tf.sum(tf.sin(tf.mul(second, 1.3)));
  };
const plainly: typeof rematerialize<Constants> = (f, params, constants) => f(params, constants);

describe('rematerialize', () => {
  it('gives the values and gradients of the function itself, to the bit', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 4 }),
        fc.integer({ min: 2, max: 4 }),
        seeds,
        (n, d, seed) => {
          tf.tidy(() => {
            const params = blockParams(seed, n, d);
            const [actual, expected] = [rematerialize<Constants>, plainly].map((run) =>
              valueAndGrad(stack(run))(params),
            );
            expect(actual!.value.dataSync()).toEqual(expected!.value.dataSync());
            for (const name of Object.keys(params)) {
              expect(actual!.grads[name]!.dataSync(), name).toEqual(
                expected!.grads[name]!.dataSync(),
              );
            }
          });
        },
      ),
      { numRuns: 20 },
    );
  });

  it('equals central differences', () => {
    tf.tidy(() => {
      const params = blockParams(3, 2, 3);
      const expected = numericalGradient(stack(rematerialize), params);
      const { grads } = valueAndGrad(stack(rematerialize))(params);
      for (const name of Object.keys(params)) {
        expectClose(grads[name]!.dataSync(), expected[name], { atol: 1e-2, rtol: 2e-2 });
      }
    });
  });

  it('can be nested, and differentiated twice', () => {
    tf.tidy(() => {
      const params = blockParams(5, 2, 3);
      const nested: typeof rematerialize<Constants> = (f, p, constants) =>
        rematerialize((q, c) => rematerialize(f, q, c), p, constants);
      const slope = (run: typeof rematerialize<Constants>) => (p: Params) =>
        tf.sum(tf.square(valueAndGrad(stack(run))(p).grads['x']!));
      const expected = valueAndGrad(slope(plainly))(params);
      for (const run of [rematerialize<Constants>, nested]) {
        const actual = valueAndGrad(slope(run))(params);
        for (const name of Object.keys(params)) {
          expect(distance(actual.grads[name]!, expected.grads[name]!), name).toBeLessThan(1e-5);
        }
      }
    });
  });

  it('keeps nothing of what is computed on the way, and computes it once more in the gradient', () => {
    tf.tidy(() => {
      const params = blockParams(7, 2, 3);
      let [runs, kept] = [0, 0];
      const counted: typeof block = (p, constants) => {
        runs += 1;
        return block(p, constants);
      };
      const before = tf.memory().numTensors;
      valueAndGrad((p) => {
        const y = rematerialize(counted, p, { shift: tf.scalar(0), factor: 1 });
        kept = tf.memory().numTensors - before;
        return tf.sum(y);
      })(params);
      expect(runs).toBe(2);
      // the result, a constant made here, and clones of the result, the parameters and the constant
      expect(kept).toBeLessThanOrEqual(1 + 1 + 1 + 5 + 1);
    });
  });

  it('asks for the gradients that are asked for alone', () => {
    tf.tidy(() => {
      const params = blockParams(9, 2, 3);
      const asked: string[][] = [];
      const watched = (p: Params): tf.Tensor => {
        const names = Object.keys(p);
        // An identity for each parameter that says when its gradient is computed.
        const seen = names.map((name) => {
          const mark = tf.customGrad((...args) => ({
            value: tf.clone(args[0] as tf.Tensor),
            gradFunc: (dy: tf.Tensor) => {
              asked.at(-1)!.push(name);
              return dy;
            },
          }));
          return [name, mark(p[name]!)] as const;
        });
        return block(Object.fromEntries(seen), { shift: tf.scalar(0), factor: 1 });
      };
      const gradient = (names: readonly string[], input: (p: Params) => tf.Tensor): string[] => {
        asked.push([]);
        const trained = Object.fromEntries(names.map((name) => [name, params[name]!]));
        valueAndGrad((p) => tf.sum(rematerialize(watched, { ...params, ...p, x: input(p) }, {})))(
          trained,
        );
        return asked.at(-1)!.sort();
      };
      expect(gradient(['b'], () => params['x']!)).toEqual(['b']);
      expect(gradient(['b', 'gain'], () => params['x']!)).toEqual(['b', 'gain']);
      // x depends on b, by operations of its own
      expect(gradient(['b'], ({ b }) => tf.slice(tf.mul(b!, 2), [0, 0], [2, 3]))).toEqual([
        'b',
        'x',
      ]);
      expect(gradient(['x'], ({ x }) => x!)).toEqual(['x']);
    });
  });

  it('serves a gradient of TensorFlow.js, and calls without any', () => {
    tf.tidy(() => {
      const square = ({ x }: Params): tf.Tensor => tf.square(x!);
      const f = (x: tf.Tensor): tf.Tensor => rematerialize(square, { x }, {});
      expect(tf.grad(f)(tf.scalar(3)).arraySync()).toBe(6);
      expect(f(tf.scalar(3)).arraySync()).toBe(9);
    });
  });

  it('leaves a tape behind it that still serves, also when the function throws', () => {
    const x = tf.scalar(2);
    let calls = 0;
    const failing = ({ y }: Params): tf.Tensor => {
      calls += 1;
      if (calls === 2) throw new Error('the second time');
      return tf.square(y!);
    };
    expect(() =>
      valueAndGrad(({ x: y }) => tf.mul(rematerialize(failing, { y: y! }, {}), 3))({ x }),
    ).toThrow('the second time');
    const { value, grads } = valueAndGrad(({ x: y }) => tf.square(y!))({ x });
    expect(grads['x']!.arraySync()).toBe(4);
    tf.dispose([x, value, grads as Record<string, tf.Tensor>]);
  });

  it('refuses constants that cannot be kept', () => {
    tf.tidy(() => {
      const f = (x: tf.Tensor) => rematerialize(({ y }) => y!, { y: x }, { get: () => 1 });
      expect(() => tf.grad(f)(tf.scalar(1))).toThrow(
        'rematerialize: arguments: value.constants.get is a function, expected tensors, plain values',
      );
    });
  });

  describe.each([{}, { xla: true }])('in a compiled function, %j', (options) => {
    it('gives the same gradients inside of a loop', () => {
      tf.tidy(() => {
        const params = blockParams(17, 2, 3);
        // The cotangent comes from outside of the loop.
        const descend = (run: typeof rematerialize<Constants>) => (x: tf.Tensor, u: tf.Tensor) =>
          repeat(tf.scalar(3, 'int32'), { x }, (_, { x: now }) => {
            const f = (p: Params) => run(block, { ...params, ...p }, { shift: x, factor: 2 });
            return { x: tf.sub(now, tf.mul(0.1, vjp(f, { x: now }, u).grads['x']!)) };
          });
        const f = compile(descend(rematerialize), options);
        const u = drawn(18, [2, 3]);
        const [actual, expected] = [f(params['x']!, u), descend(plainly)(params['x']!, u)];
        expect(distance(actual.x, expected.x)).toBeLessThan(1e-5);
        f.dispose();
      });
    });

    it('gives the same gradients', () => {
      tf.tidy(() => {
        const params = blockParams(11, 3, 4);
        const f = compile((p: Params) => valueAndGrad(stack(rematerialize))(p), options);
        const [actual, expected] = [f(params), valueAndGrad(stack(plainly))(params)];
        expect(distance(actual.value, expected.value)).toBeLessThan(1e-5);
        for (const name of Object.keys(params)) {
          expect(distance(actual.grads[name]!, expected.grads[name]!), name).toBeLessThan(1e-5);
        }
        f.dispose();
      });
    });

    it('is differentiated twice', () => {
      tf.tidy(() => {
        const params = blockParams(13, 2, 3);
        const slope = (run: typeof rematerialize<Constants>) => (p: Params) =>
          tf.sum(tf.square(valueAndGrad(stack(run))(p).grads['x']!));
        const f = compile((p: Params) => valueAndGrad(slope(rematerialize))(p), options);
        const [actual, expected] = [f(params), valueAndGrad(slope(plainly))(params)];
        for (const name of Object.keys(params)) {
          expect(distance(actual.grads[name]!, expected.grads[name]!), name).toBeLessThan(1e-5);
        }
        f.dispose();
      });
    });
  });
});

/** The smaller of two peaks, MiB: what the executor happens to run early on a busy machine only adds. */
async function peak(...asked: Parameters<typeof peakOnce>): Promise<number> {
  return Math.min(await peakOnce(...asked), await peakOnce(...asked));
}

/** The peak of a process of its own, MiB: see testing/recompute-memory.ts. */
async function peakOnce(mode: 'graph' | 'xla', what: 'recomputed' | 'kept', threads: string) {
  const script = fileURLToPath(new URL('../testing/recompute-memory.ts', import.meta.url));
  const flags = ['--import', 'tsx', '--conditions=@cfrl/source'];
  const env = { ...process.env, CFRL_THREADS: threads };
  const { stdout } = await promisify(execFile)(process.execPath, [...flags, script, mode, what], {
    env,
  });
  return Number(stdout);
}

describe('the memory of a compiled gradient', () => {
  it.each([
    ['graph', '1', 1.25],
    ['graph', '2', 1.25],
    ['xla', '2', 1.25],
  ] as const)(
    'is smaller when blocks are computed again, %s on %s threads',
    async (mode, threads, factor) => {
      if (tf.getBackend() !== 'tensorflow') return;
      const recomputed = await peak(mode, 'recomputed', threads);
      expect((await peak(mode, 'kept', threads)) / recomputed).toBeGreaterThan(factor);
    },
  );
});

describe('mapRows', () => {
  const f = ({ x, ids }: Params, { w, frozen }: Params): tf.Tensor => {
    const scaled = tf.mul(x!, tf.expandDims(tf.cast(ids!, 'float32'), -1));
    return tf.sin(tf.mul(tf.matMul(scaled as tf.Tensor2D, w as tf.Tensor2D), frozen!));
  };
  const drawnInputs = (seed: number, n: number) => ({
    x: drawn(seed, [n, 3]),
    ids: tf.range(1, n + 1, 1, 'int32'),
    w: drawn(seed + 1, [3, 2]),
    frozen: drawn(seed + 2, [2]),
  });

  it('is the function of all rows, with its gradients, whatever the size of chunks', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 7 }),
        fc.integer({ min: 1, max: 8 }),
        seeds,
        (n, chunkSize, seed) => {
          tf.tidy(() => {
            const { x, ids, w, frozen } = drawnInputs(seed, n);
            const cotangent = drawn(seed + 3, [n, 2]);
            const whole = vjp(
              (p) => f({ x: p['x']!, ids }, { w: p['w']!, frozen }),
              { x, w },
              cotangent,
            );
            const mapped = (p: Params): tf.Tensor =>
              mapRows(f, { x: p['x']!, ids }, { w: p['w']!, frozen }, { chunkSize });
            const parts = vjp(mapped, { x, w }, cotangent);
            expect(distance(parts.value, whole.value)).toBeLessThan(1e-6);
            expect(distance(mapped({ x, w }), whole.value)).toBeLessThan(1e-6);
            for (const name of ['x', 'w']) {
              expect(distance(parts.grads[name]!, whole.grads[name]!), name).toBeLessThan(1e-5);
            }
          });
        },
      ),
      { numRuns: 40 },
    );
  });

  it.each([undefined, {}, { xla: true }])(
    'is differentiated twice, compiled with %j',
    (options) => {
      tf.tidy(() => {
        const { x, ids, w, frozen } = drawnInputs(21, 5);
        const slope = (map: typeof mapRows) => (p: Params) => {
          const loss = (q: Params): tf.Tensor =>
            tf.sum(
              tf.square(map(f, { x: q['x']!, ids }, { w: q['w']!, frozen }, { chunkSize: 2 })),
            );
          const { grads } = valueAndGrad(loss)(p);
          return tf.add(tf.sum(tf.square(grads['w']!)), tf.sum(tf.sin(grads['x']!)));
        };
        const twice = (p: Params) => valueAndGrad(slope(mapRows))(p);
        const compiled = options && compile(twice, options);
        const actual = (compiled ?? twice)({ x, w });
        const expected = valueAndGrad(slope((g, rows, shared) => g(rows, shared)))({ x, w });
        for (const name of ['x', 'w']) {
          expect(distance(actual.grads[name]!, expected.grads[name]!), name).toBeLessThan(1e-4);
        }
        compiled?.dispose();
      });
    },
  );

  it('holds one chunk at a time', () => {
    tf.tidy(() => {
      const { x, ids, w, frozen } = drawnInputs(23, 6);
      const counts: number[] = [];
      const counted: typeof f = (rows, shared) => {
        counts.push(tf.memory().numTensors);
        return f(rows, shared);
      };
      valueAndGrad((p) =>
        tf.sum(mapRows(counted, { x: p['x']!, ids }, { w: p['w']!, frozen }, { chunkSize: 1 })),
      )({ x, w });
      expect(counts.length).toBe(12);
      // One more result or gradient of rows a chunk; what a chunk computes on the way is gone.
      const growth = counts.map((count, i) => count - counts[0]! - (i < 6 ? i : 0));
      expect(growth.slice(0, 6)).toEqual([0, 0, 0, 0, 0, 0]);
      expect(counts.slice(7).map((count, i) => count - counts[i + 6]!)).toEqual([2, 1, 1, 1, 1]);
    });
  });

  it('takes no gradient of what has stopped, and refuses rows that do not fit', () => {
    tf.tidy(() => {
      const { x, ids, w, frozen } = drawnInputs(25, 3);
      const loss = (p: Params): tf.Tensor =>
        tf.sum(mapRows(f, { x: stopGradient(p['x']!), ids }, { w, frozen }, { chunkSize: 2 }));
      expect(valueAndGrad(loss)({ x }).grads['x']!.dataSync()).toEqual(new Float32Array(9));
      expect(() =>
        mapRows(f, { x, ids: tf.slice(ids, [0], [2]) }, { w, frozen }, { chunkSize: 2 }),
      ).toThrow(
        "mapRows: rows has 'ids' of shape [2], expected tensors [N, ...] with N = 3 as the first",
      );
      expect(() => mapRows(f, {}, {}, { chunkSize: 2 })).toThrow('mapRows: rows has no rows');
      expect(() => mapRows(f, { x, ids }, { w, frozen }, { chunkSize: 0 })).toThrow(
        'mapRows: chunkSize is 0, expected a positive integer',
      );
    });
  });
});

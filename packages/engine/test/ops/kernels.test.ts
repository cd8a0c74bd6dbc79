/** Kernels that the engine replaces on WebAssembly, against their definitions; the other backends must agree. */
import { useBackend } from '@cfrl/engine';
import * as tf from '@tensorflow/tfjs-core';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { distance, drawn, seeds } from './arrays.js';

const sizes = fc.integer({ min: 1, max: 9 });
const stacks = fc.array(fc.integer({ min: 1, max: 3 }), { maxLength: 2 });
const ones = (shape: readonly number[]): number[] => shape.map(() => 1);

/** The product of two stacks that broadcast, by its definition. */
function slowProduct(
  a: tf.Tensor,
  b: tf.Tensor,
  transposeA: boolean,
  transposeB: boolean,
): tf.Tensor {
  const turned = (x: tf.Tensor, turn: boolean): tf.Tensor => {
    const axes = x.shape.map((_, i) => i);
    return turn ? tf.transpose(x, [...axes.slice(0, -2), x.rank - 1, x.rank - 2]) : x;
  };
  // [..., n, k, 1] * [..., 1, k, m], summed over k
  return tf.sum(
    tf.mul(tf.expandDims(turned(a, transposeA), -1), tf.expandDims(turned(b, transposeB), -3)),
    -2,
  );
}

describe('matMul', () => {
  it('equals its definition with any flags, stacks and broadcasting, and so do its gradients', () => {
    fc.assert(
      fc.property(
        fc.tuple(sizes, sizes, sizes),
        stacks,
        fc.constantFrom('same', 'a', 'b'),
        fc.boolean(),
        fc.boolean(),
        seeds,
        ([n, k, m], stack, broadcast, transposeA, transposeB, seed) => {
          tf.tidy(() => {
            const outerA = broadcast === 'a' ? ones(stack) : stack;
            const outerB = broadcast === 'b' ? ones(stack) : stack;
            const a = drawn(seed, [...outerA, ...(transposeA ? [k, n] : [n, k])]);
            const b = drawn(seed + 1, [...outerB, ...(transposeB ? [m, k] : [k, m])]);
            const product = (x: tf.Tensor, y: tf.Tensor): tf.Tensor =>
              tf.matMul(x, y, transposeA, transposeB);
            const expected = slowProduct(a, b, transposeA, transposeB);
            const actual = product(a, b);
            expect(actual.shape).toEqual(expected.shape);
            expect(distance(actual, expected)).toBeLessThan(1e-5);
            if (broadcast !== 'same' && stack.length > 0) return; // TensorFlow.js has no gradient there
            const dy = drawn(seed + 2, expected.shape);
            const [da, db] = tf.grads(product)([a, b], dy) as [tf.Tensor, tf.Tensor];
            const [ea, eb] = tf.grads((x, y) => slowProduct(x, y, transposeA, transposeB))(
              [a, b],
              dy,
            ) as [tf.Tensor, tf.Tensor];
            expect(distance(da, ea)).toBeLessThan(1e-5);
            expect(distance(db, eb)).toBeLessThan(1e-5);
          });
        },
      ),
      { numRuns: 80 },
    );
  });

  it('fused with bias and activation equals its parts, whatever the flags', () => {
    fc.assert(
      fc.property(
        sizes,
        sizes,
        sizes,
        fc.boolean(),
        fc.boolean(),
        seeds,
        (n, k, m, transposeA, transposeB, seed) => {
          tf.tidy(() => {
            const a = drawn(seed, transposeA ? [k, n] : [n, k]) as tf.Tensor2D;
            const b = drawn(seed + 1, transposeB ? [m, k] : [k, m]) as tf.Tensor2D;
            const bias = drawn(seed + 2, [m]);
            const fused = tf.fused.matMul({
              a,
              b,
              transposeA,
              transposeB,
              bias,
              activation: 'relu',
            });
            const parts = tf.relu(tf.add(slowProduct(a, b, transposeA, transposeB), bias));
            expect(distance(fused, parts)).toBeLessThan(1e-5);
          });
        },
      ),
      { numRuns: 20 },
    );
  });
});

describe('split, sum, reverse and gather', () => {
  const tensors = fc.tuple(
    fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 4 }),
    seeds,
  );

  it('split cuts along any axis what concat joins', () => {
    fc.assert(
      fc.property(
        tensors,
        fc.nat(3),
        fc.array(fc.integer({ min: 1, max: 3 }), { minLength: 1, maxLength: 3 }),
        ([shape, seed], which, parts) => {
          tf.tidy(() => {
            const axis = which % shape.length;
            const pieces = parts.map((size, i) => drawn(seed + i, shape.with(axis, size)));
            const cut = tf.split(tf.concat(pieces, axis), parts, axis) as tf.Tensor[];
            cut.forEach((piece, i) => {
              expect(piece.shape).toEqual(pieces[i]!.shape);
              expect(distance(piece, pieces[i]!)).toBe(0);
            });
            const equal = tf.split(tf.cast(tf.range(0, 6, 1), 'int32'), 3);
            expect(equal.map((piece) => piece.arraySync())).toEqual([
              [0, 1],
              [2, 3],
              [4, 5],
            ]);
          });
        },
      ),
      { numRuns: 30 },
    );
  });

  it('sum over leading and other axes equals one axis after the other', () => {
    fc.assert(
      fc.property(
        tensors,
        fc.subarray([0, 1, 2, 3]),
        fc.boolean(),
        ([shape, seed], chosen, keep) => {
          tf.tidy(() => {
            const axes = chosen.filter((axis) => axis < shape.length);
            const x = drawn(seed, shape);
            const values = x.dataSync();
            const kept = shape.map((size, axis) => (axes.includes(axis) ? 1 : size));
            const expected = new Float64Array(kept.reduce((a, b) => a * b, 1));
            values.forEach((value, i) => {
              let [rest, place] = [i, 0];
              const index = shape.map(() => 0);
              for (let axis = shape.length - 1; axis >= 0; axis--) {
                index[axis] = rest % shape[axis]!;
                rest = Math.floor(rest / shape[axis]!);
              }
              kept.forEach(
                (size, axis) => (place = place * size + (size === 1 ? 0 : index[axis]!)),
              );
              expected[place]! += value;
            });
            const actual = tf.sum(x, axes, keep);
            expect(actual.shape).toEqual(
              keep ? kept : shape.filter((_, axis) => !axes.includes(axis)),
            );
            expect(distance(actual, tf.tensor(Array.from(expected), actual.shape))).toBeLessThan(
              1e-5,
            );
          });
        },
      ),
      { numRuns: 40 },
    );
  });

  it('reverse and gather move what an index moves', () => {
    fc.assert(
      fc.property(
        tensors,
        fc.nat(3),
        fc.array(fc.nat(100), { minLength: 1, maxLength: 5 }),
        ([shape, seed], which, ids) => {
          tf.tidy(() => {
            const x = drawn(seed, shape);
            const axis = which % shape.length;
            const slices = Array.from({ length: shape[axis]! }, (_, i) =>
              tf.slice(
                x,
                shape.map((_, d) => (d === axis ? i : 0)),
                shape.map((size, d) => (d === axis ? 1 : size)),
              ),
            );
            expect(distance(tf.reverse(x, axis), tf.concat(slices.reverse(), axis))).toBe(0);
            slices.reverse();
            const inside = ids.map((id) => id % shape[axis]!);
            const taken = tf.gather(x, tf.tensor1d(inside, 'int32'), axis);
            expect(
              distance(
                taken,
                tf.concat(
                  inside.map((id) => slices[id]!),
                  axis,
                ),
              ),
            ).toBe(0);
          });
        },
      ),
      { numRuns: 30 },
    );
  });

  it('gather keeps integers and shapes of indices, and an empty reverse changes nothing', () => {
    tf.tidy(() => {
      const table = tf.tensor2d(
        [
          [1, 2],
          [3, 4],
        ],
        [2, 2],
        'int32',
      );
      const ids = tf.tensor2d(
        [
          [1, 0],
          [1, 1],
        ],
        [2, 2],
        'int32',
      ) as unknown as tf.Tensor1D;
      const rows = tf.gather(table, ids);
      expect([rows.dtype, rows.arraySync()]).toEqual([
        'int32',
        [
          [
            [3, 4],
            [1, 2],
          ],
          [
            [3, 4],
            [3, 4],
          ],
        ],
      ]);
      expect(tf.reverse(table, [0, 1]).arraySync()).toEqual([
        [4, 3],
        [2, 1],
      ]);
    });
  });
});

describe.runIf(process.env['CFRL_BACKEND'] === 'wasm')('on wasm', () => {
  it('a transposed product costs about as much as a plain one', () => {
    tf.tidy(() => {
      const x = drawn(1, [384, 384]);
      const best = (transpose: boolean): number =>
        Math.min(
          ...Array.from({ length: 7 }, () => {
            const start = performance.now();
            tf.matMul(x, x, transpose, transpose).dispose();
            return performance.now() - start;
          }),
        );
      // The backend's own kernel takes 20 times as long.
      expect(best(true) / best(false)).toBeLessThan(5);
    });
  });

  it('refuses an index outside, and replaces kernels once', async () => {
    const table = tf.zeros([2, 2]);
    const ids = tf.tensor1d([2], 'int32');
    expect(() => tf.gather(table, ids)).toThrow(
      'gather: index is 2, expected an integer in [0, 2)',
    );
    tf.dispose([table, ids]);
    const before = tf.getKernel(tf.BatchMatMul, 'wasm');
    await useBackend('cpu');
    await useBackend('wasm');
    expect(tf.getKernel(tf.BatchMatMul, 'wasm')).toBe(before);
  });
});

import {
  type Params,
  dense,
  embedding,
  fold,
  layerNorm,
  randomInt,
  randomNormal,
  rmsNorm,
  rng,
} from '@cfrl/engine';
import { diagonalNtk, empiricalNtk, explainCost, layerNtk, pseudoNtk, traceNtk } from '@cfrl/ntk';
import * as tf from '@tensorflow/tfjs-core';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { expectClose, largest } from './support/close.js';
import { messageOf } from './support/errors.js';

/** What a small network of the engine's layers looks like. */
interface Shape {
  readonly vocabulary: number;
  readonly width: number;
  readonly hidden: number;
  readonly time: number;
  readonly tied: boolean;
  /** Whether there is a scale, of which the uses know nothing. */
  readonly scaled: boolean;
}

type Row = readonly number[];

/** Embedding, positions, layer norm, two dense layers with a mixing of positions between, RMS norm, head; logits of the last position. */
const network =
  ({ time: T, tied, scaled }: Shape) =>
  (params: Params, rows: readonly Row[] | tf.Tensor): tf.Tensor2D =>
    tf.tidy(() => {
      const get = (name: string): tf.Tensor => params[name]!;
      const tokens = rows instanceof tf.Tensor ? rows : tf.tensor2d(rows as number[][], undefined, 'int32'); // prettier-ignore
      const B = tokens.shape[0]!;
      const positions = tf.tile(tf.range(0, T, 1, 'int32'), [B]);
      const x = tf.add(
        embedding(get('table'), tf.reshape(tokens, [B * T])),
        embedding(get('positions'), positions),
      );
      const normed = layerNorm(x, get('gain'), get('shift'), 1e-3);
      const up = tf.tanh(dense(normed, get('up'), 'in-out', get('up.bias')));
      const causal = tf.tile(tf.expandDims(tf.linalg.bandPart(tf.ones([T, T]), -1, 0), 0), [
        B,
        1,
        1,
      ]);
      const mixed = tf.matMul(causal, tf.reshape(up, [B, T, -1]));
      const down = dense(tf.reshape(mixed, [B * T, -1]), get('down'), 'out-in');
      const h = tf.add(x, scaled ? tf.mul(down, get('scale')) : down);
      const last = tf.reshape(tf.slice(tf.reshape(h, [B, T, -1]), [0, T - 1], [B, 1]), [B, -1]);
      const phi = rmsNorm(last, get('final'), 1e-3);
      return dense(phi, get(tied ? 'table' : 'head'), 'out-in') as tf.Tensor2D;
    });

function randomParams(
  { vocabulary: V, width: D, hidden: H, time, tied, scaled }: Shape,
  seed: number,
): Params {
  // prettier-ignore
  const source = rng(seed);
  const draw = (...shape: number[]): tf.Tensor => randomNormal(source, shape, 0.7);
  return {
    table: draw(V, D),
    positions: draw(time, D),
    gain: draw(D),
    shift: draw(D),
    up: draw(D, H),
    'up.bias': draw(H),
    down: draw(D, H),
    final: draw(D),
    ...(scaled && { scale: draw(D) }),
    ...(!tied && { head: draw(V, D) }),
    unused: draw(2),
  };
}

interface Case {
  readonly apply: ReturnType<typeof network>;
  readonly params: Params;
  readonly rows: Row[];
  readonly rows2: Row[];
  readonly shape: Shape;
}

const runs = Number(process.env['FC_RUNS'] ?? 4);

function forAll(property: (given: Case) => void, fixed: Partial<Shape> = {}, numRuns = runs): void {
  const arbitrary = fc.record({
    vocabulary: fc.integer({ min: 2, max: 5 }),
    width: fc.integer({ min: 2, max: 4 }),
    hidden: fc.integer({ min: 1, max: 5 }),
    time: fc.integer({ min: 1, max: 4 }),
    tied: fc.boolean(),
    scaled: fc.boolean(),
    N: fc.integer({ min: 1, max: 4 }),
    M: fc.integer({ min: 1, max: 3 }),
    seed: fc.integer({ min: 0, max: 2 ** 31 }),
  });
  fc.assert(
    fc.property(arbitrary, ({ N, M, seed, ...drawn }) => {
      const shape = { ...drawn, ...fixed };
      tf.tidy(() => {
        const source = rng(fold(seed, 'rows'));
        const draw = (count: number): Row[] =>
          Array.from({ length: count }, () =>
            Array.from({ length: shape.time }, () => randomInt(source, shape.vocabulary)),
          );
        const params = randomParams(shape, seed);
        property({ apply: network(shape), params, rows: draw(N), rows2: draw(M), shape });
      });
    }),
    { numRuns },
  );
}

const jacobian = { method: 'jacobian' } as const;
const structured = { method: 'structured' } as const;

describe('the structured method', () => {
  it('gives the reference, parameter by parameter, between two lists and within one', () => {
    forAll(({ apply, params, rows, rows2 }) => {
      for (const other of [undefined, rows2]) {
        const expected = layerNtk(apply, params, rows, other, jacobian);
        const actual = layerNtk(apply, params, rows, other, structured);
        expect(Object.keys(actual).sort()).toEqual(Object.keys(expected).sort());
        const scale = Math.max(...Object.values(expected).map(largest)); // rounding of norms that cancel
        for (const [name, kernel] of Object.entries(expected)) {
          expectClose(actual[name]!, kernel, { scale });
        }
      }
    });
  });

  it('gives the trace, the diagonal and the pseudo kernel of the reference', () => {
    forAll(({ apply, params, rows, rows2 }) => {
      for (const other of [undefined, rows2]) {
        for (const kernel of [traceNtk, diagonalNtk, pseudoNtk]) {
          expectClose(
            kernel(apply, params, rows, other, structured),
            kernel(apply, params, rows, other, jacobian),
          );
        }
        const full = tf.transpose(empiricalNtk(apply, params, rows, other, jacobian), [0, 2, 1, 3]);
        const V = full.shape[2]!;
        const diagonal = diagonalNtk(apply, params, rows, other, structured);
        expectClose(diagonal, tf.sum(tf.mul(full, tf.eye(V)), 3));
        expectClose(pseudoNtk(apply, params, rows, other), tf.div(tf.sum(full, [2, 3]), V));
      }
    });
  });

  it('does not depend on the budget', () => {
    forAll(
      ({ apply, params, rows, rows2 }) => {
        for (const maxBytes of [1500, 20000]) {
          for (const kernel of [empiricalNtk, traceNtk, diagonalNtk]) {
            for (const other of [undefined, rows2]) {
              expectClose(
                kernel(apply, params, rows, other, { ...structured, maxBytes }) as tf.Tensor,
                kernel(apply, params, rows, other, structured) as tf.Tensor,
                { relative: 2e-6 },
              );
            }
          }
        }
      },
      { width: 3, hidden: 2, time: 3, vocabulary: 4, scaled: false },
      Math.ceil(runs / 2),
    );
  });

  it('takes examples as rows of tensors', () => {
    forAll(({ apply, params, rows, rows2 }) => {
      const stack = (list: Row[]) => tf.tensor2d(list as number[][], undefined, 'int32');
      const inRecord = (p: Params, batch: Params) => apply(p, batch['tokens']!);
      for (const given of [structured, jacobian]) {
        const expected = empiricalNtk(apply, params, rows, rows2, given);
        expectClose(empiricalNtk(apply, params, stack(rows), stack(rows2), given), expected);
        const records = [rows, rows2].map((list): Params => ({ tokens: stack(list) }));
        expectClose(empiricalNtk(inRecord, params, records[0]!, records[1], given), expected);
      }
    });
  });

  it('takes directions u and v: u^T K v, the same for all examples or of each its own', () => {
    forAll(({ apply, params, rows, rows2, shape: { vocabulary: V } }) => {
      const [N, M] = [rows.length, rows2.length];
      const source = rng(7);
      const full = empiricalNtk(apply, params, rows, rows2, jacobian);
      const u = randomNormal(source, [2, V]);
      const v = randomNormal(source, [M, 3, V]);
      const left = tf.reshape(
        tf.matMul(u, tf.reshape(tf.transpose(full, [1, 0, 2, 3]), [V, N * M * V])),
        [2, N, M, V],
      );
      const byM = tf.reshape(tf.transpose(left, [2, 1, 0, 3]), [M, N * 2, V]);
      const both = tf.matMul(byM, v, false, true); // [M, N 2, 3]
      const expected = tf.reshape(tf.transpose(both, [1, 0, 2]), [N, 2, M, 3]);
      for (const given of [structured, jacobian]) {
        const directions = { directions: u, directions2: v };
        expectClose(
          empiricalNtk(apply, params, rows, rows2, { ...given, ...directions }),
          expected,
        );
      }
      const once = { ...structured, directions: u };
      expectClose(
        traceNtk(apply, params, rows, undefined, once),
        traceNtk(apply, params, rows, undefined, { ...jacobian, directions: u }),
      );
    });
  });

  it('leaves what it does not know to the reference, and says so once', () => {
    forAll(
      ({ apply, params, rows }) => {
        const said: (readonly string[])[] = [];
        const onFallback = (names: readonly string[]) => said.push(names);
        layerNtk(apply, params, rows, undefined, { ...structured, onFallback });
        expect(said).toEqual([['scale']]);
        expect(explainCost(apply, params, rows).fallback).toEqual(['scale']);
        const select = (name: string) => name !== 'scale';
        layerNtk(apply, params, rows, undefined, { ...structured, select, onFallback });
        expect(said).toHaveLength(1);
      },
      { scaled: true },
    );
  });

  it('does not take rows of one example for those of another: a function that computes each by itself is left to the reference', () => {
    forAll(({ apply, params, rows, rows2 }) => {
      const oneByOne = (p: Params, list: readonly Row[]) =>
        tf.concat(list.map((row) => apply(p, [row]))) as tf.Tensor2D;
      for (const other of [undefined, rows2]) {
        expectClose(
          empiricalNtk(oneByOne, params, rows, other, structured),
          empiricalNtk(apply, params, rows, other, jacobian),
        );
      }
    });
  });

  it('leaves no tensor behind', () => {
    tf.tidy(() => {
      const shape = { vocabulary: 3, width: 2, hidden: 2, time: 2, tied: false, scaled: true };
      const params = randomParams(shape, 1);
      const before = tf.memory().numTensors;
      traceNtk(network(shape), params, [[0, 1]], undefined, structured).dispose();
      expect(tf.memory().numTensors).toBe(before);
    });
  });

  it('refuses bad input', () => {
    tf.tidy(() => {
      const shape = { vocabulary: 3, width: 2, hidden: 2, time: 1, tied: false, scaled: false };
      const [apply, params] = [network(shape), randomParams(shape, 1)];
      const x = [[1]];
      const call = (options: object) => () => empiricalNtk(apply, params, x, undefined, options);
      const messages = [
        call({ ...structured, maxBytes: 10 }),
        call({ method: 'ghost' }),
        call({ directions: tf.ones([2, 2]) }),
        call({ directions: tf.ones([2, 1, 3]) }),
        call({ onFallback: 3 }),
        () => traceNtk(apply, params, x, x, { directions: tf.eye(3), directions2: tf.ones([1, 3]) }),
        () => empiricalNtk(apply, params, tf.zeros([0, 1], 'int32')),
        () => explainCost(apply, params, x, x, { entries: 'some' as never }),
      ].map(messageOf); // prettier-ignore
      expect(messages).toMatchInlineSnapshot(`
        [
          "RangeError: empiricalNtk: maxBytes is 10, expected at least 448 (inputs and cotangents of one output of an example)",
          "RangeError: empiricalNtk: method is ghost, expected one of auto, jacobian, structured",
          "RangeError: empiricalNtk: directions has shape [2, 2], expected [K, 3] or [1, K, 3]",
          "RangeError: empiricalNtk: directions has shape [2, 1, 3], expected [K, 3] or [1, K, 3]",
          "TypeError: empiricalNtk: onFallback is 3, expected a function; write (names) => ...",
          "RangeError: traceNtk: directions2 has 1 directions, expected 3 as directions",
          "RangeError: empiricalNtk: examples has tensors of 0 rows, expected as many in each, at least one",
          "RangeError: explainCost: entries is some, expected one of full, diagonal, trace",
        ]
      `);
    });
  });
});

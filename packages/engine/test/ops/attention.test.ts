import {
  attention,
  causalMask,
  mergeHeads,
  paddingBias,
  splitHeads,
  valueAndGrad,
  type AttentionOptions,
  type Params,
} from '@cfrl/engine';
import { numericalGradient, expectClose } from '@cfrl/testkit';
import * as tf from '@tensorflow/tfjs-core';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { distance, drawn, seeds } from './arrays.js';

/** Sizes of one call: batch, key heads, query heads a key head, queries, cached keys, widths, block. */
const cases = fc.record({
  batch: fc.integer({ min: 1, max: 3 }),
  keyHeads: fc.integer({ min: 1, max: 3 }),
  group: fc.integer({ min: 1, max: 3 }),
  time: fc.integer({ min: 1, max: 7 }),
  cached: fc.integer({ min: 0, max: 4 }),
  width: fc.integer({ min: 1, max: 5 }),
  valueWidth: fc.integer({ min: 1, max: 4 }),
  blockSize: fc.integer({ min: 1, max: 8 }),
  causal: fc.boolean(),
  masked: fc.boolean(),
  window: fc.option(fc.integer({ min: 1, max: 8 }), { nil: undefined }),
  scale: fc.option(fc.constantFrom(0.3, 2), { nil: undefined }),
  softCap: fc.option(fc.constantFrom(0.5, 3), { nil: undefined }),
  seed: seeds,
});
type Case = typeof cases extends fc.Arbitrary<infer T> ? T : never;

function inputsOf({ batch, keyHeads, group, time, cached, width, valueWidth, seed }: Case) {
  const keys = time + cached;
  return {
    q: drawn(seed, [batch, keyHeads * group, time, width]),
    k: drawn(seed + 1, [batch, keyHeads, keys, width]),
    v: drawn(seed + 2, [batch, keyHeads, keys, valueWidth]),
  };
}

/** Some padded keys a row, never the last one, so that every query has a key if it is not causal. */
function maskOf({ batch, time, cached, seed }: Case): number[][] {
  const u = drawn(seed + 3, [batch, time + cached]).arraySync() as number[][];
  return u.map((row) => row.map((x, j) => (x > 0.3 && j < row.length - 1 ? 0 : 1)));
}

/** The rules that are there. */
const rulesOf = ({ window, scale, softCap }: Case): AttentionOptions => ({
  ...(window !== undefined && { window }),
  ...(scale !== undefined && { scale }),
  ...(softCap !== undefined && { softCap }),
});

/** The definition, one query at a time, in double precision. Queries without any key are left out. */
function slow(c: Case, q: tf.Tensor, k: tf.Tensor, v: tf.Tensor, mask: number[][] | undefined) {
  const [Q, K, V] = [q, k, v].map((x) => x.arraySync() as number[][][][]) as [
    number[][][][],
    number[][][][],
    number[][][][],
  ];
  return Q.map((heads, b) =>
    heads.map((queries, h) =>
      queries.map((query, i) => {
        const head = Math.floor(h / c.group);
        const weights = K[b]![head]!.map((key, j) => {
          const at = i + c.cached;
          const near = c.window === undefined || j > at - c.window;
          const seen = (!c.causal || j <= at) && near && (mask?.[b]![j] ?? 1) === 1;
          const dot = query.reduce((s, x, d) => s + x * key[d]!, 0);
          const score = dot * (c.scale ?? 1 / Math.sqrt(c.width));
          const { softCap: cap } = c;
          return seen ? Math.exp(cap === undefined ? score : cap * Math.tanh(score / cap)) : 0;
        });
        const sum = weights.reduce((s, w) => s + w, 0);
        if (sum === 0) return undefined;
        return V[b]![head]![0]!.map(
          (_, e) => weights.reduce((s, w, j) => s + w * V[b]![head]![j]![e]!, 0) / sum,
        );
      }),
    ),
  );
}

describe('attention', () => {
  it('equals the definition for any sizes, groups, caches, masks and blocks', () => {
    fc.assert(
      fc.property(cases, (c) => {
        tf.tidy(() => {
          const { q, k, v } = inputsOf(c);
          const mask = c.masked ? maskOf(c) : undefined;
          const { causal, blockSize } = c;
          const y = attention(q, k, v, {
            causal,
            blockSize,
            ...rulesOf(c),
            ...(mask && { keyMask: tf.tensor2d(mask) }),
          });
          const actual = y.arraySync() as number[][][][];
          expect(y.dataSync().every(Number.isFinite)).toBe(true);
          slow(c, q, k, v, mask).forEach((heads, b) =>
            heads.forEach((queries, h) =>
              queries.forEach((row, i) => {
                if (row) expectClose(actual[b]![h]![i], row, { atol: 1e-5, rtol: 1e-5 });
              }),
            ),
          );
        });
      }),
      { numRuns: 60 },
    );
  });

  it('gives the same values, gradients and second derivatives in blocks and at once', () => {
    fc.assert(
      fc.property(cases, fc.boolean(), (c, withBias) => {
        tf.tidy(() => {
          const params = inputsOf(c);
          const keys = c.time + c.cached;
          const options = {
            causal: c.causal,
            ...rulesOf(c),
            ...(c.masked && { keyMask: tf.tensor2d(maskOf(c)) }),
            ...(withBias && { bias: drawn(c.seed + 4, [c.time, keys]) }),
          };
          const results = [c.blockSize, 100].map((blockSize) => {
            const loss = ({ q, k, v }: Params): tf.Tensor => {
              const y = attention(q!, k!, v!, { ...options, blockSize });
              return tf.sum(tf.mul(y, tf.mul(y, drawn(c.seed + 5, y.shape))));
            };
            const first = valueAndGrad(loss);
            const { value, grads } = first(params);
            const second = valueAndGrad((p) =>
              Object.values(first(p).grads)
                .map((g) => tf.sum(tf.mul(g, g)))
                .reduce((a, b) => tf.add(a, b)),
            )(params).grads;
            return [value, ...Object.values(grads), ...Object.values(second)];
          });
          const [blocks, whole] = results as [tf.Tensor[], tf.Tensor[]];
          blocks.forEach((x, i) => expect(distance(x, whole[i]!)).toBeLessThan(1e-4));
        });
      }),
      { numRuns: 25 },
    );
  });

  it('has the gradients of central differences', () => {
    tf.tidy(() => {
      const params = {
        q: drawn(1, [1, 2, 3, 2]),
        k: drawn(2, [1, 1, 3, 2]),
        v: drawn(3, [1, 1, 3, 2]),
      };
      for (const more of [{}, { window: 2 }, { scale: 1.5, softCap: 0.8 }]) {
        for (const blockSize of [2, 8]) {
          const loss = ({ q, k, v }: Params) =>
            tf.sum(tf.square(attention(q!, k!, v!, { causal: true, blockSize, ...more })));
          const { grads } = valueAndGrad(loss)(params);
          for (const [name, expected] of Object.entries(numericalGradient(loss, params))) {
            expectClose(grads[name]!.dataSync(), expected, { atol: 5e-3, rtol: 5e-3 });
          }
        }
      }
    });
  });

  it('keeps what stands ahead out of a row without any key, which stays finite', () => {
    tf.tidy(() => {
      const [q, k] = [drawn(1, [1, 1, 4, 2]), drawn(2, [1, 1, 4, 2])];
      const keyMask = tf.tensor2d([[0, 0, 1, 1]]);
      const v = tf.tensor4d([1, 2, 1e6, 1e6], [1, 1, 4, 1]);
      for (const blockSize of [1, 3, 8]) {
        const y = attention(q, k, v, { causal: true, keyMask, blockSize }).dataSync();
        expectClose([y[0], y[1]], [1, 1.5]);
      }
    });
  });

  it('keeps memory linear in the number of queries', () => {
    const peak = (time: number): number => {
      let most = 0;
      const x = drawn(7, [1, 1, time, 4]);
      const kernels = tf
        .getKernelsForBackend(tf.getBackend())
        .filter(({ kernelName }) => kernelName === tf.Softmax);
      for (const kernel of kernels) {
        tf.unregisterKernel(kernel.kernelName, kernel.backendName);
        tf.registerKernel({
          ...kernel,
          kernelFunc: (args) => {
            most = Math.max(most, tf.memory().numBytes);
            return kernel.kernelFunc(args);
          },
        });
      }
      const before = tf.memory().numBytes;
      const { value, grads } = valueAndGrad(({ q }) =>
        tf.sum(attention(q!, q!, q!, { causal: true, blockSize: 16 })),
      )({ q: x });
      for (const kernel of kernels) {
        tf.unregisterKernel(kernel.kernelName, kernel.backendName);
        tf.registerKernel(kernel);
      }
      tf.dispose([x, value, ...Object.values(grads)]);
      return most - before;
    };
    const [short, long] = [peak(128), peak(512)];
    expect(long / short).toBeLessThan(5); // 4 is linear, 16 quadratic
  });

  it('refuses shapes that do not fit', () => {
    tf.tidy(() => {
      const q = tf.zeros([1, 3, 2, 4]);
      const k = tf.zeros([1, 2, 2, 4]);
      expect(() => attention(q, k, k)).toThrow(
        'attention: k has shape [1, 2, 2, 4], expected [1, K, S, 4] with K a divisor of 3',
      );
      expect(() => attention(q, q, tf.zeros([1, 3, 1, 4]))).toThrow(
        'attention: v has shape [1, 3, 1, 4]',
      );
      const one = tf.zeros([1, 3, 1, 4]);
      expect(() => attention(q, one, one, { causal: true })).toThrow(
        'attention: k has 1 keys, expected at least 2',
      );
      expect(() => attention(q, q, q, { keyMask: tf.ones([1, 3]) })).toThrow(
        'attention: keyMask has shape [1, 3], expected [1, 2]',
      );
      expect(() => attention(q, q, q, { blockSize: 0 })).toThrow('attention: blockSize is 0');
      expect(() => attention(q, q, q, { window: 0 })).toThrow('attention: window is 0');
      expect(() => attention(q, q, q, { softCap: 0 })).toThrow('attention: softCap is 0');
      expect(() => causalMask(3, undefined, 1.5)).toThrow('causalMask: window is 1.5');
      expect(() => causalMask(3, tf.ones([1, 2]))).toThrow(
        'causalMask: keyMask has shape [1, 2], expected [B, 3]',
      );
    });
  });
});

describe('causalMask and paddingBias', () => {
  it('mean the same as the rules that they are made from', () => {
    tf.tidy(() => {
      const x = drawn(5, [2, 2, 4, 3]);
      const keyMask = tf.tensor2d([
        [0, 0, 1, 1],
        [1, 1, 1, 0],
      ]);
      const rules = attention(x, x, x, { causal: true, keyMask });
      expect(distance(attention(x, x, x, causalMask(4, keyMask)), rules)).toBeLessThan(1e-6);
      const near = attention(x, x, x, { causal: true, keyMask, window: 2 });
      expect(distance(attention(x, x, x, causalMask(4, keyMask, 2)), near)).toBeLessThan(1e-6);
      expect(distance(near, rules)).toBeGreaterThan(1e-3);
      const last = tf.slice(x, [0, 0, 3, 0], [2, 2, 1, 3]);
      const bias = paddingBias([2, 0], 4);
      const all = attention(x, x, x, {
        causal: true,
        keyMask: tf.tensor2d([
          [0, 0, 1, 1],
          [1, 1, 1, 1],
        ]),
      });
      expect(
        distance(attention(last, x, x, { bias }), tf.slice(all, [0, 0, 3, 0], [2, 2, 1, 3])),
      ).toBeLessThan(1e-6);
    });
  });
});

describe('splitHeads and mergeHeads', () => {
  it('are inverses, and put channel c of head h at column h d + c', () => {
    fc.assert(
      fc.property(fc.nat(2), fc.nat(3), fc.nat(2), fc.nat(3), seeds, (b, t, n, d, seed) => {
        tf.tidy(() => {
          const [batch, time, heads, width] = [b + 1, t + 1, n + 1, d + 1];
          const x = drawn(seed, [batch * time, heads * width]);
          const split = splitHeads(x, batch, heads);
          expect(split.shape).toEqual([batch, heads, time, width]);
          const [rows, parts] = [x.arraySync() as number[][], split.arraySync() as number[][][][]];
          expect(parts[b]![n]![t]![d]).toBe(rows[b * time + t]![n * width + d]);
          expect(mergeHeads(split).arraySync()).toEqual(rows);
        });
      }),
      { numRuns: 30 },
    );
  });
});

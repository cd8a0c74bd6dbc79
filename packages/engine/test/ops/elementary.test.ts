import {
  dense,
  embedding,
  gelu,
  geluTanh,
  layerNorm,
  partialRotary,
  rmsNorm,
  rotary,
  rotaryTables,
  softCap,
  swiGlu,
  valueAndGrad,
  type Params,
  type RotaryScaling,
  type RotaryTables,
} from '@cfrl/engine';
import { expectClose, numericalGradient } from '@cfrl/testkit';
import * as tf from '@tensorflow/tfjs-core';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { distance, drawn, seeds } from './arrays.js';

const sizes = fc.integer({ min: 1, max: 6 });

/** Operations on generated sizes: name, shapes of the inputs, and the call. */
const operations: Readonly<
  Record<string, (n: number, d: number) => [Record<string, number[]>, (p: Params) => tf.Tensor]>
> = {
  geluTanh: (n, d) => [{ x: [n, d] }, ({ x }) => geluTanh(x!)],
  gelu: (n, d) => [{ x: [n, d] }, ({ x }) => gelu(x!)],
  swiGlu: (n, d) => [{ g: [n, d], u: [n, d] }, ({ g, u }) => swiGlu(g!, u!)],
  layerNorm: (n, d) => [
    { x: [n, d + 1], gain: [d + 1], bias: [d + 1] },
    ({ x, gain, bias }) => layerNorm(x!, gain!, bias!, 0.5),
  ],
  'layerNorm without bias': (n, d) => [
    { x: [n, d + 1], gain: [d + 1] },
    ({ x, gain }) => layerNorm(x!, gain!, undefined, 0.5),
  ],
  softCap: (n, d) => [{ x: [n, d] }, ({ x }) => softCap(x!, 1.5)],
  rmsNorm: (n, d) => [{ x: [n, d], gain: [d] }, ({ x, gain }) => rmsNorm(x!, gain!, 0.5)],
  dense: (n, d) => [
    { x: [n, d], weight: [3, d], bias: [3] },
    ({ x, weight, bias }) => dense(x!, weight!, 'out-in', bias),
  ],
  embedding: (n, d) => [
    { table: [3, d] },
    ({ table }) =>
      embedding(
        table!,
        tf.tensor1d(
          Array.from({ length: n }, (_, i) => (i * 2) % 3),
          'int32',
        ),
      ),
  ],
  rotary: (n, d) => [
    { x: [1, 1, n, 2 * d] },
    ({ x }) => rotary(x!, rotaryTables(tf.range(3, 3 + n, 1, 'int32'), 2 * d, 100)),
  ],
  'partialRotary, interleaved': (n, d) => [
    { x: [1, 1, n, 2 * d + 1] },
    ({ x }) => {
      const positions = tf.range(3, 3 + n, 1, 'int32');
      return partialRotary(x!, rotaryTables(positions, 2 * d, 100, { interleaved: true }));
    },
  ],
};

describe.each(Object.entries(operations))('%s', (_, make) => {
  it('has the gradient of central differences, and the second derivative', () => {
    fc.assert(
      fc.property(sizes, sizes, seeds, (n, d, seed) => {
        tf.tidy(() => {
          const [shapes, f] = make(n, d);
          const params = Object.fromEntries(
            Object.entries(shapes).map(([name, shape], i) => [name, drawn(seed + i, shape)]),
          );
          const loss = (p: Params): tf.Tensor => {
            const y = f(p);
            return tf.mean(tf.mul(y, tf.mul(y, drawn(seed + 9, y.shape))));
          };
          const first = valueAndGrad(loss);
          const along = (p: Params): tf.Tensor =>
            Object.values(first(p).grads)
              .map((g, i) => tf.sum(tf.mul(g, drawn(seed + 20 + i, g.shape))))
              .reduce((a, b) => tf.add(a, b));
          for (const scalar of [loss, along]) {
            const { grads } = valueAndGrad(scalar)(params);
            for (const [name, expected] of Object.entries(numericalGradient(scalar, params))) {
              expectClose(grads[name]!.dataSync(), expected, { atol: 5e-3, rtol: 1e-2 });
            }
          }
        });
      }),
      { numRuns: 6 },
    );
  });
});

describe('norms', () => {
  it('layer norm does not see shifts and scales of a row, RMS norm not scales', () => {
    fc.assert(
      fc.property(
        sizes,
        sizes,
        seeds,
        fc.double({ min: 0.5, max: 20, noNaN: true }),
        fc.double({ min: -5, max: 5, noNaN: true }),
        (n, d, seed, scale, shift) => {
          tf.tidy(() => {
            const x = drawn(seed, [n, d + 2]);
            const [gain, bias] = [drawn(seed + 1, [d + 2]), drawn(seed + 2, [d + 2])];
            const scaled = tf.mul(x, scale);
            const moved = tf.add(scaled, shift);
            const y = layerNorm(x, gain, bias, 1e-12);
            expect(distance(layerNorm(moved, gain, bias, 1e-12), y)).toBeLessThan(2e-3);
            expect(distance(rmsNorm(scaled, gain, 1e-12), rmsNorm(x, gain, 1e-12))).toBeLessThan(
              1e-5,
            );
          });
        },
      ),
      { numRuns: 30 },
    );
  });

  it('give rows of mean 0 and variance 1, or of mean square 1', () => {
    tf.tidy(() => {
      const [x, one, zero] = [drawn(3, [4, 50], 3), tf.ones([50]), tf.zeros([50])];
      const { mean, variance } = tf.moments(layerNorm(tf.add(x, 7), one, zero, 0), 1);
      expectClose(mean.arraySync(), [0, 0, 0, 0], { atol: 1e-5 });
      expectClose(variance.arraySync(), [1, 1, 1, 1], { rtol: 1e-4 });
      expectClose(tf.mean(tf.square(rmsNorm(x, one, 0)), 1).arraySync(), [1, 1, 1, 1], {
        rtol: 1e-5,
      });
    });
  });

  it('refuse shapes that do not fit', () => {
    tf.tidy(() => {
      expect(() => rmsNorm(tf.zeros([1, 2, 3]), tf.ones([3]), 0)).toThrow(
        'rmsNorm: x has shape [1, 2, 3], expected rows [N, D]',
      );
      expect(() => layerNorm(tf.zeros([2, 3]), tf.ones([3]), tf.ones([1]), 0)).toThrow(
        'layerNorm: bias has shape [1], expected [3]',
      );
    });
  });
});

describe('rotary', () => {
  it('keeps lengths, and makes products depend on the distance of positions only', () => {
    fc.assert(
      fc.property(sizes, fc.nat(50), fc.nat(50), fc.nat(50), seeds, (half, i, j, shift, seed) => {
        tf.tidy(() => {
          const shape = [1, 1, 1, 2 * half];
          const [q, k] = [drawn(seed, shape), drawn(seed + 1, shape)];
          const turn = (x: tf.Tensor, position: number): tf.Tensor =>
            rotary(x, rotaryTables(tf.tensor1d([position], 'int32'), 2 * half, 1000));
          expectClose(tf.norm(turn(q, i)).arraySync(), tf.norm(q).arraySync(), { rtol: 1e-4 });
          const product = (a: number, b: number): unknown =>
            tf.sum(tf.mul(turn(q, a), turn(k, b))).arraySync();
          expectClose(product(i + shift, j + shift), product(i, j), { atol: 2e-4, rtol: 1e-4 });
        });
      }),
      { numRuns: 30 },
    );
  });

  it('turns rows of a batch by their own positions', () => {
    tf.tidy(() => {
      const x = drawn(4, [2, 3, 2, 4]);
      const each = rotary(
        x,
        rotaryTables(
          tf.tensor2d(
            [
              [0, 1],
              [5, 6],
            ],
            [2, 2],
            'int32',
          ),
          4,
          10,
        ),
      );
      const row = (b: number, positions: number[]): tf.Tensor =>
        rotary(
          tf.slice(x, [b, 0, 0, 0], [1, 3, 2, 4]),
          rotaryTables(tf.tensor1d(positions, 'int32'), 4, 10),
        );
      expect(distance(each, tf.concat([row(0, [0, 1]), row(1, [5, 6])]))).toBeLessThan(1e-6);
    });
  });

  it('turns neighbours where halves would be, once the channels are in that order', () => {
    tf.tidy(() => {
      const x = drawn(5, [2, 1, 3, 6]);
      const positions = tf.tensor1d([0, 4, 9], 'int32');
      const order = tf.tensor1d([0, 3, 1, 4, 2, 5], 'int32'); // (i, i + 3) become neighbours
      const halves = rotary(x, rotaryTables(positions, 6, 50));
      const tables = rotaryTables(positions, 6, 50, { interleaved: true });
      const neighbours = rotary(tf.gather(x, order, 3), tables);
      expect(distance(neighbours, tf.gather(halves, order, 3))).toBeLessThan(1e-6);
    });
  });

  it('leaves the channels that do not turn as they are', () => {
    tf.tidy(() => {
      const x = drawn(6, [1, 2, 3, 7]);
      const tables = rotaryTables(tf.tensor1d([2, 3, 4], 'int32'), 4, 50);
      const [turned, rest] = tf.split(partialRotary(x, tables), [4, 3], 3) as [
        tf.Tensor,
        tf.Tensor,
      ];
      const [first, last] = tf.split(x, [4, 3], 3) as [tf.Tensor, tf.Tensor];
      expect(distance(turned, rotary(first, tables))).toBe(0);
      expect(distance(rest, last)).toBe(0);
    });
  });

  it('refuses an odd width and tables of another width', () => {
    tf.tidy(() => {
      const positions = tf.tensor1d([0], 'int32');
      expect(() => rotaryTables(positions, 3, 10)).toThrow(
        'rotaryTables: width is 3, expected a positive even',
      );
      expect(() => rotary(tf.zeros([1, 1, 1, 4]), rotaryTables(positions, 2, 10))).toThrow(
        'rotary: tables have width 2, expected 4',
      );
      expect(() => partialRotary(tf.zeros([1, 1, 1, 2]), rotaryTables(positions, 4, 10))).toThrow(
        'rotary: tables have width 4, expected 2',
      );
    });
  });
});

describe('rotaryTables with scaling', () => {
  const theta = 100;
  const amplitude = 1.25;
  const longrope = {
    ...{ type: 'longrope', shortFactors: [1, 2], longFactors: [3, 5], originalPositions: 4 },
    amplitude,
  } as const satisfies RotaryScaling;
  const values = ({ cos, sin }: RotaryTables): number[] => [...cos.dataSync(), ...sin.dataSync()];
  const plain = (positions: tf.Tensor, base = theta): number[] =>
    values(rotaryTables(positions, 4, base));
  const scaled = (positions: tf.Tensor, scaling: RotaryScaling): number[] =>
    values(rotaryTables(positions, 4, theta, { scaling }));
  const int32 = (positions: number[][]): tf.Tensor =>
    tf.tensor2d(positions, [positions.length, positions[0]!.length], 'int32');

  it('divides positions by a linear factor', () => {
    tf.tidy(() => {
      const actual = scaled(int32([[0, 4, 8]]), { type: 'linear', factor: 4 });
      expectClose(actual, plain(int32([[0, 1, 2]])), { atol: 1e-6 });
    });
  });

  it('changes the base of a row by its own length, past the original one', () => {
    tf.tidy(() => {
      const scaling = { type: 'dynamic', factor: 3, originalPositions: 4 } as const;
      expectClose(scaled(int32([[0, 1, 3]]), scaling), plain(int32([[0, 1, 3]])), { atol: 1e-6 });
      const base = theta * ((3 * 6) / 4 - 2) ** (4 / 2); // L = 6, d = 4
      const rows = rotaryTables(int32([[0, 1, 3], [1, 4, 5]]), 4, theta, { scaling }); // prettier-ignore
      const [first, second] = tf.split(rows.cos, 2) as [tf.Tensor, tf.Tensor];
      const cosines = (x: number[], at: number): number[] => plain(int32([x]), at).slice(0, 3 * 4);
      expectClose([...first.dataSync()], cosines([0, 1, 3], theta), { atol: 1e-5 });
      expectClose([...second.dataSync()], cosines([1, 4, 5], base), { atol: 1e-5 });
      // All rows alike: one list of positions.
      const alike = rotaryTables(tf.tensor1d([1, 4, 5], 'int32'), 4, theta, { scaling });
      expectClose([...alike.cos.dataSync()], cosines([1, 4, 5], base), { atol: 1e-5 });
    });
  });

  it('takes the short or the long factors by the length of the row', () => {
    tf.tidy(() => {
      const angle = (position: number, i: number, factors: readonly number[]): number =>
        (position * theta ** (-i / 2)) / factors[i]!;
      for (const [position, factors] of [
        [3, longrope.shortFactors],
        [4, longrope.longFactors],
      ] as const) {
        const angles = [0, 1, 0, 1].map((i) => angle(position, i, factors));
        const expected = [
          ...angles.map(Math.cos),
          ...angles.map((a, i) => (i < 2 ? -1 : 1) * Math.sin(a)),
        ].map((x) => amplitude * x);
        expectClose(scaled(int32([[position]]), longrope), expected, { atol: 1e-5 });
      }
    });
  });

  it('stretches long wavelengths by the factor, short ones not at all', () => {
    tf.tidy(() => {
      // Pairs turn 16 / 2 pi and 1.6 / 2 pi times in the original length.
      const llama3: RotaryScaling = {
        type: 'llama3',
        ...{ factor: 8, originalPositions: 16, lowFrequencyFactor: 0.3, highFrequencyFactor: 2 },
      };
      const yarn: RotaryScaling = {
        type: 'yarn',
        ...{ factor: 8, originalPositions: 16, truncate: false, amplitude },
        ...{ betaFast: 16 / (2 * Math.PI), betaSlow: 1.6 / (2 * Math.PI) }, // channels 0 and 1
      };
      for (const [scaling, size] of [
        [llama3, 1],
        [yarn, amplitude],
      ] as const) {
        const angles = [3, 3 / 10 / 8, 3, 3 / 10 / 8];
        const cosines = angles.map((a) => size * Math.cos(a));
        expectClose(scaled(int32([[3]]), scaling).slice(0, 4), cosines, { atol: 1e-5 });
      }
    });
  });

  it('refuses factors that do not fit the width', () => {
    tf.tidy(() => {
      const positions = tf.tensor1d([0], 'int32');
      expect(() => rotaryTables(positions, 6, 10, { scaling: longrope })).toThrow(
        'rotaryTables: scaling.shortFactors has 2 entries, expected 3 (width / 2)',
      );
      const scaling = { type: 'dynamic', factor: 2, originalPositions: 4 } as const;
      expect(() => rotaryTables(positions, 2, 10, { scaling })).toThrow(
        'rotaryTables: width is 2, expected at least 4 for dynamic scaling',
      );
    });
  });
});

describe('dense, swiGlu and embedding', () => {
  it('refuse shapes that do not fit', () => {
    tf.tidy(() => {
      expect(() => dense(tf.zeros([2, 3]), tf.zeros([2, 3]), 'in-out')).toThrow(
        'dense: x has shape [2, 3], expected [N, 2] for a weight of shape [2, 3] (in-out)',
      );
      expect(() => dense(tf.zeros([2, 3]), tf.zeros([2, 3]), 'out-in', tf.zeros([3]))).toThrow(
        'dense: bias has shape [3], expected [2]',
      );
      expect(() => swiGlu(tf.zeros([2]), tf.zeros([3]))).toThrow(
        'swiGlu: up has shape [3], expected [2] as gate',
      );
      expect(() => embedding(tf.zeros([2]), tf.zeros([3], 'int32'))).toThrow(
        'embedding: table has shape [2], expected [V, D]',
      );
    });
  });
});

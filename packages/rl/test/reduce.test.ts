import { compile, valueAndGrad } from '@cfrl/engine';
import { type Reduce, fixedLength, perSequence, perToken, sequenceSum } from '@cfrl/rl';
import * as tf from '@tensorflow/tfjs-core';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

const sum = (xs: readonly number[]): number => xs.reduce((a, b) => a + b, 0);

/** The definitions, on ragged rows. */
const reductions: Record<string, [Reduce, (rows: readonly (readonly number[])[]) => number]> = {
  perToken: [perToken, (rows) => sum(rows.flat()) / rows.flat().length],
  perSequence: [perSequence, (rows) => sum(rows.map((r) => sum(r) / r.length)) / rows.length],
  sequenceSum: [sequenceSum, (rows) => sum(rows.map(sum)) / rows.length],
  'fixedLength(7)': [fixedLength(7), (rows) => sum(rows.map(sum)) / (rows.length * 7)],
};

const ragged = fc.array(
  fc.array(fc.double({ min: -9, max: 9, noNaN: true }), { minLength: 1, maxLength: 6 }),
  { minLength: 1, maxLength: 5 },
);

/** Rows at the given offset, with `fill` around them. */
function padded(rows: readonly (readonly number[])[], offset: number, fill: number) {
  const width = offset + Math.max(...rows.map((row) => row.length)) + 1;
  const place = (row: readonly number[], around: number): number[] =>
    Array.from({ length: width }, (_, t) => row[t - offset] ?? around);
  return {
    losses: tf.tensor2d(rows.map((row) => place(row, fill))),
    mask: tf.tensor2d(
      rows.map((row) =>
        place(
          row.map(() => 1),
          0,
        ),
      ),
    ),
  };
}

describe.each(Object.entries(reductions))('%s', (_, [reduce, definition]) => {
  it('equals its definition on the completion tokens alone, whatever the padding holds', () => {
    fc.assert(
      fc.property(ragged, fc.nat(3), fc.constantFrom(0, 1e30, NaN, Infinity), (rows, at, fill) => {
        tf.tidy(() => {
          const { losses, mask } = padded(rows, at, fill);
          expect(reduce(losses, mask).arraySync()).toBeCloseTo(definition(rows), 4);
        });
      }),
    );
  });

  it('gives padding a gradient of 0', () => {
    tf.tidy(() => {
      const { losses, mask } = padded([[1, 2], [3]], 1, Infinity);
      const { grads } = valueAndGrad(({ x }) => reduce(x!, mask))({ x: losses });
      const gradient = grads['x']!.arraySync() as number[][];
      const flags = mask.arraySync() as number[][];
      gradient.forEach((row, i) => row.forEach((g, t) => expect(g !== 0).toBe(flags[i]![t] === 1)));
    });
  });
});

describe('rows without a token', () => {
  const losses = (): tf.Tensor2D =>
    tf.tensor2d([
      [1, 2],
      [3, 4],
    ]);

  it('are refused by perSequence, by their number, and by no reduction that needs no mean of them', () => {
    tf.tidy(() => {
      for (const dtype of ['float32', 'bool', 'int32'] as const) {
        const mask = tf.tensor2d(
          [
            [1, 1],
            [0, 0],
          ],
          [2, 2],
          dtype,
        );
        expect(() => perSequence(losses(), mask)).toThrow(
          'perSequence: mask[1] selects no token, expected at least one a row; leave empty completions out',
        );
        expect(sequenceSum(losses(), mask).arraySync()).toBe(1.5);
        expect(perToken(losses(), mask).arraySync()).toBe(1.5);
        expect(fixedLength(2)(losses(), mask).arraySync()).toBe(0.75);
      }
    });
  });

  it('are no reason to read values where a step is compiled', () => {
    const compiled = compile((losses: tf.Tensor, mask: tf.Tensor) => perSequence(losses, mask));
    tf.tidy(() => {
      for (let i = 0; i < 3; i++) {
        expect((compiled(losses(), tf.ones([2, 2])) as tf.Scalar).arraySync()).toBe(2.5);
      }
    });
  });

  it('are refused where there are none at all: NaN otherwise', () => {
    for (const [name, reduce] of Object.entries({ perToken, perSequence, sequenceSum })) {
      for (const shape of [
        [0, 3],
        [2, 0],
      ] as [number, number][]) {
        tf.tidy(() => {
          expect(() => reduce(tf.zeros(shape), tf.zeros(shape))).toThrow(
            `${name}: losses has shape [${shape.join(', ')}], expected at least one completion`,
          );
        });
      }
    }
  });
});

describe('fixedLength', () => {
  it('is called after its length, for the record of options', () => {
    expect(fixedLength(12).name).toBe('fixedLength(12)');
  });

  it('refuses a length that is not a positive integer', () => {
    expect(() => fixedLength(0)).toThrow(
      'fixedLength: maxTokens is 0, expected a positive integer',
    );
  });
});

import {
  anisotropy,
  embeddingDispersion,
  intrinsicDimension,
  linearCka,
  principalAngles,
  procrustes,
  stableRank,
  vendiScore,
  vendiScoreOfKernel,
} from '@cfrl/metrics';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import fixture from './fixtures/geometry.json' with { type: 'json' };

const matrices = fc
  .tuple(fc.integer({ min: 2, max: 6 }), fc.integer({ min: 1, max: 5 }))
  .chain(([n, d]) =>
    fc.array(
      fc.array(fc.double({ min: -5, max: 5, noNaN: true }), { minLength: d, maxLength: d }),
      {
        minLength: n,
        maxLength: n,
      },
    ),
  )
  // Away from rank changes, where the last digits decide.
  .filter(
    (x) =>
      x.every((row) => Math.hypot(...row) > 0.1) &&
      Math.hypot(...x[0]!.map((v, d) => v - x[1]![d]!)) > 0.1,
  );

/** Rotates the first two coordinates, scales all, and shifts if asked to. */
const moved = (x: number[][], angle: number, scale: number, shift = 0) =>
  x.map(([a = 0, b = 0, ...rest]) =>
    [
      a * Math.cos(angle) - b * Math.sin(angle),
      a * Math.sin(angle) + b * Math.cos(angle),
      ...rest,
    ].map((v) => scale * v + shift),
  );
const bad = [[], [[1, NaN]], [[1], [1, 2]]] as number[][][];
let state = 1;
const uniform = () => (state = (state * 16807) % 2147483647) / 2147483647;

describe('vendiScore', () => {
  it.each(fixture.single)('equals vendi-score', ({ features, vendi, vendiOrders }) => {
    expect(vendiScore(features)).toBeCloseTo(vendi, 10);
    for (const { order, score } of vendiOrders) {
      if (order === 0.5) continue; // It takes roots of rounding; ours leaves that out.
      const value = vendiScore(features, { order: order === 'inf' ? Infinity : (order as number) });
      expect(value).toBeCloseTo(score, 9);
    }
  });

  it('counts orthogonal directions, whatever lengths, order and duplicates', () => {
    fc.assert(
      fc.property(matrices, fc.double({ min: 0.1, max: 9, noNaN: true }), (x, scale) => {
        const value = vendiScore(x);
        expect(value).toBeGreaterThanOrEqual(1 - 1e-12);
        expect(value).toBeLessThanOrEqual(Math.min(x.length, x[0]!.length) + 1e-9);
        expect(vendiScore(moved(x, 1, scale).reverse())).toBeCloseTo(value, 6);
        expect(vendiScore([...x, ...x])).toBeCloseTo(value, 6);
      }),
    );
    expect(
      vendiScore([
        [1, 0, 0],
        [0, 2, 0],
        [0, 0, 3],
      ]),
    ).toBeCloseTo(3, 12);
    expect(vendiScore([[5, 5]])).toBeCloseTo(1, 14);
    for (const x of [...bad, [[0, 0]]]) expect(() => vendiScore(x)).toThrow(RangeError);
  });
});

describe('vendiScoreOfKernel', () => {
  it.each(fixture.single)('equals vendi-score', ({ kernel, vendi }) => {
    expect(vendiScoreOfKernel(kernel)).toBeCloseTo(vendi, 10);
  });

  it('refuses what is no kernel', () => {
    expect(() =>
      vendiScoreOfKernel([
        [1, 0.5],
        [0.4, 1],
      ]),
    ).toThrowErrorMatchingInlineSnapshot(
      `[RangeError: vendiScoreOfKernel: kernel[1][0] is 0.4, expected 0.5 (symmetric)]`,
    );
    expect(() => vendiScoreOfKernel([[2]])).toThrow(RangeError);
    expect(() => vendiScoreOfKernel([[1, 0]])).toThrow(RangeError);
    expect(() => vendiScoreOfKernel([[1]], { order: -1 })).toThrow(RangeError);
  });
});

describe('anisotropy', () => {
  it.each(fixture.single)('equals scikit-learn', ({ features, anisotropy: expected }) => {
    expect(anisotropy(features)).toBeCloseTo(expected, 12);
  });

  it('does not change when features are rotated, scaled or shifted', () => {
    fc.assert(
      fc.property(matrices, (x) => {
        expect(anisotropy(moved(x, 2, 3, 7))).toBeCloseTo(anisotropy(x), 7);
      }),
    );
    expect(
      anisotropy([
        [1, 2],
        [3, 4],
        [5, 6],
      ]),
    ).toBeCloseTo(1, 12);
    expect(() => anisotropy([[1], [1]])).toThrowErrorMatchingInlineSnapshot(
      `[RangeError: anisotropy: features has equal entries only, expected some variance]`,
    );
    for (const x of bad) expect(() => anisotropy(x)).toThrow(RangeError);
  });
});

describe('stableRank', () => {
  it.each(fixture.single)('equals numpy', ({ features, stableRank: expected }) => {
    expect(stableRank(features)).toBeCloseTo(expected, 11);
  });

  it('lies in [1, min(N, D)]', () => {
    fc.assert(
      fc.property(matrices, (x) => {
        expect(stableRank(x)).toBeGreaterThanOrEqual(1);
        expect(stableRank(x)).toBeLessThanOrEqual(Math.min(x.length, x[0]!.length) + 1e-9);
        expect(stableRank(moved(x, 2, 1e200))).toBeCloseTo(stableRank(x), 7);
      }),
    );
    for (const x of [...bad, [[0]]]) expect(() => stableRank(x)).toThrow(RangeError);
  });
});

describe('embeddingDispersion', () => {
  it.each(fixture.single)('equals numpy', ({ features, dispersion }) => {
    expect(embeddingDispersion(features)).toBeCloseTo(dispersion, 12);
  });

  it('is the root of half the mean squared distance of all ordered pairs', () => {
    fc.assert(
      fc.property(matrices, (x) => {
        const squares = x.flatMap((a) =>
          x.map((b) => Math.hypot(...a.map((v, d) => v - b[d]!)) ** 2),
        );
        const mean = squares.reduce((sum, square) => sum + square, 0) / squares.length;
        expect(embeddingDispersion(x)).toBeCloseTo(Math.sqrt(mean / 2), 10);
      }),
    );
    expect(
      embeddingDispersion([
        [1e300, -1e300],
        [1e300, -1e300],
      ]),
    ).toBe(0);
    for (const x of bad) expect(() => embeddingDispersion(x)).toThrow(RangeError);
  });
});

describe('intrinsicDimension', () => {
  it('finds the dimension of what is bent and embedded in more', () => {
    const curve = Array.from({ length: 400 }, () => {
      const t = uniform() * 6;
      return [Math.cos(t), Math.sin(t), t, t * t];
    });
    const sheet = Array.from({ length: 800 }, () => {
      const [u, v] = [uniform(), uniform()];
      return [u, v, u * v, Math.sin(3 * u)];
    });
    expect(intrinsicDimension(curve)).toBeGreaterThan(0.85);
    expect(intrinsicDimension(curve)).toBeLessThan(1.15);
    expect(intrinsicDimension(sheet)).toBeGreaterThan(1.75);
    expect(intrinsicDimension(sheet)).toBeLessThan(2.25);
  });

  it('equals the fit of its definition, and does not change with scale', () => {
    const x = Array.from({ length: 30 }, () => [uniform(), uniform(), uniform()]);
    const ratios = x
      .map((a, i) => {
        const far = x
          .filter((_, j) => j !== i)
          .map((b) => Math.hypot(...a.map((v, d) => v - b[d]!)));
        far.sort((p, q) => p - q);
        return far[1]! / far[0]!;
      })
      .sort((a, b) => a - b)
      .slice(0, 27);
    const [xs, ys] = [ratios.map(Math.log), ratios.map((_, i) => -Math.log(1 - (i + 1) / 30))];
    const slope = xs.reduce((s, v, i) => s + v * ys[i]!, 0) / xs.reduce((s, v) => s + v * v, 0);
    expect(intrinsicDimension(x)).toBeCloseTo(slope, 9);
    expect(intrinsicDimension(x.map((row) => row.map((v) => v * 1e-150)))).toBeCloseTo(slope, 9);
  });

  it('refuses duplicates and equal distances', () => {
    expect(() => intrinsicDimension([[0], [1], [1]])).toThrowErrorMatchingInlineSnapshot(
      `[RangeError: intrinsicDimension: features[2] is equal to features[1], expected different ones; leave duplicates out]`,
    );
    expect(() =>
      intrinsicDimension([
        [1, 0, 0],
        [0, 1, 0],
        [0, 0, 1],
      ]),
    ).toThrow(RangeError);
    expect(() => intrinsicDimension([[0], [1]])).toThrow(RangeError);
    expect(() => intrinsicDimension([[0], [1], [3]], { discard: 1 })).toThrow(RangeError);
  });
});

describe('linearCka', () => {
  it.each(fixture.pairs)('equals numpy', ({ x, y, cka }) => {
    expect(linearCka(x, y)).toBeCloseTo(cka, 12);
  });

  it('is 1 for what was rotated, scaled and shifted, and symmetric', () => {
    fc.assert(
      fc.property(matrices, (x) => {
        const other = x.map((row, i) => [row[0]! + i, i * i]);
        expect(linearCka(x, moved(x, 0.7, 0.1, 3))).toBeCloseTo(1, 7);
        expect(linearCka(x, other)).toBeCloseTo(linearCka(other, x), 10);
      }),
    );
    expect(() => linearCka([[1], [2]], [[1]])).toThrowErrorMatchingInlineSnapshot(
      `[RangeError: linearCka: y has 1 entries, expected 2 (the same items as x)]`,
    );
    expect(() => linearCka([[1], [1]], [[1], [2]])).toThrow(RangeError);
  });
});

describe('procrustes', () => {
  it.each(fixture.pairs)('equals scipy', ({ x, y, procrustes: expected }) => {
    expect(procrustes(x, y)).toBeCloseTo(expected, 12);
  });

  it('is 0 for what was rotated, scaled and shifted, symmetric, in [0, 1]', () => {
    fc.assert(
      fc.property(matrices, (x) => {
        const other = x.map((row, i) => [row[0]! + i, i * i]);
        expect(procrustes(x, moved(x, 0.7, 0.1, 3))).toBeLessThan(1e-7);
        expect(procrustes(x, other)).toBeCloseTo(procrustes(other, x), 10);
        expect(procrustes(x, other)).toBeLessThanOrEqual(1);
      }),
    );
    expect(() => procrustes([[1], [1]], [[1], [2]])).toThrow(RangeError);
  });
});

describe('principalAngles', () => {
  it.each(fixture.angles)('equals scipy, angles of 1e-8 included', ({ x, y, angles }) => {
    const values = principalAngles(x, y);
    expect(values).toHaveLength(angles.length);
    angles.forEach((angle, i) =>
      expect(Math.abs(values[i]! - angle)).toBeLessThan(2e-15 + 1e-9 * angle + 5e-15),
    );
  });

  it('is symmetric, and blind to other vectors of the same span', () => {
    fc.assert(
      fc.property(matrices, (x) => {
        const y = [x[0]!.map((v, d) => v + d + 1)];
        const sums = x.map((row, i) => row.map((v, d) => v + 2 * x[(i + 1) % x.length]![d]!));
        const values = principalAngles(x, y);
        principalAngles(y, x).forEach((angle, i) => expect(angle).toBeCloseTo(values[i]!, 7));
        if (sums.some((row) => Math.hypot(...row) < 0.1)) return;
        principalAngles([...x, ...sums], y).forEach((angle, i) =>
          expect(angle).toBeCloseTo(values[i]!, 6),
        );
      }),
    );
    expect(Array.from(principalAngles([[1, 0]], [[0, 3]]))).toEqual([Math.PI / 2]);
    expect(() => principalAngles([[0, 0]], [[0, 3]])).toThrow(RangeError);
    expect(() => principalAngles([[1, 0]], [[1]])).toThrow(RangeError);
  });
});

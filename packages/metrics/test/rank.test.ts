import { effectiveRank, participationRatio } from '@cfrl/metrics';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import fixture from './fixtures/scipy.json' with { type: 'json' };

type Rows = number[][];

const matrix = fc
  .tuple(fc.integer({ min: 1, max: 6 }), fc.integer({ min: 2, max: 8 }))
  .chain(([columns, rows]) =>
    fc.array(
      fc.array(fc.integer({ min: -9, max: 9 }), { minLength: columns, maxLength: columns }),
      { minLength: rows, maxLength: rows },
    ),
  );
const nonZero = matrix.filter((rows) => rows.some((row) => row.some((x) => x !== 0)));
const varied = matrix.filter((rows) => rows.some((row) => row.some((x, d) => x !== rows[0]![d])));

/** Singular values by one-sided Jacobi rotations: columns are turned until all are orthogonal. */
function singularValues(rows: Rows): number[] {
  const columns = rows[0]!.map((_, d) => rows.map((row) => row[d]!));
  const dot = (a: number[], b: number[]) => a.reduce((sum, x, i) => sum + x * b[i]!, 0);
  for (let sweep = 0; sweep < 12; sweep++) {
    for (let p = 0; p < columns.length; p++) {
      for (let q = p + 1; q < columns.length; q++) {
        const [a, b] = [columns[p]!, columns[q]!];
        const angle = Math.atan2(2 * dot(a, b), dot(a, a) - dot(b, b)) / 2;
        columns[p] = a.map((x, i) => Math.cos(angle) * x + Math.sin(angle) * b[i]!);
        columns[q] = b.map((x, i) => Math.cos(angle) * x - Math.sin(angle) * a[i]!);
      }
    }
  }
  return columns.map((column) => Math.sqrt(dot(column, column)));
}

/** Rows of a fixed pattern without structure, `[N][D]`. */
const waves = (N: number, D: number): Rows =>
  Array.from({ length: N }, (_, i) =>
    Array.from({ length: D }, (_, d) => Math.sin(1.7 * (i + 1) * (d + 1) ** 1.3 + i)),
  );
const multiply = (a: Rows, b: Rows): Rows =>
  a.map((row) => b[0]!.map((_, j) => row.reduce((sum, x, k) => sum + x * b[k]![j]!, 0)));

describe('effectiveRank', () => {
  it('equals the definition from singular values found by one-sided Jacobi', () => {
    fc.assert(
      fc.property(nonZero, (rows) => {
        const sigma = singularValues(rows);
        const sum = sigma.reduce((a, b) => a + b);
        const entropy = sigma
          .map((value) => value / sum)
          .reduce((total, p) => total - (p > 1e-12 ? p * Math.log(p) : 0), 0);
        expect(effectiveRank(rows)).toBeCloseTo(Math.exp(entropy), 8);
      }),
      { numRuns: 200 },
    );
  });

  it.each(fixture.features)('equals numpy on $features', (expected) => {
    expect(effectiveRank(expected.features)).toBeCloseTo(expected.effectiveRank, 10);
  });

  it('lies in [1, min(N, D)], and is that of the transpose', () => {
    fc.assert(
      fc.property(nonZero, (rows) => {
        const value = effectiveRank(rows);
        expect(value).toBeGreaterThanOrEqual(1 - 1e-12);
        expect(value).toBeLessThanOrEqual(Math.min(rows.length, rows[0]!.length) + 1e-9);
        const transposed = rows[0]!.map((_, d) => rows.map((row) => row[d]!));
        expect(effectiveRank(transposed)).toBeCloseTo(value, 9);
      }),
    );
  });

  it('does not depend on order, signs or scale', () => {
    fc.assert(
      fc.property(nonZero, (rows) => {
        const value = effectiveRank(rows);
        expect(effectiveRank([...rows].reverse())).toBeCloseTo(value, 9);
        expect(effectiveRank(rows.map((row) => row.map((x) => -1e200 * x)))).toBeCloseTo(value, 9);
        expect(effectiveRank(rows.map((row) => row.map((x) => 1e-200 * x)))).toBeCloseTo(value, 9);
      }),
    );
  });

  it('is the number of equally strong directions', () => {
    const identity = (D: number): Rows =>
      Array.from({ length: D }, (_, i) => Array.from({ length: D }, (_, j) => (i === j ? 1 : 0)));
    for (const D of [1, 2, 3, 8, 20]) expect(effectiveRank(identity(D))).toBeCloseTo(D, 11);
    expect(
      effectiveRank([
        [1, 2],
        [1, 2],
        [-3, -6],
      ]),
    ).toBeCloseTo(1, 12);
    expect(effectiveRank([[7, 0, 0]])).toBeCloseTo(1, 14);
  });

  it('does not count rounding as rank, at sizes of real features', () => {
    // 90 x 60 of rank 3: without a threshold 57 singular values of 1e-8 would add up.
    const lowRank = multiply(waves(90, 3), waves(3, 60));
    expect(effectiveRank(lowRank)).toBeLessThanOrEqual(3);
    const sigma = singularValues(lowRank).sort((a, b) => b - a);
    const three = sigma.slice(0, 3).map((value) => value / (sigma[0]! + sigma[1]! + sigma[2]!));
    const entropy = three.reduce((total, p) => total - p * Math.log(p), 0);
    expect(effectiveRank(lowRank)).toBeCloseTo(Math.exp(entropy), 10);
  });

  it('finds the axes of a diagonal matrix, where bisection meets an eigenvalue exactly', () => {
    const shares = [1, 0.1, 2].map((sigma) => sigma / 3.1);
    const entropy = shares.reduce((total, p) => total - p * Math.log(p), 0);
    const axes = [
      [1, 0, 0],
      [0, 0.1, 0],
      [0, 0, 2],
    ];
    expect(effectiveRank(axes)).toBeCloseTo(Math.exp(entropy), 12);
  });

  it('survives inner products whose squares vanish', () => {
    for (const tiny of [1e-150, 1e-160, 1e-170]) {
      expect(
        effectiveRank([
          [1, 0],
          [tiny, 1],
        ]),
      ).toBeCloseTo(2, 12);
    }
  });

  it('is exactly 1 for equal features of any kind', () => {
    expect(effectiveRank(Array.from({ length: 50 }, () => waves(1, 33)[0]!))).toBe(1);
  });

  it('rejects bad arguments', () => {
    expect(() => effectiveRank([])).toThrowErrorMatchingInlineSnapshot(
      `[RangeError: effectiveRank: features has 0 entries, expected at least 1]`,
    );
    expect(() =>
      effectiveRank([
        [0, 0],
        [0, 0],
      ]),
    ).toThrowErrorMatchingInlineSnapshot(
      `[RangeError: effectiveRank: features has only zeros, expected one that is not]`,
    );
    expect(() => effectiveRank([[1, -Infinity]])).toThrow(RangeError);
    expect(() => effectiveRank([[1], [1, 2]])).toThrow(RangeError);
  });
});

describe('participationRatio', () => {
  it('equals the definition from the singular values of the centred features', () => {
    fc.assert(
      fc.property(varied, (rows) => {
        const centre = rows[0]!.map(
          (_, d) => rows.reduce((sum, row) => sum + row[d]!, 0) / rows.length,
        );
        const sigma = singularValues(rows.map((row) => row.map((x, d) => x - centre[d]!)));
        const square = sigma.reduce((sum, value) => sum + value ** 2, 0);
        const fourth = sigma.reduce((sum, value) => sum + value ** 4, 0);
        const value = participationRatio(rows);
        expect(value).toBeCloseTo(square ** 2 / fourth, 9);
        expect(value).toBeGreaterThanOrEqual(1 - 1e-12);
        expect(value).toBeLessThanOrEqual(Math.min(rows.length - 1, rows[0]!.length) + 1e-9);
      }),
      { numRuns: 200 },
    );
  });

  it.each(fixture.features)('equals numpy on $features', (expected) => {
    expect(participationRatio(expected.features)).toBeCloseTo(expected.participationRatio, 10);
  });

  it('does not depend on scale, shift or order', () => {
    fc.assert(
      fc.property(varied, (rows) => {
        const value = participationRatio(rows);
        const shifted = rows.map((row) => row.map((x, d) => 100 * d - x)).reverse();
        expect(participationRatio(shifted)).toBeCloseTo(value, 8);
        expect(participationRatio(rows.map((row) => row.map((x) => 1e-200 * x)))).toBeCloseTo(
          value,
          8,
        );
      }),
    );
  });

  it('is the number of equally strong directions after centring', () => {
    // The corners of a regular simplex of D + 1 points span D directions alike.
    for (const D of [1, 2, 5]) {
      const corners = Array.from({ length: D + 1 }, (_, i) =>
        Array.from({ length: D + 1 }, (_, j) => (i === j ? 1 : 0)),
      );
      expect(participationRatio(corners)).toBeCloseTo(D, 12);
    }
  });

  it('sees a variance that is tiny beside the mean', () => {
    expect(
      participationRatio([
        [1, 1e-200],
        [1, 3e-200],
      ]),
    ).toBeCloseTo(1, 12);
  });

  it('rejects bad arguments', () => {
    expect(() => participationRatio([[1, 2]])).toThrow(RangeError);
    expect(() =>
      participationRatio([
        [0.1, 0.7],
        [0.1, 0.7],
        [0.1, 0.7],
      ]),
    ).toThrowErrorMatchingInlineSnapshot(
      `[RangeError: participationRatio: features has equal entries only, expected some variance]`,
    );
    expect(() => participationRatio([[1], [NaN]])).toThrow(RangeError);
  });
});

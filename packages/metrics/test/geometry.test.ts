import { centredVarianceRatio, featureCosine, meanCosine } from '@cfrl/metrics';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import fixture from './fixtures/scipy.json' with { type: 'json' };

const matrix = (leastRows: number) =>
  fc.integer({ min: 1, max: 5 }).chain((columns) =>
    fc.array(
      fc.array(fc.double({ min: -10, max: 10, noNaN: true }), {
        minLength: columns,
        maxLength: columns,
      }),
      { minLength: leastRows, maxLength: 7 },
    ),
  );
const length = (x: readonly number[]): number => Math.hypot(...x);
const directions = matrix(2).filter((rows) => rows.every((row) => length(row) > 1e-100));

describe('featureCosine', () => {
  it('equals the statistics of all pairs', () => {
    fc.assert(
      fc.property(directions, (rows) => {
        const cosines = rows.flatMap((a, i) =>
          rows
            .slice(0, i)
            .map((b) => a.reduce((sum, x, d) => sum + (x / length(a)) * (b[d]! / length(b)), 0)),
        );
        const average = cosines.reduce((a, b) => a + b) / cosines.length;
        const variance = cosines.reduce((sum, c) => sum + (c - average) ** 2, 0) / cosines.length;
        const value = featureCosine(rows);
        expect(value.mean).toBeCloseTo(average, 12);
        expect(value.standardDeviation).toBeCloseTo(Math.sqrt(variance), 7);
        expect(value.min).toBeCloseTo(Math.min(...cosines), 12);
        expect(value.max).toBeCloseTo(Math.max(...cosines), 12);
      }),
    );
  });

  it.each(fixture.features)('equals numpy on $features', ({ features, cosine }) => {
    const value = featureCosine(features);
    expect(value.mean).toBeCloseTo(cosine.mean, 12);
    expect(value.standardDeviation).toBeCloseTo(cosine.standardDeviation, 12);
    expect(value.min).toBeCloseTo(cosine.min, 12);
    expect(value.max).toBeCloseTo(cosine.max, 12);
  });

  it('stays in [-1, 1] and in order', () => {
    fc.assert(
      fc.property(directions, (rows) => {
        const { mean, min, max, standardDeviation } = featureCosine(rows);
        expect(min).toBeGreaterThanOrEqual(-1);
        expect(max).toBeLessThanOrEqual(1);
        expect(mean).toBeGreaterThanOrEqual(min - 1e-15);
        expect(mean).toBeLessThanOrEqual(max + 1e-15);
        expect(mean).toBeGreaterThanOrEqual(-1 / (rows.length - 1) - 1e-12);
        expect(standardDeviation).toBeGreaterThanOrEqual(0);
      }),
    );
  });

  it('sees the small spread of features that are nearly alike', () => {
    // Angles 0, a, 2a with a = 1e-4: cosines cos a, cos a, cos 2a; their standard deviation is
    // (cos a - cos 2a) sqrt(2) / 3 = 1.5 a^2 sqrt(2) / 3 to the leading order.
    const rows = [0, 1e-4, 2e-4].map((angle) => [Math.cos(angle), Math.sin(angle)]);
    const { standardDeviation } = featureCosine(rows);
    expect(standardDeviation / (0.5e-8 * Math.SQRT2)).toBeCloseTo(1, 6);
  });

  it('does not depend on lengths, not even on extreme ones', () => {
    const { mean, min, max } = featureCosine([
      [3e200, 4e200],
      [3e-200, 4e-200],
      [-4, 3],
    ]);
    expect(max).toBeCloseTo(1, 14);
    expect(min).toBeCloseTo(0, 14);
    expect(mean).toBeCloseTo(1 / 3, 14);
  });

  it('rejects bad arguments', () => {
    expect(() => featureCosine([[1]])).toThrowErrorMatchingInlineSnapshot(
      `[RangeError: featureCosine: features has 1 entries, expected at least 2]`,
    );
    expect(() =>
      featureCosine([
        [1, 2],
        [0, 0],
      ]),
    ).toThrowErrorMatchingInlineSnapshot(
      `[RangeError: featureCosine: features[1] is zero, expected a vector with a direction]`,
    );
    expect(() => featureCosine([[1, 2], [1]])).toThrowErrorMatchingInlineSnapshot(
      `[RangeError: featureCosine: features[1] has 1 entries, expected 2 (as features[0])]`,
    );
    expect(() =>
      featureCosine([
        [1, 2],
        [1, NaN],
      ]),
    ).toThrowErrorMatchingInlineSnapshot(
      `[RangeError: featureCosine: features[1][1] is NaN, expected a finite number]`,
    );
    expect(() => featureCosine([[], []])).toThrow(RangeError);
  });
});

describe('meanCosine', () => {
  it('equals the mean over all pairs', () => {
    fc.assert(
      fc.property(directions, (rows) => {
        expect(meanCosine(rows)).toBeCloseTo(featureCosine(rows).mean, 12);
      }),
    );
  });

  it('is 1 for parallel, -1 / (N - 1) for balanced, 0 for orthogonal features', () => {
    expect(
      meanCosine([
        [0.1, 0.2, 0.3],
        [1, 2, 3],
        [2, 4, 6],
      ]),
    ).toBeCloseTo(1, 14);
    const triangle = [0, 1, 2].map((k) => [
      Math.cos((2 * Math.PI * k) / 3),
      Math.sin((2 * Math.PI * k) / 3),
    ]);
    expect(meanCosine(triangle)).toBeCloseTo(-1 / 2, 14);
    expect(
      meanCosine([
        [1, 0, 0],
        [0, 5, 0],
        [0, 0, -1],
      ]),
    ).toBeCloseTo(0, 14);
  });

  it('rejects bad arguments', () => {
    expect(() => meanCosine([])).toThrow(RangeError);
    expect(() => meanCosine([[1], [0]])).toThrowErrorMatchingInlineSnapshot(
      `[RangeError: meanCosine: features[1] is zero, expected a vector with a direction]`,
    );
    expect(() => meanCosine([[1], [Infinity]])).toThrow(RangeError);
  });
});

describe('centredVarianceRatio', () => {
  const nonZero = matrix(1).filter((rows) => rows.some((row) => length(row) > 1e-3));

  it('equals 1 - |mean|^2 / mean square', () => {
    fc.assert(
      fc.property(nonZero, (rows) => {
        const centre = rows[0]!.map(
          (_, d) => rows.reduce((sum, row) => sum + row[d]!, 0) / rows.length,
        );
        const square = rows.reduce((sum, row) => sum + length(row) ** 2, 0) / rows.length;
        const value = centredVarianceRatio(rows);
        expect(value).toBeCloseTo(1 - length(centre) ** 2 / square, 10);
        expect(value).toBeGreaterThanOrEqual(0);
        expect(value).toBeLessThanOrEqual(1 + 1e-12);
      }),
    );
  });

  it.each(fixture.features)('equals numpy on $features', (expected) => {
    expect(centredVarianceRatio(expected.features)).toBeCloseTo(expected.centredVarianceRatio, 12);
  });

  it('does not depend on scale or order', () => {
    fc.assert(
      fc.property(nonZero, (rows) => {
        const value = centredVarianceRatio(rows);
        for (const scale of [1e200, -1e-200]) {
          const scaled = rows.map((row) => row.map((x) => x * scale)).reverse();
          expect(centredVarianceRatio(scaled)).toBeCloseTo(value, 10);
        }
      }),
    );
  });

  it('is exactly 0 for equal features, 1 for balanced ones, and keeps a small variance', () => {
    expect(
      centredVarianceRatio([
        [0.1, 0.7],
        [0.1, 0.7],
        [0.1, 0.7],
      ]),
    ).toBe(0);
    expect(centredVarianceRatio([[5, 6]])).toBe(0);
    expect(
      centredVarianceRatio([
        [5, 6],
        [-5, -6],
      ]),
    ).toBe(1);
    expect(
      centredVarianceRatio([
        [1, 1e-9],
        [1, -1e-9],
      ]) / 1e-18,
    ).toBeCloseTo(1, 12);
  });

  it('rejects bad arguments', () => {
    expect(() => centredVarianceRatio([[0, 0]])).toThrowErrorMatchingInlineSnapshot(
      `[RangeError: centredVarianceRatio: features has only zeros, expected one that is not]`,
    );
    expect(() => centredVarianceRatio([])).toThrow(RangeError);
    expect(() => centredVarianceRatio([[NaN]])).toThrow(RangeError);
  });
});

import { mean, meanInterval, pairedDifference, standardDeviation } from '@cfrl/metrics';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import fixture from './fixtures/scipy.json' with { type: 'json' };

const number = fc.double({ min: -1e6, max: 1e6, noNaN: true });
const numbers = fc.array(number, { minLength: 2, maxLength: 20 });

describe('mean', () => {
  it('equals the sum over n and lies between the extremes', () => {
    fc.assert(
      fc.property(numbers, (values) => {
        const value = mean(values);
        expect(value).toBeCloseTo(values.reduce((a, b) => a + b, 0) / values.length, 6);
        expect(value).toBeGreaterThanOrEqual(Math.min(...values) - 1e-9);
        expect(value).toBeLessThanOrEqual(Math.max(...values) + 1e-9);
      }),
    );
  });

  it('gives equal values back as they are', () => {
    fc.assert(
      fc.property(
        fc.double({ noNaN: true, noDefaultInfinity: true }),
        fc.integer({ min: 1, max: 99 }),
        (x, n) => {
          expect(mean(new Array<number>(n).fill(x)) - x).toBe(0);
        },
      ),
    );
  });

  it('survives numbers whose sum overflows, and typed arrays', () => {
    expect(mean([Number.MAX_VALUE, Number.MAX_VALUE])).toBe(Number.MAX_VALUE);
    expect(mean([1e308, -1e308])).toBe(0);
    expect(mean(Float32Array.of(1, 2))).toBe(1.5);
  });

  it('rejects nothing, NaN and infinity', () => {
    expect(() => mean([])).toThrowErrorMatchingInlineSnapshot(
      `[RangeError: mean: values has 0 entries, expected at least 1]`,
    );
    expect(() => mean([1, NaN])).toThrowErrorMatchingInlineSnapshot(
      `[RangeError: mean: values[1] is NaN, expected a finite number]`,
    );
    expect(() => mean([-Infinity])).toThrow(RangeError);
  });
});

describe('standardDeviation', () => {
  it('equals the root of half the mean squared difference of all pairs', () => {
    // sum_{i, j} (x_i - x_j)^2 = 2 n (n - 1) s^2.
    fc.assert(
      fc.property(numbers, (values) => {
        const n = values.length;
        let squares = 0;
        for (const a of values) for (const b of values) squares += (a - b) ** 2;
        const expected = Math.sqrt(squares / (2 * n * (n - 1)));
        expect(standardDeviation(values) - expected).toBeCloseTo(0, 6);
      }),
    );
  });

  it('scales, and does not change under shifts and permutations', () => {
    fc.assert(
      fc.property(numbers, (values) => {
        const value = standardDeviation(values);
        expect(standardDeviation(values.map((x) => -4 * x)) / 4).toBeCloseTo(value, 6);
        expect(standardDeviation(values.map((x) => x + 1000).reverse())).toBeCloseTo(value, 6);
      }),
    );
  });

  it('keeps a small spread about a large mean, and none about any', () => {
    expect(standardDeviation([1e9 + 1, 1e9 + 2, 1e9 + 3])).toBe(1);
    expect(standardDeviation([0.1, 0.1, 0.1])).toBe(0);
  });

  it('survives squares that overflow or vanish', () => {
    expect(standardDeviation([1e200, -1e200]) / 1e200).toBeCloseTo(Math.SQRT2, 14);
    expect(standardDeviation([1e-200, -1e-200]) / 1e-200).toBeCloseTo(Math.SQRT2, 14);
  });

  it('rejects one value and what is not finite', () => {
    expect(() => standardDeviation([1])).toThrowErrorMatchingInlineSnapshot(
      `[RangeError: standardDeviation: values has 1 entries, expected at least 2]`,
    );
    expect(() => standardDeviation([1, Infinity])).toThrow(RangeError);
  });
});

describe('meanInterval', () => {
  it.each(fixture.studentT)(
    'is as wide as scipy says: df $degreesOfFreedom, level $level',
    ({ degreesOfFreedom, level, t }) => {
      // n values of mean 0: the half-width over the standard error is t.
      const n = degreesOfFreedom + 1;
      const values = Array.from({ length: n }, (_, i) => i - (n - 1) / 2);
      const { mean: centre, low, high } = meanInterval(values, { level });
      const standardError = standardDeviation(values) / Math.sqrt(n);
      expect(centre).toBeCloseTo(0, 12);
      expect(high! / standardError / t).toBeCloseTo(1, 9);
      expect(low! / standardError / t).toBeCloseTo(-1, 9);
    },
  );

  it.each(fixture.intervals)('equals scipy on $values', ({ values, level, low, high }) => {
    const interval = meanInterval(values, { level });
    expect(interval.low).toBeCloseTo(low, 11);
    expect(interval.high).toBeCloseTo(high, 11);
    expect(interval.n).toBe(values.length);
  });

  it('has level 0.95 unless told otherwise', () => {
    expect(meanInterval([1, 2, 4])).toEqual(meanInterval([1, 2, 4], { level: 0.95 }));
  });

  it('holds its mean, and grows with the level', () => {
    fc.assert(
      fc.property(numbers, fc.double({ min: 0.01, max: 0.9, noNaN: true }), (values, level) => {
        const narrow = meanInterval(values, { level });
        const wide = meanInterval(values, { level: level + 0.09 });
        expect(narrow.low).toBeLessThanOrEqual(narrow.mean);
        expect(narrow.high).toBeGreaterThanOrEqual(narrow.mean);
        expect(wide.low).toBeLessThanOrEqual(narrow.low!);
        expect(wide.high).toBeGreaterThanOrEqual(narrow.high!);
      }),
    );
  });

  it('nears the normal interval for many values', () => {
    const values = Array.from({ length: 20_000 }, (_, i) => i % 2);
    const { mean: centre, high } = meanInterval(values);
    const standardError = standardDeviation(values) / Math.sqrt(values.length);
    // t = z + (z^3 + z) / (4 df) + ..., z = 1.959964.
    expect((high! - centre) / standardError).toBeCloseTo(1.959964 + 9.4892 / 4 / 19_999, 6);
  });

  it('does not know an interval from one value, and is a point for equal ones', () => {
    expect(meanInterval([3])).toEqual({ mean: 3, low: null, high: null, n: 1 });
    expect(meanInterval([0.1, 0.1, 0.1])).toEqual({ mean: 0.1, low: 0.1, high: 0.1, n: 3 });
  });

  it('rejects bad arguments', () => {
    expect(() => meanInterval([])).toThrowErrorMatchingInlineSnapshot(
      `[RangeError: meanInterval: values has 0 entries, expected at least 1]`,
    );
    expect(() => meanInterval([NaN])).toThrow(RangeError);
    expect(() => meanInterval([1, 2], { level: 1 })).toThrowErrorMatchingInlineSnapshot(
      `[RangeError: meanInterval: level is 1, expected a number in (0, 1)]`,
    );
    expect(() => meanInterval([1, 2], { level: 0 })).toThrow(RangeError);
    expect(() => meanInterval([1, 2], { level: NaN })).toThrow(RangeError);
  });
});

describe('pairedDifference', () => {
  it('equals scipy on paired samples', () => {
    const { a, b, level, low, high } = fixture.paired;
    const difference = pairedDifference(a, b, { level });
    expect(difference.low).toBeCloseTo(low, 11);
    expect(difference.high).toBeCloseTo(high, 11);
  });

  it('changes sign when the two change places, and forgets what they share', () => {
    const small = fc.integer({ min: -1000, max: 1000 });
    fc.assert(
      fc.property(
        fc.array(fc.tuple(small, small, small), { minLength: 2, maxLength: 9 }),
        (rows) => {
          const a = rows.map((row) => row[0]);
          const b = rows.map((row) => row[1]);
          const value = pairedDifference(a, b);
          const turned = pairedDifference(b, a);
          expect(turned.mean).toBeCloseTo(-value.mean, 12);
          expect(turned.low).toBeCloseTo(-value.high!, 10);
          const shifted = pairedDifference(
            rows.map((row) => row[0] + row[2]),
            rows.map((row) => row[1] + row[2]),
          );
          expect(shifted).toEqual(value);
        },
      ),
    );
  });

  it('rejects bad arguments', () => {
    expect(() => pairedDifference([1, 2], [1])).toThrowErrorMatchingInlineSnapshot(
      `[RangeError: pairedDifference: b has 1 entries, expected 2 (one for each of a)]`,
    );
    expect(() => pairedDifference([], [])).toThrowErrorMatchingInlineSnapshot(
      `[RangeError: pairedDifference: a has 0 entries, expected at least 1]`,
    );
    expect(() => pairedDifference([1], [NaN])).toThrowErrorMatchingInlineSnapshot(
      `[RangeError: pairedDifference: b[0] is NaN, expected a finite number]`,
    );
  });
});

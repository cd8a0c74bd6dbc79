import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import {
  condense,
  firstReach,
  meanCurve,
  meanHeight,
  type Point,
  valueAt,
} from '../src/report/curve.js';
import { formatFixed, formatSigned } from '../src/report/format.js';

const curve = (...pairs: [number, number][]): Point[] =>
  pairs.map(([tokens, value]) => ({ tokens, value }));
const line = (slope: number, start: number, to: number, n: number): Point[] =>
  Array.from({ length: n }, (_, i) => ({
    tokens: (to * i) / (n - 1),
    value: start + (slope * to * i) / (n - 1),
  }));

describe('valueAt', () => {
  it('is the straight line between neighbours and null outside', () => {
    const c = curve([0, 1], [10, 3], [20, 0]);
    expect([0, 5, 10, 15, 20].map((t) => valueAt(c, t))).toEqual([1, 2, 3, 1.5, 0]);
    expect([valueAt(c, -1), valueAt(c, 21), valueAt([], 0)]).toEqual([null, null, null]);
  });

  it('takes the last of several points at one place', () => {
    expect(valueAt(curve([0, 1], [5, 2], [5, 4], [10, 4]), 5)).toBe(4);
  });
});

describe('firstReach', () => {
  it('is where the curve first has the value, and not after the end', () => {
    const c = curve([0, 0], [10, 0.5], [20, 0.2], [30, 1]);
    expect(firstReach(c, 0.25, 30)).toBe(5);
    expect(firstReach(c, 0.6, 30)).toBe(25);
    expect(firstReach(c, 0.6, 24)).toBeNull();
    expect(firstReach(c, 2, 30)).toBeNull();
    expect(firstReach(curve([0, 0], [10, 0.5], [20, 0.5], [30, 1]), 0.5, 30)).toBe(10);
    expect(firstReach(c, 0, 30)).toBe(0);
  });

  it('agrees with reading the curve back', () => {
    const values = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), {
      minLength: 2,
      maxLength: 12,
    });
    fc.assert(
      fc.property(values, fc.double({ min: 0.01, max: 1, noNaN: true }), (ys, threshold) => {
        const c = ys.map((value, i) => ({ tokens: 10 * i, value }));
        const at = firstReach(c, threshold, Infinity);
        if (at === null) expect(Math.max(...ys)).toBeLessThan(threshold);
        else expect(valueAt(c, at)).toBeGreaterThanOrEqual(threshold - 1e-9);
      }),
    );
  });
});

describe('meanHeight', () => {
  it('is the middle of a straight line', () => {
    expect(meanHeight(line(0.01, 0, 100, 7), 100)).toBeCloseTo(0.5, 12);
    expect(meanHeight(line(0.01, 0, 100, 7), 50)).toBeCloseTo(0.25, 12);
  });
});

describe('meanCurve', () => {
  it('recovers a line that seeds sampled at different places', () => {
    const mean = meanCurve([
      line(0.01, 0, 100, 3),
      line(0.01, 0.2, 130, 8),
      line(0.01, 0.4, 110, 23),
    ]);
    expect(mean).toHaveLength(61);
    expect(mean[0]!.tokens).toBe(0);
    expect(mean.at(-1)!.tokens).toBe(100);
    for (const { tokens, mean: value, low, high, n } of mean) {
      expect(value).toBeCloseTo(0.2 + 0.01 * tokens, 12);
      expect(high! - low!).toBeCloseTo((2 * 4.302653 * 0.2) / Math.sqrt(3), 6);
      expect(n).toBe(3);
    }
  });

  it('has no interval over one seed, one point where seeds meet in one, and nothing where they never meet', () => {
    expect(meanCurve([curve([0, 1], [10, 2])])[0]).toEqual({
      tokens: 0,
      mean: 1,
      low: null,
      high: null,
      n: 1,
    });
    expect(meanCurve([curve([0, 1], [10, 2]), curve([10, 4], [20, 4])])).toMatchObject([
      { tokens: 10, mean: 3 },
    ]);
    expect(meanCurve([curve([0, 1], [10, 2]), curve([11, 4], [20, 4])])).toEqual([]);
    expect(meanCurve([[], []])).toEqual([]);
  });
});

describe('condense', () => {
  it('keeps short curves, and the mean of long ones', () => {
    const short = line(1, 0, 10, 60);
    expect(condense(short)).toEqual(short);
    const long = line(1, 0, 10, 1200);
    const less = condense(long);
    expect(less).toHaveLength(60);
    const mean = (points: readonly Point[]) =>
      points.reduce((sum, { value }) => sum + value, 0) / points.length;
    expect(mean(less)).toBeCloseTo(mean(long), 10);
  });
});

describe('formatFixed', () => {
  it('groups thousands, uses a true minus, and has no negative zero', () => {
    expect([1234567.8, -1234.5, -0.0004, 0, 0.05].map((x) => formatFixed(x, 1))).toEqual([
      '1,234,567.8',
      '−1,234.5',
      '0.0',
      '0.0',
      '0.1',
    ]);
    expect([2.5e12, -3e-9].map((x) => formatFixed(x, 2))).toEqual(['2.50e+12', '−3.00e-9']);
    expect([0.0004, 0.4, -0.4].map((x) => formatSigned(x, 1))).toEqual(['0.0', '+0.4', '−0.4']);
  });
});

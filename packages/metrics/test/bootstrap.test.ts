import type { BootstrapOptions } from '@cfrl/metrics';
import { bootstrap, mean, percentile } from '@cfrl/metrics';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

/** Uniform numbers that walk through every resample of n values exactly once: n^n tuples of n draws. */
function everyResample(n: number): { uniform: () => number; resamples: number } {
  const resamples = n ** n;
  let call = 0;
  return {
    resamples,
    uniform: () => {
      const tuple = Math.floor(call / n);
      const digit = Math.floor(tuple / n ** (call % n)) % n;
      call++;
      return (digit + 0.5) / n;
    },
  };
}

/** Park and Miller's generator: a source of seeded uniform numbers for these tests alone. */
function uniformFrom(seed: number): () => number {
  let state = seed;
  return () => (state = (state * 16807) % 2147483647) / 2147483647;
}

/** The mean with its percentile interval. */
const intervalOf = (values: readonly number[], options: BootstrapOptions) =>
  bootstrap(values, mean, { ...options, interval: percentile });

describe('bootstrap', () => {
  it('equals the quantiles of the exact bootstrap distribution', () => {
    // Values 0, 0, 4 (n = 3): the mean is 4 s / 3 with s ~ Binomial(3, 1/3), and of 27 resamples
    // 8, 12, 6, 1 give s = 0, 1, 2, 3. At level 0.6 the quantiles 0.2 and 0.8 sit at 5.2 and 20.8 of 0..26:
    // between two 0s, and between sorted entries 20 (s = 2 starts at 20) and 21.
    const interval = intervalOf([0, 0, 4], { level: 0.6, ...everyResample(3) });
    expect(interval.estimate).toBeCloseTo(4 / 3, 14);
    expect(interval.low).toBe(0);
    expect(interval.high).toBeCloseTo(8 / 3, 14);
    expect(interval.n).toBe(3);
    // Level 0.5: positions 6.5 and 19.5; entries 19 (s = 1) and 20 (s = 2) give the middle, 2.
    expect(intervalOf([0, 0, 4], { level: 0.5, ...everyResample(3) }).high).toBeCloseTo(2, 14);
  });

  it('does not leave the range of the values, and narrows with the level', () => {
    const values = fc.array(fc.double({ min: -100, max: 100, noNaN: true }), {
      minLength: 2,
      maxLength: 8,
    });
    fc.assert(
      fc.property(values, fc.integer({ min: 1, max: 1e6 }), (numbers, seed) => {
        const at = (level: number) =>
          intervalOf(numbers, { uniform: uniformFrom(seed), level, resamples: 200 });
        const [wide, narrow] = [at(0.95), at(0.5)];
        expect(wide.estimate).toBe(mean(numbers));
        expect(wide.low).toBeGreaterThanOrEqual(Math.min(...numbers) - 1e-9);
        expect(wide.high).toBeLessThanOrEqual(Math.max(...numbers) + 1e-9);
        expect(narrow.low).toBeGreaterThanOrEqual(wide.low!);
        expect(narrow.high).toBeLessThanOrEqual(wide.high!);
      }),
    );
  });

  it('nears the normal interval of the mean for many values', () => {
    const uniform = uniformFrom(11);
    const values = Array.from({ length: 400 }, () => uniform());
    const { estimate: centre, low, high } = intervalOf(values, { uniform });
    // The bootstrap's own standard error: sqrt(mean squared deviation / n); 10,000 resamples, 3 %.
    const spread = Math.sqrt(mean(values.map((x) => (x - centre) ** 2)) / values.length);
    expect((high! - centre) / spread).toBeGreaterThan(1.9);
    expect((high! - centre) / spread).toBeLessThan(2.02);
    expect((centre - low!) / spread).toBeGreaterThan(1.9);
    expect((centre - low!) / spread).toBeLessThan(2.02);
  });

  it('has level 0.95 and 10,000 resamples unless told otherwise', () => {
    let calls = 0;
    const source = uniformFrom(3);
    const counted = () => (calls++, source());
    const interval = intervalOf([1, 2, 5], { uniform: counted });
    expect(calls).toBe(30_000);
    expect(interval).toEqual(
      intervalOf([1, 2, 5], { uniform: uniformFrom(3), level: 0.95, resamples: 10_000 }),
    );
  });

  it('does not know an interval from one value, and is a point for equal ones', () => {
    expect(intervalOf([3], { uniform: uniformFrom(1) })).toEqual({
      estimate: 3,
      low: null,
      high: null,
      standardError: null,
      n: 1,
    });
    expect(intervalOf([0.1, 0.1, 0.1], { uniform: uniformFrom(1), resamples: 9 })).toEqual({
      estimate: 0.1,
      low: 0.1,
      high: 0.1,
      standardError: 0,
      n: 3,
    });
  });

  it('rejects bad arguments', () => {
    const uniform = uniformFrom(1);
    expect(() => intervalOf([], { uniform })).toThrow(RangeError);
    expect(() => intervalOf([1, NaN], { uniform })).toThrow(RangeError);
    expect(() => intervalOf([1, 2], { uniform, level: 1 })).toThrow(RangeError);
    expect(() => intervalOf([1, 2], { uniform, resamples: 0 })).toThrowErrorMatchingInlineSnapshot(
      `[RangeError: bootstrap: resamples is 0, expected an integer >= 1]`,
    );
    expect(() => intervalOf([1, 2], { uniform: () => 1 })).toThrowErrorMatchingInlineSnapshot(
      `[RangeError: bootstrap: uniform() is 1, expected a number in [0, 1)]`,
    );
    expect(() => intervalOf([1, 2], { uniform: () => NaN })).toThrow(RangeError);
  });
});

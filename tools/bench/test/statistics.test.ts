import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { iterationsFor, median, ratioOf } from '../src/statistics.js';

const positives = fc.array(fc.double({ min: 0.01, max: 1e4, noNaN: true }), { minLength: 1 });

describe('median', () => {
  it('is the middle of an odd count, the mean of the middle two of an even one', () => {
    expect(median([3, 1, 2])).toBe(2);
    expect(median([4, 1, 3, 2])).toBe(2.5);
  });

  it('has as many numbers above it as below, and leaves its argument alone', () => {
    fc.assert(
      fc.property(positives, (numbers) => {
        const before = [...numbers];
        const middle = median(numbers);
        expect(numbers.filter((n) => n < middle).length).toBeLessThanOrEqual(numbers.length / 2);
        expect(numbers.filter((n) => n > middle).length).toBeLessThanOrEqual(numbers.length / 2);
        expect(numbers).toEqual(before);
      }),
    );
  });

  it('refuses nothing', () => {
    expect(() => median([])).toThrowErrorMatchingInlineSnapshot(
      `[RangeError: median: numbers is empty, expected at least one; measure more rounds]`,
    );
  });
});

describe('ratioOf', () => {
  it('divides the medians of all samples, and those of each round', () => {
    const rounds = [
      { ours: [1, 2, 3], theirs: [4] },
      { ours: [6], theirs: [2, 2] },
      { ours: [2], theirs: [2] },
    ];
    expect(ratioOf(rounds)).toEqual({ ratio: 1, rounds: { min: 0.5, median: 1, max: 3 } });
  });

  it('does not see what slows a whole round down', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 100 }), { minLength: 1 }), (slowness) => {
        const rounds = slowness.map((s) => ({ ours: [s, s], theirs: [4 * s] }));
        expect(ratioOf(rounds)).toEqual({
          ratio: 0.25,
          rounds: { min: 0.25, median: 0.25, max: 0.25 },
        });
      }),
    );
  });
});

describe('iterationsFor', () => {
  it('fills the time, at least once and at most 50 times', () => {
    expect([0.001, 10, 40, 5000].map((ms) => iterationsFor([ms], 200))).toEqual([50, 20, 5, 1]);
  });
});

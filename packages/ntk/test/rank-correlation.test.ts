import { describe, expect, it } from 'vitest';

import { rankCorrelation } from '../src/attribution/rank-correlation.js';

describe('rankCorrelation', () => {
  it('is that of the ranks, ties sharing theirs', () => {
    expect(rankCorrelation([1, 2, 3], [10, 200, 3000])).toBe(1);
    expect(rankCorrelation([1, 2, 3], [3, 2, 1])).toBe(-1);
    // Without ties 1 - 6 sum d^2 / (n (n^2 - 1)): 1 - 6 * 6 / 60
    expect(rankCorrelation([1, 2, 3, 4], [2, 1, 4, 3])).toBeCloseTo(0.6, 12);
    // Ranks 0.5, 0.5, 2 against 0, 1, 2: 1.5 / sqrt(1.5 * 2)
    expect(rankCorrelation([1, 1, 2], [1, 2, 3])).toBeCloseTo(1.5 / Math.sqrt(3), 12);
  });

  it('is not defined where one side is constant', () => {
    expect(rankCorrelation([1, 1], [1, 2])).toBeNull();
    expect(rankCorrelation([], [])).toBeNull();
  });
});

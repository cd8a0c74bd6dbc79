import { explainedVariance, scoringGap } from '@cfrl/rl';
import { describe, expect, it } from 'vitest';

describe('explainedVariance', () => {
  it('is 1 for an exact critic, 0 for a constant one, negative for a contrary one', () => {
    const returns = [1, 2, 4];
    expect(explainedVariance(returns, returns)).toBe(1);
    expect(explainedVariance([5, 5, 5], returns)).toBe(0);
    expect(explainedVariance([-1, -2, -4], returns)).toBe(-3); // Var(2 R) = 4 Var(R)
  });

  it('does not see a constant error', () => {
    expect(explainedVariance([11, 12, 14], [1, 2, 4])).toBeCloseTo(1);
  });

  it('is finite where the returns are all equal', () => {
    expect(explainedVariance([2, 2], [1, 1])).toBe(1);
    expect(explainedVariance([2, 3], [1, 1])).toBe(0);
    expect(explainedVariance([2], [1])).toBe(1);
  });

  it('refuses lengths that differ, and nothing', () => {
    expect(() => explainedVariance([1], [1, 2])).toThrow('values has 1 entries, expected 2');
    expect(() => explainedVariance([], [])).toThrow('has 0 entries, expected at least 1');
  });
});

describe('scoringGap', () => {
  it('is the largest absolute difference', () => {
    expect(scoringGap([[-1, -2], [-3]], [[-1.5, -2], [-2.25]])).toBe(0.75);
    expect(scoringGap([[-1]], [[-1]])).toBe(0);
  });

  it('refuses lengths that differ', () => {
    expect(() => scoringGap([[1]], [[1, 2]])).toThrow('sampled has 1 tokens, expected 2');
  });
});

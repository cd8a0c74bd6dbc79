import { bestOfN, consensus, gPassAtK, majorityAtK, meanGPassAtK, passAtK } from '@cfrl/metrics';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import fixture from './fixtures/statistics.json' with { type: 'json' };

/** All subsets of k of the items. */
function subsets<T>(items: readonly T[], k: number): T[][] {
  if (k === 0) return [[]];
  return items.flatMap((item, i) =>
    subsets(items.slice(i + 1), k - 1).map((rest) => [item, ...rest]),
  );
}
const mean = (values: readonly number[]) => values.reduce((a, b) => a + b, 0) / values.length;
const sampled = fc
  .array(fc.nat({ max: 3 }), { minLength: 1, maxLength: 8 })
  .chain((list) => fc.tuple(fc.constant(list), fc.integer({ min: 1, max: list.length })));

describe('bestOfN', () => {
  it('equals the mean over all subsets of the best', () => {
    fc.assert(
      fc.property(sampled, ([rewards, n]) => {
        const best = subsets(rewards, n).map((chosen) => Math.max(...chosen));
        expect(bestOfN(rewards, n)).toBeCloseTo(mean(best), 12);
      }),
    );
  });

  it('is worth the reward of what the scores choose, by lot on a tie', () => {
    fc.assert(
      fc.property(sampled, ([scores, n]) => {
        const rewards = scores.map((_, i) => i * i);
        const values = subsets(
          scores.map((score, i) => ({ score, reward: rewards[i]! })),
          n,
        ).map((chosen) => {
          const top = Math.max(...chosen.map(({ score }) => score));
          return mean(chosen.filter(({ score }) => score === top).map(({ reward }) => reward));
        });
        // Of tied samples each is as likely to be drawn, so the mean over all of them is that over subsets.
        expect(bestOfN(rewards, n, scores)).toBeCloseTo(mean(values), 10);
        expect(bestOfN(rewards, 1, scores)).toBeCloseTo(mean(rewards), 10);
      }),
    );
  });

  it('grows with n, and takes 1e6 samples', () => {
    expect(bestOfN([0, 1, 5, 9], 3)).toBeGreaterThan(bestOfN([0, 1, 5, 9], 2));
    const many = Float64Array.from({ length: 1e6 }, (_, i) => i + 1);
    // E[max] of n draws without replacement from 1..N is n (N + 1) / (n + 1).
    expect(bestOfN(many, 4) / ((4 * (1e6 + 1)) / 5)).toBeCloseTo(1, 9);
    expect(() => bestOfN([1], 2)).toThrow(RangeError);
    expect(() => bestOfN([NaN], 1)).toThrow(RangeError);
    expect(() => bestOfN([], 1)).toThrow(RangeError);
  });
});

describe('majorityAtK', () => {
  it('equals the mean vote over all subsets', () => {
    fc.assert(
      fc.property(sampled, fc.nat({ max: 3 }), ([answers, k], right) => {
        const isCorrect = (answer: number) => answer === right || answer === 3;
        const votes = subsets(answers, k).map((chosen) => consensus(chosen, isCorrect));
        expect(majorityAtK(answers, isCorrect, k)).toBeCloseTo(mean(votes), 11);
      }),
      { numRuns: 200 },
    );
  });

  it('is the share of right ones for one vote, and near 1 for a large majority of many', () => {
    const answers = Array.from({ length: 400 }, (_, i) => (i % 5 < 3 ? 'right' : `wrong ${i % 7}`));
    const isCorrect = (answer: string) => answer === 'right';
    expect(majorityAtK(answers, isCorrect, 1)).toBeCloseTo(0.6, 12);
    expect(majorityAtK(answers, isCorrect, 64)).toBeGreaterThan(0.999);
    expect(majorityAtK(answers, isCorrect, 400)).toBe(1);
    expect(() => majorityAtK(['a'], isCorrect, 2)).toThrow(RangeError);
    expect(() => majorityAtK([], isCorrect, 1)).toThrow(RangeError);
  });
});

describe('consensus', () => {
  it('is majorityAtK with all of the answers', () => {
    fc.assert(
      fc.property(fc.array(fc.nat({ max: 3 }), { minLength: 1, maxLength: 9 }), (answers) => {
        const isCorrect = (answer: number) => answer < 2;
        const value = consensus(answers, isCorrect);
        expect(majorityAtK(answers, isCorrect, answers.length)).toBeCloseTo(value, 11);
      }),
    );
    expect(() => consensus([], () => true)).toThrow(RangeError);
  });
});

const counts = fc
  .integer({ min: 2, max: 60 })
  .chain((n) => fc.tuple(fc.constant(n), fc.nat({ max: n }), fc.integer({ min: 2, max: n })));

describe('gPassAtK', () => {
  it.each(fixture.atLeast)('equals scipy (hypergeometric): $m of $k', ({ n, c, k, m, chance }) => {
    expect(gPassAtK(n, c, k, m / k)).toBeCloseTo(chance, 12);
  });

  it('is pass@k for a small share, and falls with it', () => {
    fc.assert(
      fc.property(counts, ([n, c, k]) => {
        expect(gPassAtK(n, c, k, 0)).toBeCloseTo(passAtK(n, c, k), 11);
        expect(gPassAtK(n, c, k, 1 / k)).toBeCloseTo(passAtK(n, c, k), 11);
        expect(gPassAtK(n, c, k, 1)).toBeLessThanOrEqual(gPassAtK(n, c, k, 0.5) + 1e-12);
      }),
    );
    expect(() => gPassAtK(2, 1, 1, 2)).toThrow(RangeError);
    expect(() => gPassAtK(2, 3, 1, 1)).toThrow(RangeError);
  });
});

describe('meanGPassAtK', () => {
  it('is the mean over the upper half of shares', () => {
    fc.assert(
      fc.property(counts, ([n, c, k]) => {
        let sum = 0;
        for (let i = Math.ceil(k / 2) + 1; i <= k; i++) sum += gPassAtK(n, c, k, i / k);
        expect(meanGPassAtK(n, c, k)).toBeCloseTo((2 * sum) / k, 11);
      }),
    );
    expect(() => meanGPassAtK(4, 2, 1)).toThrow(RangeError);
  });
});

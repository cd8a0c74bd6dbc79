import {
  brierScore,
  entropy,
  multiclassBrierScore,
  normalizedEntropy,
  perplexity,
} from '@cfrl/metrics';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import fixture from './fixtures/forecasts.json' with { type: 'json' };

const weights = fc.array(fc.integer({ min: 0, max: 20 }), { minLength: 1, maxLength: 9 });
/** The weights, and one more that is not 0, as shares of their sum. */
const distribution = (drawn: readonly number[]): number[] => {
  const all = [...drawn, 1];
  const sum = all.reduce((a, b) => a + b);
  return all.map((x) => x / sum);
};

describe('multiclassBrierScore', () => {
  it.each(fixture.cases)('equals scikit-learn: $labels', ({ probabilities, labels, brier }) => {
    expect(multiclassBrierScore(probabilities, labels)).toBeCloseTo(brier, 13);
  });

  it('is twice the Brier score of two classes', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.double({ min: 0, max: 1, noNaN: true }), fc.boolean()), {
          minLength: 1,
        }),
        (given) => {
          const p = given.map(([x]) => x);
          const right = given.map(([, y]) => y);
          expect(
            multiclassBrierScore(
              p.map((x) => [1 - x, x]),
              right.map(Number),
            ),
          ).toBeCloseTo(2 * brierScore(p, right), 12);
        },
      ),
    );
  });

  it('is lowest, on average, for the truth, and 1 - 1 / K for a uniform forecast', () => {
    const truth = [0.5, 0.3, 0.2];
    const expected = (forecast: readonly number[]): number =>
      truth.reduce((sum, p, k) => sum + p * multiclassBrierScore([forecast], [k]), 0);
    for (const other of [
      [0.6, 0.2, 0.2],
      [0.5, 0.2, 0.3],
      [1, 0, 0],
      [0.51, 0.29, 0.2],
    ]) {
      expect(expected(other)).toBeGreaterThan(expected(truth));
    }
    expect(multiclassBrierScore([[0.25, 0.25, 0.25, 0.25]], [2])).toBe(0.75);
    expect(multiclassBrierScore([[1, 0]], [1])).toBe(2);
  });

  it.each<[string, () => unknown, string]>([
    [
      'a row of another length',
      () => multiclassBrierScore([[1, 0], [1]], [0, 0]),
      'probabilities[1] has 1 entries, expected 2',
    ],
    ['an empty row', () => multiclassBrierScore([[]], [0]), 'probabilities[0] has 0 entries'],
    [
      'what is no distribution',
      () => multiclassBrierScore([[0.5, 0.6]], [0]),
      'probabilities[0] has sum 1.1',
    ],
    [
      'a label that is no class',
      () => multiclassBrierScore([[0.5, 0.5]], [2]),
      'labels[0] is 2, expected a class in [0, 2)',
    ],
    ['nothing', () => multiclassBrierScore([], []), 'probabilities has 0 entries'],
  ])('refuses %s', (_, call, message) => {
    expect(call).toThrow(message);
  });
});

describe('normalizedEntropy', () => {
  it.each(fixture.cases)('equals scipy: $labels', ({ probabilities, normalized }) => {
    probabilities.forEach((row, i) =>
      expect(normalizedEntropy(row)).toBeCloseTo(normalized[i]!, 13),
    );
  });

  it('lies in [0, 1]: 1 exactly for what is uniform, 0 for what is certain', () => {
    for (const size of [2, 3, 7, 49, 1000, 50_257]) {
      const value = normalizedEntropy(new Float64Array(size).fill(1 / size));
      expect(value).toBeLessThanOrEqual(1);
      expect(value).toBeCloseTo(1, 11);
    }
    expect(normalizedEntropy([0, 1, 0])).toBe(0);
    fc.assert(
      fc.property(weights, (drawn) => {
        const value = normalizedEntropy(distribution(drawn));
        expect(value).toBeGreaterThanOrEqual(0);
        expect(value).toBeLessThanOrEqual(1);
      }),
    );
  });

  it('refuses one outcome, of which no share can be told', () => {
    expect(() => normalizedEntropy([1])).toThrow(
      'normalizedEntropy: probabilities has 1 entries, expected at least 2',
    );
    expect(() => normalizedEntropy([0.5, 0.6])).toThrow('normalizedEntropy: probabilities has sum');
  });
});

describe('entropy', () => {
  it.each(fixture.cases)('equals scipy, as a perplexity: $labels', (given) => {
    given.probabilities.forEach((row, i) =>
      expect(Math.exp(entropy(row))).toBeCloseTo(given.perplexity[i]!, 12),
    );
  });

  it('is what perplexity gives for tokens as often as the distribution says', () => {
    fc.assert(
      fc.property(weights, (drawn) => {
        const p = distribution(drawn);
        const seen = [...drawn, 1].flatMap((count, v) =>
          new Array<number>(count).fill(Math.log(p[v]!)),
        );
        expect(Math.exp(entropy(p))).toBeCloseTo(perplexity(seen), 10);
      }),
    );
  });
});

import { confidence, margin, perplexity, sequenceConfidence } from '@cfrl/metrics';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import fixture from './fixtures/scipy.json' with { type: 'json' };

const logits = fc.array(fc.double({ min: -50, max: 50, noNaN: true }), {
  minLength: 1,
  maxLength: 12,
});

/** Softmax by definition, largest first. */
function sortedProbabilities(values: readonly number[]): number[] {
  const weights = values.map(Math.exp);
  const sum = weights.reduce((a, b) => a + b);
  return weights.map((weight) => weight / sum).sort((a, b) => b - a);
}

describe('confidence', () => {
  it('equals the largest softmax probability', () => {
    fc.assert(
      fc.property(logits, (values) => {
        expect(confidence(values)).toBeCloseTo(sortedProbabilities(values)[0]!, 12);
      }),
    );
  });

  it('lies in [1 / V, 1] and does not change under shifts and permutations', () => {
    fc.assert(
      fc.property(logits, fc.integer({ min: -1000, max: 1000 }), (values, shift) => {
        const value = confidence(values);
        expect(value).toBeGreaterThanOrEqual(1 / values.length - 1e-15);
        expect(value).toBeLessThanOrEqual(1);
        expect(confidence(values.map((z) => z + shift).reverse())).toBeCloseTo(value, 11);
      }),
    );
  });

  it.each(fixture.logits)('equals scipy on $logits', ({ logits: values, confidence: expected }) => {
    expect(confidence(values)).toBeCloseTo(expected, 14);
  });

  it('stays finite at extremes', () => {
    expect(confidence([5])).toBe(1);
    expect(confidence([1e30, -1e30])).toBe(1);
    expect(confidence([1e30, 1e30, -Infinity])).toBe(0.5);
    expect(confidence([-1000, -1000])).toBe(0.5);
  });

  it('rejects what is no distribution', () => {
    expect(() => confidence([])).toThrow(RangeError);
    expect(() => confidence([NaN])).toThrow(RangeError);
    expect(() => confidence([-Infinity])).toThrow(RangeError);
    expect(() => confidence([0, Infinity])).toThrowErrorMatchingInlineSnapshot(
      `[RangeError: confidence: logits[1] is Infinity, expected a finite number, or -Infinity for a token that cannot occur]`,
    );
  });
});

describe('margin', () => {
  it('equals the difference of the two largest softmax probabilities', () => {
    fc.assert(
      fc.property(logits, (values) => {
        const [first = 0, second = 0] = sortedProbabilities(values);
        expect(margin(values)).toBeCloseTo(first - second, 12);
      }),
    );
  });

  it('keeps a tiny lead', () => {
    // tanh(d / 2) for two logits d apart.
    expect(margin([1e-12, 0]) / 5e-13).toBeCloseTo(1, 12);
  });

  it('is 0 on a tie and 1 without a rival', () => {
    expect(margin([2, 2, 1])).toBe(0);
    expect(margin([1e30, 1e30])).toBe(0);
    expect(margin([4])).toBe(1);
    expect(margin([-Infinity, 4])).toBe(1);
    expect(margin([-1000, 1000])).toBe(1);
  });

  it('rejects what is no distribution', () => {
    expect(() => margin([])).toThrow(RangeError);
    expect(() => margin([0, NaN])).toThrow(RangeError);
  });
});

describe('sequenceConfidence', () => {
  const logProbs = fc.array(fc.double({ min: -20, max: 0, noNaN: true }), {
    minLength: 1,
    maxLength: 8,
  });

  it('is the geometric mean of the probabilities', () => {
    fc.assert(
      fc.property(logProbs, (values) => {
        const product = values.reduce((total, value) => total * Math.exp(value), 1);
        expect(sequenceConfidence(values) / product ** (1 / values.length)).toBeCloseTo(1, 10);
      }),
    );
  });

  it('is the inverse of perplexity and lies in (0, 1]', () => {
    fc.assert(
      fc.property(logProbs, (values) => {
        const value = sequenceConfidence(values);
        expect(value * perplexity(values)).toBeCloseTo(1, 12);
        expect(value).toBeGreaterThan(0);
        expect(value).toBeLessThanOrEqual(1);
      }),
    );
  });

  it('rejects no token and what is no log-probability', () => {
    expect(() => sequenceConfidence([])).toThrowErrorMatchingInlineSnapshot(
      `[RangeError: sequenceConfidence: logProbs has 0 entries, expected at least 1]`,
    );
    expect(() => sequenceConfidence([-Infinity])).toThrow(RangeError);
    expect(() => sequenceConfidence([0.7])).toThrowErrorMatchingInlineSnapshot(
      `[RangeError: sequenceConfidence: logProbs[0] is 0.7, expected a log-probability (<= 0); pass logarithms, not probabilities]`,
    );
  });
});

import { entropy, perplexity, sequenceEntropy, tokenEntropy } from '@cfrl/metrics';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import fixture from './fixtures/scipy.json' with { type: 'json' };

const finiteLogits = fc.array(fc.double({ min: -50, max: 50, noNaN: true }), {
  minLength: 1,
  maxLength: 12,
});
const logProbs = fc.array(fc.double({ min: -20, max: 0, noNaN: true }), {
  minLength: 1,
  maxLength: 8,
});

/** The definition, with no care for overflow. */
function softmax(logits: readonly number[]): number[] {
  const weights = logits.map(Math.exp);
  const sum = weights.reduce((a, b) => a + b);
  return weights.map((weight) => weight / sum);
}

describe('tokenEntropy', () => {
  it('equals the definition from softmax probabilities', () => {
    fc.assert(
      fc.property(finiteLogits, (logits) => {
        const direct = softmax(logits).reduce((sum, p) => sum - (p > 0 ? p * Math.log(p) : 0), 0);
        expect(tokenEntropy(logits)).toBeCloseTo(direct, 11);
      }),
    );
  });

  it('lies in [0, log V]', () => {
    fc.assert(
      fc.property(finiteLogits, (logits) => {
        const value = tokenEntropy(logits);
        expect(value).toBeGreaterThanOrEqual(0);
        expect(value).toBeLessThanOrEqual(Math.log(logits.length) + 1e-12);
      }),
    );
  });

  it('does not change when the logits are shifted, reversed, or joined by impossible tokens', () => {
    fc.assert(
      fc.property(finiteLogits, fc.integer({ min: -1000, max: 1000 }), (logits, shift) => {
        const value = tokenEntropy(logits);
        expect(tokenEntropy(logits.map((z) => z + shift))).toBeCloseTo(value, 9);
        expect(tokenEntropy([...logits].reverse())).toBeCloseTo(value, 12);
        expect(tokenEntropy([-Infinity, ...logits, -Infinity])).toBeCloseTo(value, 12);
      }),
    );
  });

  it('is log V for equal logits, whatever their size', () => {
    for (const z of [0, 1000, -1000, 1e30, -1e300]) {
      expect(tokenEntropy([z, z, z])).toBeCloseTo(Math.log(3), 14);
    }
  });

  it('keeps what is left of a nearly certain token', () => {
    // Two tokens with odds e^-50: H = log1p(e^-50) + 50 e^-50 / (1 + e^-50), about 51 e^-50.
    expect(tokenEntropy([50, 0]) / (51 * Math.exp(-50))).toBeCloseTo(1, 12);
  });

  it('is 0, not -0 or NaN, for one possible token and for gaps without end', () => {
    expect(tokenEntropy([3])).toBe(0);
    expect(tokenEntropy([-Infinity, 7])).toBe(0);
    expect(tokenEntropy([1e30, -1e30])).toBe(0);
    expect(tokenEntropy([Number.MAX_VALUE, -Number.MAX_VALUE])).toBe(0);
    expect(tokenEntropy(Float32Array.of(1000, -1000))).toBe(0);
  });

  it.each(fixture.logits)('equals scipy on $logits', ({ logits, entropy: expected }) => {
    expect(tokenEntropy(logits)).toBeCloseTo(expected, 12);
  });

  it('rejects what is no distribution', () => {
    expect(() => tokenEntropy([])).toThrowErrorMatchingInlineSnapshot(
      `[RangeError: tokenEntropy: logits has 0 entries, expected at least 1]`,
    );
    expect(() => tokenEntropy([0, NaN])).toThrowErrorMatchingInlineSnapshot(
      `[RangeError: tokenEntropy: logits[1] is NaN, expected a finite number, or -Infinity for a token that cannot occur]`,
    );
    expect(() => tokenEntropy([0, Infinity])).toThrowErrorMatchingInlineSnapshot(
      `[RangeError: tokenEntropy: logits[1] is Infinity, expected a finite number, or -Infinity for a token that cannot occur]`,
    );
    expect(() => tokenEntropy([-Infinity, -Infinity])).toThrowErrorMatchingInlineSnapshot(
      `[RangeError: tokenEntropy: logits has only -Infinity, expected at least one finite entry]`,
    );
  });
});

describe('entropy', () => {
  it('equals tokenEntropy of the logarithms', () => {
    fc.assert(
      fc.property(finiteLogits, (logits) => {
        expect(entropy(softmax(logits))).toBeCloseTo(tokenEntropy(logits), 11);
      }),
    );
  });

  it('is additive over independent choices', () => {
    const p = [0.5, 0.3, 0.2];
    const q = [0.9, 0.1];
    const joint = p.flatMap((a) => q.map((b) => a * b));
    expect(entropy(joint)).toBeCloseTo(entropy(p) + entropy(q), 14);
  });

  it('takes 0 log 0 as 0', () => {
    expect(entropy([0, 1, 0])).toBe(0);
  });

  it('accepts the rounding of float32', () => {
    expect(entropy(Float32Array.of(0.1, 0.2, 0.7))).toBeCloseTo(entropy([0.1, 0.2, 0.7]), 6);
  });

  it('rejects what is no distribution', () => {
    expect(() => entropy([])).toThrow(RangeError);
    expect(() => entropy([0.5, NaN])).toThrow(RangeError);
    expect(() => entropy([1.5, -0.5])).toThrowErrorMatchingInlineSnapshot(
      `[RangeError: entropy: probabilities[0] is 1.5, expected a number in [0, 1]]`,
    );
    expect(() => entropy([-0.5, 0.5, 1])).toThrowErrorMatchingInlineSnapshot(
      `[RangeError: entropy: probabilities[0] is -0.5, expected a number in [0, 1]]`,
    );
    expect(() => entropy([1, 1])).toThrowErrorMatchingInlineSnapshot(
      `[RangeError: entropy: probabilities has sum 2, expected 1; divide by the sum, or use tokenEntropy for logits]`,
    );
  });
});

describe('sequenceEntropy', () => {
  it('is the exact entropy when every sequence is listed as often as its probability says', () => {
    // One token: a (1/2, then stop) or b (1/2, then c or d, 1/2 each): H = log 2 + (1/2) log 2.
    const half = Math.log(0.5);
    const { sequence, perToken, n } = sequenceEntropy([[half], [half], [half, half], [half, half]]);
    expect(sequence.mean).toBeCloseTo(1.5 * Math.log(2), 14);
    expect(perToken.mean).toBeCloseTo(Math.log(2), 14);
    // Surprises L, L, 2L, 2L: s = L / sqrt(3), standard error s / 2.
    expect(sequence.standardError).toBeCloseTo(Math.log(2) / Math.sqrt(3) / 2, 14);
    expect(perToken.standardError).toBe(0);
    expect(n).toBe(4);
  });

  it('does not depend on the order of samples, nor on that of tokens', () => {
    fc.assert(
      fc.property(fc.array(logProbs, { minLength: 2, maxLength: 6 }), (samples) => {
        const value = sequenceEntropy(samples);
        const turned = sequenceEntropy(samples.map((sample) => [...sample].reverse()).reverse());
        expect(turned.sequence.mean).toBeCloseTo(value.sequence.mean, 10);
        expect(turned.perToken.standardError).toBeCloseTo(value.perToken.standardError!, 10);
      }),
    );
  });

  it('is -sum and -mean of one sample, whose spread is unknown', () => {
    fc.assert(
      fc.property(logProbs, (sample) => {
        const { sequence, perToken } = sequenceEntropy([sample]);
        const total = sample.reduce((sum, value) => sum + value, 0);
        expect(sequence.mean).toBeCloseTo(-total, 10);
        expect(perToken.mean).toBeCloseTo(-total / sample.length, 10);
        expect([sequence.standardError, perToken.standardError]).toEqual([null, null]);
      }),
    );
  });

  it('is 0, not -0, for certain tokens', () => {
    expect(sequenceEntropy([[0, 0]]).sequence.mean).toBe(0);
  });

  it('rejects no sample, no token, and what is no log-probability', () => {
    expect(() => sequenceEntropy([])).toThrowErrorMatchingInlineSnapshot(
      `[RangeError: sequenceEntropy: logProbs has 0 entries, expected at least 1]`,
    );
    expect(() => sequenceEntropy([[-1], []])).toThrowErrorMatchingInlineSnapshot(
      `[RangeError: sequenceEntropy: logProbs[1] has 0 entries, expected at least 1]`,
    );
    expect(() => sequenceEntropy([[-1], [0, -Infinity]])).toThrowErrorMatchingInlineSnapshot(
      `[RangeError: sequenceEntropy: logProbs[1][1] is -Infinity, expected a finite number]`,
    );
    expect(() => sequenceEntropy([[0.5]])).toThrowErrorMatchingInlineSnapshot(
      `[RangeError: sequenceEntropy: logProbs[0][0] is 0.5, expected a log-probability (<= 0); pass logarithms, not probabilities]`,
    );
  });
});

describe('perplexity', () => {
  it('is V for a uniform choice among V, at any length', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 1e6 }), fc.integer({ min: 1, max: 50 }), (V, T) => {
        expect(perplexity(new Array<number>(T).fill(-Math.log(V))) / V).toBeCloseTo(1, 11);
      }),
    );
  });

  it('is the exponential of the per-token entropy of that sample', () => {
    fc.assert(
      fc.property(logProbs, (sample) => {
        const value = perplexity(sample);
        expect(value).toBeGreaterThanOrEqual(1);
        expect(Math.log(value)).toBeCloseTo(sequenceEntropy([sample]).perToken.mean, 11);
      }),
    );
  });

  it('rejects no token and what is no log-probability', () => {
    expect(() => perplexity([])).toThrow(RangeError);
    expect(() => perplexity([-1, NaN])).toThrow(RangeError);
    expect(() => perplexity([0.9])).toThrow(RangeError);
  });
});

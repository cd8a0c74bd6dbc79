import { expectedCalibrationError } from '@cfrl/metrics';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

const answers = fc.array(
  fc.tuple(
    // Multiples of 1/60 lie on edges of many binnings.
    fc.oneof(
      fc.double({ min: 0, max: 1, noNaN: true }),
      fc.integer({ min: 0, max: 60 }).map((i) => i / 60),
    ),
    fc.boolean(),
  ),
  { minLength: 1, maxLength: 30 },
);

/** The definition: a bin is a set, accuracy and confidence are means over it. */
function byDefinition(pairs: readonly (readonly [number, boolean])[], bins: number): number {
  let error = 0;
  for (let m = 1; m <= bins; m++) {
    const bin = pairs.filter(
      ([p]) => (p > (m - 1) / bins || (m === 1 && p === 0)) && p <= m / bins,
    );
    if (bin.length === 0) continue;
    const accuracy = bin.filter(([, right]) => right).length / bin.length;
    const confidence = bin.reduce((sum, [p]) => sum + p, 0) / bin.length;
    error += (bin.length / pairs.length) * Math.abs(accuracy - confidence);
  }
  return error;
}

const ece = (pairs: readonly (readonly [number, boolean])[], bins: number): number =>
  expectedCalibrationError(
    pairs.map(([p]) => p),
    pairs.map(([, right]) => right),
    { bins },
  );

describe('expectedCalibrationError', () => {
  it('equals the definition, edges of bins included', () => {
    fc.assert(
      fc.property(answers, fc.integer({ min: 1, max: 100 }), (pairs, bins) => {
        expect(ece(pairs, bins)).toBeCloseTo(byDefinition(pairs, bins), 12);
      }),
      { numRuns: 500 },
    );
  });

  it('puts every edge m / bins into the bin below it', () => {
    for (let bins = 1; bins <= 100; bins++) {
      for (let m = 1; m < bins; m++) {
        // Two answers whose gaps cancel only in one bin: the edge, and a point inside the bin below.
        const edge = m / bins;
        const inside = (m - 0.5) / bins;
        expect(
          ece(
            [
              [edge, true],
              [inside, false],
            ],
            bins,
          ),
        ).toBeCloseTo(Math.abs(1 - edge - inside) / 2, 12);
      }
    }
  });

  it('has 15 bins unless told otherwise', () => {
    const confidences = Array.from({ length: 31 }, (_, i) => i / 30);
    const correct = confidences.map((_, i) => i % 3 === 0);
    const pairs = confidences.map((p, i) => [p, correct[i]!] as const);
    expect(expectedCalibrationError(confidences, correct)).toBeCloseTo(byDefinition(pairs, 15), 14);
  });

  it('lies in [0, 1] and does not depend on order', () => {
    fc.assert(
      fc.property(answers, (pairs) => {
        const value = ece(pairs, 15);
        expect(value).toBeGreaterThanOrEqual(0);
        expect(value).toBeLessThanOrEqual(1);
        expect(ece([...pairs].reverse(), 15)).toBeCloseTo(value, 14);
      }),
    );
  });

  it('is 0 when accuracy equals confidence, 1 when sure and wrong', () => {
    expect(expectedCalibrationError([0.5, 0.5, 1, 0], [true, false, true, false])).toBe(0);
    expect(expectedCalibrationError([1, 0], [false, true])).toBe(1);
  });

  it('rejects bad arguments', () => {
    expect(() => expectedCalibrationError([], [])).toThrow(RangeError);
    expect(() => expectedCalibrationError([0.5], [])).toThrowErrorMatchingInlineSnapshot(
      `[RangeError: expectedCalibrationError: correct has 0 entries, expected 1 (one for each of confidences)]`,
    );
    expect(() => expectedCalibrationError([1.1], [true])).toThrowErrorMatchingInlineSnapshot(
      `[RangeError: expectedCalibrationError: confidences[0] is 1.1, expected a number in [0, 1]]`,
    );
    expect(() => expectedCalibrationError([NaN], [true])).toThrow(RangeError);
    expect(() => expectedCalibrationError([0.5], [true], { bins: 0 })).toThrow(RangeError);
    expect(() =>
      expectedCalibrationError([0.5], [1 as unknown as boolean]),
    ).toThrowErrorMatchingInlineSnapshot(
      `[TypeError: expectedCalibrationError: correct[0] is 1, expected a boolean]`,
    );
  });
});

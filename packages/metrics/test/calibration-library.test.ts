import type { CalibrationOptions } from '@cfrl/metrics';
import {
  auroc,
  averagePrecision,
  brierDecomposition,
  brierScore,
  debiasedCalibrationError,
  equalMass,
  equalWidth,
  expectedCalibrationError,
  fitTemperature,
  maximumCalibrationError,
  reliabilityDiagram,
  riskCoverage,
} from '@cfrl/metrics';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import fixture from './fixtures/calibration.json' with { type: 'json' };

const answers = fc
  .array(
    fc.tuple(
      fc.integer({ min: 0, max: 20 }).map((i) => i / 20),
      fc.boolean(),
    ),
    { minLength: 1, maxLength: 25 },
  )
  .map((pairs) => ({ p: pairs.map(([p]) => p), correct: pairs.map(([, right]) => right) }));

const options = fc.record({
  bins: fc.integer({ min: 1, max: 12 }),
  binning: fc.constantFrom(equalWidth, equalMass),
});

const reversed = ({ p, correct }: { p: number[]; correct: boolean[] }) =>
  [[...p].reverse(), [...correct].reverse()] as const;

describe('reliabilityDiagram', () => {
  it.each(fixture.cases)('equals scikit-learn, bins of both kinds', (expected) => {
    for (const [binning, bins, wanted] of [
      [equalWidth, 8, expected.equalWidth],
      [equalMass, 5, expected.equalMass],
    ] as const) {
      const given: CalibrationOptions = { bins, binning };
      const used = reliabilityDiagram(expected.confidences, expected.correct, given).filter(
        ({ count }) => count > 0,
      );
      expect(used).toHaveLength(wanted.accuracy.length);
      used.forEach(({ accuracy, confidence }, m) => {
        expect(accuracy).toBeCloseTo(wanted.accuracy[m]!, 12);
        expect(confidence).toBeCloseTo(wanted.confidence[m]!, 12);
      });
    }
  });

  it('holds every answer once, within its edges', () => {
    fc.assert(
      fc.property(answers, options, (data, given) => {
        const bins = reliabilityDiagram(data.p, data.correct, given);
        expect(bins.reduce((sum, { count }) => sum + count, 0)).toBe(data.p.length);
        for (const { low, high, count, confidence, accuracy } of bins) {
          expect(confidence === null).toBe(count === 0);
          if (confidence === null) continue;
          expect(confidence).toBeGreaterThanOrEqual(low - 1e-12);
          expect(confidence).toBeLessThanOrEqual(high + 1e-12);
          expect(accuracy).toBeGreaterThanOrEqual(0);
        }
      }),
    );
  });

  it('refuses what is no probability, no boolean, no number of bins', () => {
    expect(() => reliabilityDiagram([2], [true])).toThrowErrorMatchingInlineSnapshot(
      `[RangeError: reliabilityDiagram: confidences[0] is 2, expected a number in [0, 1]]`,
    );
    expect(() => reliabilityDiagram([NaN], [true])).toThrow(RangeError);
    expect(() => reliabilityDiagram([], [])).toThrow(RangeError);
    expect(() => reliabilityDiagram([1], [1 as unknown as boolean])).toThrow(TypeError);
    expect(() => reliabilityDiagram([1], [true], { bins: 0 })).toThrow(RangeError);
  });
});

describe('equalMass', () => {
  it('puts a p-th of the data below the p-th edge', () => {
    const p = Float64Array.from({ length: 101 }, (_, i) => i / 100);
    expect(Array.from(equalMass(p, 4))).toEqual([0, 0.25, 0.5, 0.75, 1]);
    expect(Array.from(equalMass([0.3, 0.3], 2))).toEqual([0.3, 0.3, 0.3]);
  });
});

describe('equalWidth', () => {
  it('has edges m / bins, exactly', () => {
    expect(Array.from(equalWidth([0.9], 3))).toEqual([0, 1 / 3, 2 / 3, 1]);
  });
});

describe('maximumCalibrationError', () => {
  it('is the largest gap of the diagram, not below ECE, whatever the order', () => {
    fc.assert(
      fc.property(answers, options, (data, given) => {
        const gaps = reliabilityDiagram(data.p, data.correct, given).map(
          ({ accuracy, confidence }) => Math.abs((accuracy ?? 0) - (confidence ?? 0)),
        );
        const value = maximumCalibrationError(data.p, data.correct, given);
        expect(value).toBeCloseTo(Math.max(...gaps), 12);
        expect(value).toBeGreaterThanOrEqual(
          expectedCalibrationError(data.p, data.correct, given) - 1e-12,
        );
        expect(maximumCalibrationError(...reversed(data), given)).toBeCloseTo(value, 12);
      }),
    );
  });
});

describe('debiasedCalibrationError', () => {
  it.each(fixture.cases)('equals uncertainty-calibration', (expected) => {
    expect(
      debiasedCalibrationError(expected.confidences, expected.correct, { bins: 8 }),
    ).toBeCloseTo(expected.debiased, 12);
  });

  it('is 0 in expectation for calibrated answers, where the plain one is not', () => {
    // All outcomes of 4 answers of confidence 1/2: the mean of the debiased square before the cut is 0.
    const outcomes = Array.from({ length: 16 }, (_, bits) =>
      [0, 1, 2, 3].map((i) => ((bits >> i) & 1) === 1),
    );
    const squares = outcomes.map((correct) => {
      const share = correct.filter(Boolean).length / 4;
      return (share - 0.5) ** 2 - (share * (1 - share)) / 3;
    });
    expect(squares.reduce((a, b) => a + b) / 16).toBeCloseTo(0, 15);
    outcomes.forEach((correct, i) => {
      const value = debiasedCalibrationError([0.5, 0.5, 0.5, 0.5], correct);
      expect(value).toBeCloseTo(Math.sqrt(Math.max(0, squares[i]!)), 14);
    });
    expect(debiasedCalibrationError([0.3], [true])).toBe(0);
  });
});

describe('brierScore', () => {
  it.each(fixture.cases)('equals scikit-learn', ({ confidences, correct, brier }) => {
    expect(brierScore(confidences, correct)).toBeCloseTo(brier, 14);
  });

  it('is least in expectation for the true probability', () => {
    for (const truth of [0, 0.2, 0.7]) {
      const expected = (report: number) =>
        truth * brierScore([report], [true]) + (1 - truth) * brierScore([report], [false]);
      for (const report of [0, 0.1, 0.5, 0.9, 1]) {
        expect(expected(report)).toBeGreaterThanOrEqual(expected(truth) - 1e-15);
      }
    }
  });
});

describe('brierDecomposition', () => {
  it('adds up to the score, with nothing within bins of equal confidences', () => {
    fc.assert(
      fc.property(answers, options, (data, given) => {
        const parts = brierDecomposition(data.p, data.correct, given);
        const sum = parts.reliability - parts.resolution + parts.uncertainty + parts.withinBins;
        expect(sum).toBeCloseTo(brierScore(data.p, data.correct), 12);
        expect(parts.reliability).toBeGreaterThanOrEqual(0);
        expect(parts.resolution).toBeGreaterThanOrEqual(0);
        // Confidences are multiples of 1/20: each bin of width 1/20 holds one.
        const fine = brierDecomposition(data.p, data.correct, { bins: 20 });
        const ofZero = data.p.includes(0) && data.p.includes(1 / 20);
        if (!ofZero) expect(fine.withinBins).toBeCloseTo(0, 12);
      }),
    );
  });
});

describe('auroc', () => {
  it.each(fixture.cases)('equals scikit-learn', ({ confidences, correct, auroc: expected }) => {
    expect(auroc(confidences, correct)).toBeCloseTo(expected, 13);
  });

  it('equals the share of ordered pairs, and keeps under increasing maps', () => {
    fc.assert(
      fc.property(answers, ({ p, correct }) => {
        const right = p.filter((_, i) => correct[i]);
        const wrong = p.filter((_, i) => !correct[i]);
        if (right.length === 0 || wrong.length === 0) {
          expect(() => auroc(p, correct)).toThrow(RangeError);
          return;
        }
        const wins = right.flatMap((a) => wrong.map((b) => (a > b ? 1 : a === b ? 0.5 : 0)));
        const value = wins.reduce<number>((sum, win) => sum + win, 0) / wins.length;
        expect(auroc(p, correct)).toBeCloseTo(value, 13);
        expect(
          auroc(
            p.map((x) => x ** 3 * 7 - 2),
            correct,
          ),
        ).toBeCloseTo(value, 13);
        expect(
          auroc(
            p.map((x) => -x),
            correct,
          ),
        ).toBeCloseTo(1 - value, 13);
      }),
    );
  });

  it('names the kind that is missing', () => {
    expect(() => auroc([1, 2], [true, true])).toThrowErrorMatchingInlineSnapshot(
      `[RangeError: auroc: correct has only right answers, expected a wrong one as well]`,
    );
    expect(() => auroc([1, NaN], [true, false])).toThrow(RangeError);
  });
});

describe('averagePrecision', () => {
  it.each(fixture.cases)(
    'equals scikit-learn',
    ({ confidences, correct, averagePrecision: ap }) => {
      expect(averagePrecision(confidences, correct)).toBeCloseTo(ap, 13);
    },
  );

  it('is 1 for a perfect order and the share of right answers for equal scores', () => {
    expect(averagePrecision([3, 2, 1, 0], [true, true, false, false])).toBe(1);
    expect(averagePrecision([1, 1, 1, 1], [true, false, false, false])).toBe(0.25);
    expect(() => averagePrecision([1], [false])).toThrow(RangeError);
  });
});

describe('riskCoverage', () => {
  it('equals the definition without ties, and its mean over orders with them', () => {
    fc.assert(
      fc.property(answers, ({ p, correct }) => {
        const { risk, coverage, area, excessArea } = riskCoverage(p, correct);
        const wrong = correct.filter((right) => !right).length;
        expect(risk.at(-1)).toBeCloseTo(wrong / p.length, 13);
        expect(coverage.at(-1)).toBe(1);
        expect(excessArea).toBeGreaterThanOrEqual(0);
        expect(area).toBeGreaterThanOrEqual(0);
        // Ties broken both ways by tiny shifts: the tied curve lies between the best and the worst order.
        const shifted = (sign: number) =>
          riskCoverage(
            p.map((x, i) => 0.4 + x / 5 + sign * (correct[i] ? 1e-6 : 0)),
            correct,
          ).area;
        expect(area).toBeLessThanOrEqual(shifted(-1) + 1e-12);
        expect(area).toBeGreaterThanOrEqual(shifted(1) - 1e-12);
        expect(riskCoverage(...reversed({ p, correct })).area).toBeCloseTo(area, 12);
      }),
    );
  });

  it('follows the order of confidence', () => {
    // Kept in order: wrong, right, right: risks 1, 1/2, 1/3; the oracle: 0, 0, 1/3.
    const curve = riskCoverage([0.9, 0.8, 0.7], [false, true, true]);
    expect(curve.risk).toEqual([1, 1 / 2, 1 / 3]);
    expect(curve.area).toBeCloseTo((1 + 1 / 2 + 1 / 3) / 3, 15);
    expect(curve.excessArea).toBeCloseTo(1.5 / 3, 15);
    expect(riskCoverage([0.5, 0.5], [true, false]).risk).toEqual([0.5, 0.5]);
  });
});

describe('fitTemperature', () => {
  it('equals scipy', () => {
    const { logits, labels, temperature, loss } = fixture.temperature;
    const fit = fitTemperature(logits, labels);
    expect(fit.loss).toBeCloseTo(loss, 12);
    expect(fit.temperature).toBeCloseTo(temperature, 6);
  });

  it('is scaled by the logits, unmoved by shifts, and has no lower neighbour', () => {
    const { logits, labels } = fixture.temperature;
    const { temperature, loss } = fitTemperature(logits, labels);
    const larger = logits.map((row) => row.map((z) => 3 * z + 100));
    expect(fitTemperature(larger, labels).temperature / temperature).toBeCloseTo(3, 11);
    for (const factor of [0.999, 1.001]) {
      const t = temperature * factor;
      const nll = logits.map((row, i) => {
        const weights = row.map((z) => Math.exp(z / t));
        return Math.log(weights.reduce((a, b) => a + b)) - row[labels[i]!]! / t;
      });
      expect(nll.reduce((a, b) => a + b) / nll.length).toBeGreaterThan(loss);
    }
  });

  it('refuses data without a best temperature', () => {
    expect(() => fitTemperature([[2, 0]], [0])).toThrowErrorMatchingInlineSnapshot(
      `[RangeError: fitTemperature: labels has only tokens of the largest logit, expected data with a best temperature; fit on other answers]`,
    );
    expect(() => fitTemperature([[2, 0]], [1])).toThrowErrorMatchingInlineSnapshot(
      `[RangeError: fitTemperature: labels has tokens no likelier than chance, expected data with a best temperature; fit on other answers]`,
    );
    expect(() => fitTemperature([[2, 0]], [2])).toThrow(RangeError);
    expect(() => fitTemperature([[2, NaN]], [0])).toThrow(RangeError);
    expect(() => fitTemperature([], [])).toThrow(RangeError);
  });
});

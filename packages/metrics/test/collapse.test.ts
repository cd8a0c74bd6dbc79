import {
  centredMeanCosine,
  classMeanSimplex,
  featureDrift,
  kernelAlignment,
  kernelTargetAlignment,
  linearCka,
  meanCosine,
  nearestMeanMismatch,
  selfDuality,
  withinClassVariability,
} from '@cfrl/metrics';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import fixture from './fixtures/collapse.json' with { type: 'json' };

const number = fc.double({ min: -5, max: 5, noNaN: true });
const matrix = (rows: number, columns: number) =>
  fc.array(fc.array(number, { minLength: columns, maxLength: columns }), {
    minLength: rows,
    maxLength: rows,
  });
const distance = (a: readonly number[], b: readonly number[]) =>
  Math.hypot(...a.map((x, d) => x - b[d]!));
/** Two classes, well apart. */
const labelled = matrix(6, 3).map((rows) =>
  rows.map((row, i) => row.map((x, d) => x + (d === 0 && i > 2 ? 20 : 0))),
);
const labels = [0, 0, 0, 1, 1, 1];
const bad = [[], [[1, NaN]], [[1, 2], [1]]] as number[][][];

describe('withinClassVariability', () => {
  it.each(fixture.collapse)('equals numpy, NC1 $nc1', ({ features, labels: of, nc1 }) => {
    expect(withinClassVariability(features, of)).toBeCloseTo(nc1, 9);
  });

  it('is 0 exactly when each class is a point, and grows with the square of the spread', () => {
    fc.assert(
      fc.property(labelled, fc.double({ min: 0.1, max: 3, noNaN: true }), (x, spread) => {
        const means = [0, 3].map((from) =>
          x[0]!.map((_, d) => (x[from]![d]! + x[from + 1]![d]! + x[from + 2]![d]!) / 3),
        );
        const at = (scale: number) =>
          x.map((row, i) =>
            row.map((value, d) => means[labels[i]!]![d]! * (1 - scale) + scale * value),
          );
        expect(withinClassVariability(at(0), labels)).toBeLessThan(1e-20);
        const ratio = withinClassVariability(at(spread), labels);
        expect(ratio).toBeCloseTo(spread ** 2 * withinClassVariability(x, labels), 8);
      }),
    );
  });

  it('counts classes alike, however many features they have', () => {
    const x = [
      [3, 0],
      [1, 1],
      [-2, 5],
    ];
    const twice = [...x, ...x.slice(0, 2)];
    expect(withinClassVariability(twice, [0, 0, 1, 0, 0])).toBeCloseTo(
      withinClassVariability(x, [0, 0, 1]),
      12,
    );
  });

  it('rejects bad arguments', () => {
    for (const x of bad) expect(() => withinClassVariability(x, [0])).toThrow(RangeError);
    expect(() => withinClassVariability([[1], [2]], [0, 0])).toThrowErrorMatchingInlineSnapshot(
      `[RangeError: withinClassVariability: classes among labels has 1 entries, expected at least 2]`,
    );
    expect(() => withinClassVariability([[1], [2]], [0])).toThrowErrorMatchingInlineSnapshot(
      `[RangeError: withinClassVariability: labels has 1 entries, expected 2 (one for each of features)]`,
    );
    expect(() => withinClassVariability([[1], [2]], [0, 0.5])).toThrowErrorMatchingInlineSnapshot(
      `[RangeError: withinClassVariability: labels[1] is 0.5, expected an integer >= 0]`,
    );
    expect(() => withinClassVariability([[1], [1]], [0, 1])).toThrowErrorMatchingInlineSnapshot(
      `[RangeError: withinClassVariability: features has equal class means, expected some that differ]`,
    );
  });
});

describe('classMeanSimplex', () => {
  it.each(fixture.collapse)('equals numpy, equinorm $equinorm', (expected) => {
    const { equinorm, equiangularity, maximalAngle } = classMeanSimplex(
      expected.features,
      expected.labels,
    );
    expect(equinorm).toBeCloseTo(expected.equinorm, 10);
    expect(equiangularity).toBeCloseTo(expected.equiangularity, 10);
    expect(maximalAngle).toBeCloseTo(expected.maximalAngle, 10);
  });

  it('is 0 for the corners of a simplex, wherever it is', () => {
    fc.assert(
      fc.property(fc.integer({ min: 2, max: 6 }), number, (C, shift) => {
        const corners = Array.from({ length: C }, (_, c) =>
          Array.from({ length: C }, (_2, d) => Number(c === d) + shift),
        );
        const found = classMeanSimplex(
          corners,
          corners.map((_, c) => c),
        );
        expect(Math.max(...Object.values(found))).toBeLessThan(1e-7);
      }),
    );
  });

  it('rejects bad arguments', () => {
    for (const x of bad) expect(() => classMeanSimplex(x, [0])).toThrow(RangeError);
    expect(() => classMeanSimplex([[1], [2], [3]], [0, 1, 2])).toThrowErrorMatchingInlineSnapshot(
      `[RangeError: classMeanSimplex: the mean of class 1 is the mean of all, expected one with a direction]`,
    );
  });
});

describe('selfDuality', () => {
  it.each(fixture.collapse)(
    'equals numpy, NC3 $nc3',
    ({ features, labels: of, classifier, nc3 }) => {
      expect(selfDuality(features, of, classifier)).toBeCloseTo(nc3, 10);
    },
  );

  it('is 0 for the centred class means at any scale, 4 for their opposite', () => {
    fc.assert(
      fc.property(labelled, fc.double({ min: 1e-3, max: 1e3, noNaN: true }), (x, scale) => {
        const mean = (from: number) =>
          x[0]!.map((_, d) => (x[from]![d]! + x[from + 1]![d]! + x[from + 2]![d]!) / 3);
        const [a, b] = [mean(0), mean(3)];
        const rows = [a, b].map((row) =>
          row.map((value, d) => scale * (value - (a[d]! + b[d]!) / 2)),
        );
        const opposite = rows.map((row) => row.map((value) => -value));
        expect(selfDuality(x, labels, rows)).toBeLessThan(1e-12);
        expect(selfDuality(x, labels, opposite)).toBeCloseTo(4, 10);
      }),
    );
  });

  it('rejects bad arguments', () => {
    const x = [
      [1, 0],
      [2, 0],
    ];
    for (const wrong of bad) expect(() => selfDuality(wrong, [0], x)).toThrow(RangeError);
    expect(() => selfDuality(x, [0, 2], x)).toThrowErrorMatchingInlineSnapshot(
      `[RangeError: selfDuality: classifier has 2 entries, expected at least 3]`,
    );
    expect(() => selfDuality(x, [0, 1], [[1], [2]])).toThrowErrorMatchingInlineSnapshot(
      `[RangeError: selfDuality: classifier has rows of 1 entries, expected 2 (as features)]`,
    );
    expect(() =>
      selfDuality(
        x,
        [0, 1],
        [
          [0, 0],
          [0, 0],
        ],
      ),
    ).toThrowErrorMatchingInlineSnapshot(
      `[RangeError: selfDuality: classifier has only zeros, expected one that is not]`,
    );
  });
});

describe('nearestMeanMismatch', () => {
  it.each(fixture.collapse)(
    'equals numpy, NC4 $nc4',
    ({ features, labels: of, classifier, nc4 }) => {
      expect(nearestMeanMismatch(features, of, classifier)).toBeCloseTo(nc4, 12);
    },
  );

  it('equals the definition, feature by feature', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 2 ** 31 - 2 }), (seed) => {
        let state = seed;
        const draw = () => (state = (state * 16807) % 2147483647) / 2147483647 - 0.5;
        const x = labels.map((label) => [draw() + label, draw(), draw()]);
        const W = [0, 1].map(() => [draw(), draw(), draw()]);
        const mean = (from: number) =>
          x[0]!.map((_, d) => (x[from]![d]! + x[from + 1]![d]! + x[from + 2]![d]!) / 3);
        const [a, b] = [mean(0), mean(3)];
        const dot = (f: readonly number[], w: readonly number[]) =>
          f.reduce((sum, value, d) => sum + value * w[d]!, 0);
        const wrong = x.filter(
          (f) => dot(f, W[1]!) > dot(f, W[0]!) !== distance(f, b) < distance(f, a),
        );
        expect(nearestMeanMismatch(x, labels, W)).toBe(wrong.length / 6);
      }),
    );
  });

  it('rejects bad arguments', () => {
    for (const wrong of bad)
      expect(() => nearestMeanMismatch(wrong, [0], [[1]])).toThrow(RangeError);
    expect(() => nearestMeanMismatch([[1], [2]], [0, 1], [[1]])).toThrow(RangeError);
  });
});

describe('centredMeanCosine', () => {
  it('equals the mean cosine of what is left, and does not see an offset', () => {
    fc.assert(
      fc.property(matrix(5, 4), number, (x, shift) => {
        const centre = x[0]!.map((_, d) => x.reduce((sum, row) => sum + row[d]! / 5, 0));
        const rest = x.map((row) => row.map((value, d) => value - centre[d]!));
        fc.pre(rest.every((row) => Math.hypot(...row) > 0.1));
        expect(centredMeanCosine(x)).toBeCloseTo(meanCosine(rest), 9);
        const moved = x.map((row) => row.map((value) => value + shift));
        expect(centredMeanCosine(moved)).toBeCloseTo(centredMeanCosine(x), 9);
      }),
    );
  });

  it('rejects bad arguments', () => {
    for (const x of bad) expect(() => centredMeanCosine(x)).toThrow(RangeError);
    expect(() => centredMeanCosine([[1], [1]])).toThrowErrorMatchingInlineSnapshot(
      `[RangeError: centredMeanCosine: features[0] is zero, expected a vector with a direction]`,
    );
  });
});

describe('kernelAlignment', () => {
  it.each(fixture.kernels)('equals numpy, alignment $alignment', ({ a, b, alignment }) => {
    expect(kernelAlignment(a, b)).toBeCloseTo(alignment, 10);
  });

  it('of X X^T and Y Y^T it is linear CKA, and neither scale nor a constant changes it', () => {
    fc.assert(
      fc.property(matrix(5, 3), matrix(5, 2), (x, y) => {
        fc.pre(distance(x[0]!, x[1]!) > 0.1 && distance(y[0]!, y[1]!) > 0.1);
        const gram = (rows: readonly number[][], scale = 1, shift = 0) =>
          rows.map((p) => rows.map((q) => scale * p.reduce((s, v, d) => s + v * q[d]!, shift)));
        expect(kernelAlignment(gram(x), gram(y))).toBeCloseTo(linearCka(x, y), 8);
        expect(kernelAlignment(gram(x, 3, 2), gram(y))).toBeCloseTo(linearCka(x, y), 8);
      }),
    );
  });

  it('rejects bad arguments', () => {
    const K = [
      [1, 0],
      [0, 1],
    ];
    expect(() => kernelAlignment(K, [[1]])).toThrow(RangeError);
    expect(() => kernelAlignment(K, [[1], [2]])).toThrowErrorMatchingInlineSnapshot(
      `[RangeError: kernelAlignment: b has rows of 1 entries, expected 2 (a square)]`,
    );
    expect(() =>
      kernelAlignment(K, [
        [1, 1],
        [1, 1],
      ]),
    ).toThrowErrorMatchingInlineSnapshot(
      `[RangeError: kernelAlignment: b is 0 once centred, expected items that differ]`,
    );
    expect(() =>
      kernelAlignment(K, [
        [1, NaN],
        [0, 1],
      ]),
    ).toThrowErrorMatchingInlineSnapshot(
      `[RangeError: kernelAlignment: b[0][1] is NaN, expected a finite number]`,
    );
  });
});

describe('kernelTargetAlignment', () => {
  it.each(fixture.kernels)('equals numpy, alignment $target', ({ a, labels: of, target }) => {
    expect(kernelTargetAlignment(a, of)).toBeCloseTo(target, 10);
    expect(
      kernelTargetAlignment(
        a,
        of.map((label) => `class ${label}`),
      ),
    ).toBeCloseTo(target, 10);
  });

  it('rejects bad arguments', () => {
    expect(() =>
      kernelTargetAlignment(
        [
          [1, 0],
          [0, 1],
        ],
        [0],
      ),
    ).toThrow(RangeError);
    expect(() =>
      kernelTargetAlignment(
        [
          [1, 0],
          [0, 1],
        ],
        [0, 0],
      ),
    ).toThrow(/labels is 0 once centred/);
  });
});

describe('featureDrift', () => {
  it.each(fixture.kernels)('equals numpy, distance $distance', ({ a, b, ...expected }) => {
    const { distance: moved, angle, growth } = featureDrift(a, b);
    expect(moved).toBeCloseTo(expected.distance, 10);
    expect(angle).toBeCloseTo(expected.angle, 7);
    expect(growth).toBeCloseTo(expected.growth, 10);
  });

  it('is zero of what stayed, sees a tiny step, and takes growth apart from turning', () => {
    fc.assert(
      fc.property(matrix(3, 3), fc.double({ min: 1e-9, max: 10, noNaN: true }), (x, by) => {
        fc.pre(Math.hypot(...x.flat()) > 0.1);
        expect(featureDrift(x, x)).toEqual({ distance: 0, angle: 0, growth: 1 });
        const grown = featureDrift(
          x,
          x.map((row) => row.map((value) => value * (1 + by))),
        );
        expect(grown.distance / by).toBeCloseTo(1, 6);
        expect(grown.growth).toBeCloseTo(1 + by, 12);
        expect(grown.angle).toBeLessThan(1e-14);
      }),
    );
    const { distance: moved, angle } = featureDrift([[1, 0]], [[1, 1e-9]]);
    expect([moved * 1e9, angle * 1e9]).toEqual([expect.closeTo(1, 9), expect.closeTo(1, 9)]);
  });

  it('takes extreme sizes', () => {
    expect(featureDrift([[1e300, 0]], [[2e300, 0]])).toEqual({ distance: 1, angle: 0, growth: 2 });
    expect(featureDrift([[1e-150, 0]], [[0, 1e150]]).distance).toBeCloseTo(1e300, -290);
  });

  it('rejects bad arguments', () => {
    expect(() => featureDrift([[1]], [[1, 2]])).toThrowErrorMatchingInlineSnapshot(
      `[RangeError: featureDrift: after has rows of 2 entries, expected 1 (as before)]`,
    );
    expect(() => featureDrift([[0]], [[1]])).toThrowErrorMatchingInlineSnapshot(
      `[RangeError: featureDrift: before has only zeros, expected one that is not]`,
    );
    expect(() => featureDrift([[1]], [[1], [2]])).toThrow(RangeError);
    for (const x of bad) expect(() => featureDrift(x, x)).toThrow(RangeError);
  });
});

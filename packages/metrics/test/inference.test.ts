import type { BootstrapMethod, Nested } from '@cfrl/metrics';
import {
  addMoment,
  bca,
  benjaminiHochberg,
  bootstrap,
  cohenD,
  hedgesG,
  hierarchicalBootstrap,
  holm,
  interquartileMean,
  mean,
  mergeMoments,
  momentsDeviation,
  noMoments,
  pairedBootstrap,
  pairedPermutationTest,
  percentile,
  permutationTest,
  probabilityOfImprovement,
  standardDeviation,
  stratifiedBootstrap,
  wilsonInterval,
} from '@cfrl/metrics';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import rliable from './fixtures/rliable.json' with { type: 'json' };
import fixture from './fixtures/statistics.json' with { type: 'json' };

const values = fc.array(fc.double({ min: -9, max: 9, noNaN: true }), {
  minLength: 1,
  maxLength: 12,
});
const several = fc.array(fc.double({ min: -9, max: 9, noNaN: true }), {
  minLength: 2,
  maxLength: 12,
});

/** A seeded source. */
function seeded(seed = 7): () => number {
  let state = seed;
  return () => (state = (state * 16807) % 2147483647) / 2147483647;
}

/** A source that draws the given indices below n, one after the other. */
function replay(indices: readonly number[], n: number): () => number {
  let at = 0;
  return () => (indices[at++]! + 0.5) / n;
}

const median = (list: ArrayLike<number>): number => {
  const sorted = Array.from(list).sort((a, b) => a - b);
  const half = sorted.length / 2;
  return (sorted[Math.floor(half - 0.5)]! + sorted[Math.ceil(half - 0.5)]!) / 2;
};
const methods: Record<string, BootstrapMethod> = { percentile, BCa: bca };
const statistics: Record<string, (list: readonly number[]) => number> = { mean, median };

const sameAsScipy = (only: string) => {
  for (const expected of fixture.bootstrap.filter(({ method }) => method === only)) {
    const n = expected.values.length;
    const { low, high, standardError } = bootstrap(
      expected.values,
      statistics[expected.statistic]!,
      {
        uniform: replay(expected.indices, n),
        resamples: expected.indices.length / n,
        level: expected.level,
        interval: methods[expected.method]!,
      },
    );
    expect(low).toBeCloseTo(expected.low, 11);
    expect(high).toBeCloseTo(expected.high, 11);
    expect(standardError).toBeCloseTo(expected.standardError, 11);
  }
};

describe('bca', () => {
  it('equals scipy on the resamples that it drew', () => sameAsScipy('BCa'));

  it('refuses replicates on one side of the estimate', () => {
    const replicates = Float64Array.of(1, 2, 3);
    expect(() =>
      bca({ replicates, estimate: 9, level: 0.9, jackknife: () => replicates }),
    ).toThrowErrorMatchingInlineSnapshot(
      `[RangeError: bca: replicates has all entries on one side of the estimate 9, expected some on both; take percentile]`,
    );
  });
});

describe('percentile', () => {
  it('equals scipy on the resamples that it drew', () => sameAsScipy('percentile'));
});

describe('bootstrap', () => {
  it('equals scipy on the resamples that it drew', () => {
    sameAsScipy('percentile');
    sameAsScipy('BCa');
  });

  it('holds the estimate for most data, takes items of any type, and leaves them as they are', () => {
    fc.assert(
      fc.property(several, (list) => {
        const items = list.map((value) => ({ value }));
        const copy = structuredClone(items);
        const statistic = (chosen: readonly { value: number }[]) =>
          mean(chosen.map(({ value }) => value));
        const options = { uniform: seeded(), resamples: 400 };
        const { estimate, low, high } = bootstrap(items, statistic, options);
        expect(estimate).toBeCloseTo(mean(list), 12);
        expect(low).toBeLessThanOrEqual(estimate + 1e-9);
        expect(high).toBeGreaterThanOrEqual(estimate - 1e-9);
        expect(items).toEqual(copy);
      }),
      { numRuns: 30 },
    );
  });

  it('says null for one item, and refuses a statistic that is not finite', () => {
    const options = { uniform: seeded(), resamples: 9 };
    expect(bootstrap([5], mean, options)).toEqual({
      estimate: 5,
      low: null,
      high: null,
      standardError: null,
      n: 1,
    });
    expect(() => bootstrap([1, 2], () => NaN, options)).toThrow(RangeError);
    expect(() => bootstrap([], mean, options)).toThrow(RangeError);
    expect(() => bootstrap([1, 2], mean, { uniform: () => 1 })).toThrow(RangeError);
    expect(bootstrap([3, 3, 3], mean, options).low).toBe(3);
  });
});

describe('pairedBootstrap', () => {
  it('is the bootstrap of the differences, for the mean', () => {
    fc.assert(
      fc.property(several, (a) => {
        const b = a.map((x, i) => x / 2 + i);
        const options = { uniform: seeded(), resamples: 200 };
        const paired = pairedBootstrap(a, b, { ...options, interval: percentile });
        const single = bootstrap(
          a.map((x, i) => x - b[i]!),
          mean,
          { uniform: seeded(), resamples: 200, interval: percentile },
        );
        expect(paired.low).toBeCloseTo(single.low!, 11);
        expect(paired.high).toBeCloseTo(single.high!, 11);
      }),
      { numRuns: 30 },
    );
    expect(() => pairedBootstrap([1], [1, 2], { uniform: seeded() })).toThrow(RangeError);
  });
});

describe('hierarchicalBootstrap', () => {
  it('equals the exact distribution of two groups of two', () => {
    // Groups [0, 0] and [0, 4]: a draw of group means is 0, or of 0, 2, 4 with chances 1/4, 1/2, 1/4.
    // Every index tuple once: group, then its two members, twice over.
    const tuples = Array.from({ length: 2 ** 6 }, (_, bits) =>
      [0, 1, 2, 3, 4, 5].map((i) => (bits >> i) & 1),
    );
    const { estimate, standardError } = hierarchicalBootstrap(
      [
        [0, 0],
        [0, 4],
      ],
      {
        uniform: replay(tuples.flat(), 2),
        resamples: tuples.length,
      },
    );
    expect(estimate).toBe(1);
    // One drawn group has mean 1 and second moment (0 + 4 + 16) / 2 / ... = (0 * 1/4 + 4 * 1/2 + 16 * 1/4) / 2 = 3,
    // variance 2; the mean of two has variance 1, over 64 replicates 64 / 63.
    expect(standardError).toBeCloseTo(Math.sqrt(64 / 63), 13);
  });

  it('is the bootstrap of the mean for a flat list', () => {
    const list = [1, 5, 2, 8, 3];
    const nested = hierarchicalBootstrap(list, { uniform: seeded(), resamples: 300 });
    const flat = bootstrap(list, mean, {
      uniform: seeded(),
      resamples: 300,
      interval: percentile,
    });
    expect(nested.low).toBeCloseTo(flat.low!, 12);
    expect(nested.high).toBeCloseTo(flat.high!, 12);
    expect(() =>
      hierarchicalBootstrap([[1], []] as Nested, { uniform: seeded() }),
    ).toThrowErrorMatchingInlineSnapshot(
      `[RangeError: hierarchicalBootstrap: groups[1] has 0 entries, expected at least 1]`,
    );
    expect(() => hierarchicalBootstrap([[NaN]], { uniform: seeded() })).toThrow(RangeError);
  });
});

describe('stratifiedBootstrap', () => {
  it('equals rliable on the resamples that it drew', () => {
    const { scores, resamples, indices, iqm, low, high } = rliable;
    const result = stratifiedBootstrap(scores, {
      uniform: replay(indices, scores.length),
      resamples,
    });
    expect(result.estimate).toBeCloseTo(iqm, 13);
    expect(result.low).toBeCloseTo(low, 12);
    expect(result.high).toBeCloseTo(high, 12);
  });

  it('never mixes tasks', () => {
    const scores = [
      [0, 10],
      [1, 11],
      [2, 12],
    ];
    stratifiedBootstrap(scores, { uniform: seeded(), resamples: 50 }, (all) => {
      Array.from(all).forEach((score, i) => expect(Math.floor(score / 10)).toBe(i % 2));
      return 0;
    });
    expect(() => stratifiedBootstrap([[1], [1, 2]], { uniform: seeded() })).toThrow(RangeError);
    expect(() => stratifiedBootstrap([], { uniform: seeded() })).toThrow(RangeError);
  });
});

describe('interquartileMean', () => {
  it.each(fixture.trimmed)('equals scipy and rliable', ({ values: list, iqm }) => {
    expect(interquartileMean(list)).toBeCloseTo(iqm, 13);
    expect(interquartileMean(rliable.scores.flat())).toBeCloseTo(rliable.iqm, 13);
  });

  it('is unmoved by order, and by how extreme the extremes are', () => {
    fc.assert(
      fc.property(
        fc.array(fc.double({ min: -9, max: 9, noNaN: true }), { minLength: 4, maxLength: 12 }),
        (list) => {
          const sorted = [...list].sort((a, b) => a - b);
          const value = interquartileMean(list);
          expect(interquartileMean([...list].reverse())).toBe(value);
          expect(interquartileMean([-1e6, ...sorted.slice(1, -1), 1e6])).toBeCloseTo(value, 12);
        },
      ),
    );
    expect(() => interquartileMean([])).toThrow(RangeError);
  });
});

describe('permutationTest', () => {
  it.each(fixture.permutation)('equals scipy over all relabellings', ({ a, b, independent }) => {
    expect(permutationTest(a, b, { uniform: seeded() })).toMatchObject({
      p: expect.closeTo(independent, 12),
      exact: true,
    });
  });

  it('comes near the exact value when it draws', () => {
    const { a, b, independent } = fixture.permutation[0]!;
    const { p, exact } = permutationTest(a, b, { uniform: seeded(), resamples: 100 });
    expect(exact).toBe(false);
    expect(Math.abs(p - independent)).toBeLessThan(4 * Math.sqrt(0.25 / 100));
    const many = Array.from({ length: 40 }, (_, i) => i);
    expect(
      permutationTest(
        many,
        many.map((x) => x + 100),
        { uniform: seeded(), resamples: 200 },
      ).p,
    ).toBe(1 / 201);
  });

  it('is symmetric, and 1 for equal samples', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: -5, max: 5 }), { minLength: 1, maxLength: 5 }),
        (a) => {
          const b = [...a].reverse().map((x) => x / 2);
          const forth = permutationTest(a, b, { uniform: seeded() });
          expect(permutationTest(b, a, { uniform: seeded() }).p).toBeCloseTo(forth.p, 12);
          expect(permutationTest(a, a, { uniform: seeded() }).p).toBe(1);
        },
      ),
    );
    expect(() => permutationTest([], [1], { uniform: seeded() })).toThrow(RangeError);
  });
});

describe('pairedPermutationTest', () => {
  it('equals scipy over all sign patterns', () => {
    const { a, b, paired } = fixture.permutation[1]!;
    expect(pairedPermutationTest(a, b, { uniform: seeded() })).toMatchObject({
      p: expect.closeTo(paired!, 12),
      exact: true,
    });
    const drawn = pairedPermutationTest(a, b, { uniform: seeded(), resamples: 60 });
    expect(drawn.exact).toBe(false);
    expect(Math.abs(drawn.p - paired!)).toBeLessThan(4 * Math.sqrt(0.25 / 60));
  });

  it('has 2^(1 - n) as its least value', () => {
    expect(pairedPermutationTest([1, 2, 3, 4, 5], [0, 0, 0, 0, 0], { uniform: seeded() }).p).toBe(
      1 / 16,
    );
    expect(() => pairedPermutationTest([1], [1, 2], { uniform: seeded() })).toThrow(RangeError);
  });
});

describe('wilsonInterval', () => {
  it.each(fixture.wilson)(
    'equals scipy: $successes of $n at $level',
    ({ successes, n, level, low, high }) => {
      const interval = wilsonInterval(successes, n, { level });
      expect(interval.low).toBeCloseTo(low, 12);
      expect(interval.high).toBeCloseTo(high, 12);
    },
  );

  it('holds the share, mirrors, and narrows with n', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 300 }), fc.nat(), (n, seed) => {
        const k = seed % (n + 1);
        const { share, low, high } = wilsonInterval(k, n);
        expect(low).toBeLessThanOrEqual(share);
        expect(high).toBeGreaterThanOrEqual(share);
        expect(wilsonInterval(n - k, n).low).toBeCloseTo(1 - high, 12);
        const larger = wilsonInterval(10 * k, 10 * n);
        expect(larger.high - larger.low).toBeLessThan(high - low);
      }),
    );
    expect(() => wilsonInterval(2, 1)).toThrow(RangeError);
    expect(() => wilsonInterval(0, 0)).toThrow(RangeError);
  });
});

describe('holm', () => {
  it('equals statsmodels', () => {
    const { p, holm: expected } = fixture.adjusted;
    holm(p).forEach((value, i) => expect(value).toBeCloseTo(expected[i]!, 14));
  });

  it('lies between the p-values and Bonferroni, not below Benjamini-Hochberg', () => {
    fc.assert(
      fc.property(fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 9 }), (p) => {
        const adjusted = holm(p);
        const discoveries = benjaminiHochberg(p);
        p.forEach((value, i) => {
          expect(adjusted[i]).toBeGreaterThanOrEqual(value);
          expect(adjusted[i]).toBeLessThanOrEqual(Math.min(1, value * p.length) + 1e-15);
          expect(discoveries[i]).toBeLessThanOrEqual(adjusted[i]! + 1e-15);
        });
      }),
    );
    expect(() => holm([1.5])).toThrow(RangeError);
  });
});

describe('benjaminiHochberg', () => {
  it('equals scipy', () => {
    const { p, benjaminiHochberg: expected } = fixture.adjusted;
    benjaminiHochberg(p).forEach((value, i) => expect(value).toBeCloseTo(expected[i]!, 14));
  });

  it('equals the least alpha at which the step-up procedure rejects', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 0, max: 100 }), { minLength: 1, maxLength: 8 }),
        (percents) => {
          const p = percents.map((x) => x / 100);
          const sorted = [...p].sort((a, b) => a - b);
          benjaminiHochberg(p).forEach((adjusted, i) => {
            const steps = sorted
              .map((q, k) => (q * p.length) / (k + 1))
              .filter((_, k) => sorted[k]! >= p[i]!);
            expect(adjusted).toBeCloseTo(Math.min(1, ...steps), 12);
          });
        },
      ),
    );
    expect(() => benjaminiHochberg([NaN])).toThrow(RangeError);
  });
});

describe('cohenD', () => {
  it('equals numpy, has the sign of the difference, and does not know units', () => {
    const { a, b, cohenD: expected } = fixture.effects;
    expect(cohenD(a, b)).toBeCloseTo(expected, 12);
    expect(cohenD(b, a)).toBeCloseTo(-expected, 12);
    expect(
      cohenD(
        a.map((x) => 5 * x + 1),
        b.map((x) => 5 * x + 1),
      ),
    ).toBeCloseTo(expected, 11);
    expect(() => cohenD([1, 1], [2, 2])).toThrow(RangeError);
    expect(() => cohenD([1], [2, 3])).toThrow(RangeError);
  });
});

describe('hedgesG', () => {
  it('shrinks d by the approximate factor of Hedges', () => {
    const { a, b, cohenD: d } = fixture.effects;
    expect(hedgesG(a, b)).toBeCloseTo(d * (1 - 3 / 39), 12);
    expect(() => hedgesG([1, 1], [2, 2])).toThrow(RangeError);
  });
});

describe('probabilityOfImprovement', () => {
  it('equals scipy (Mann-Whitney), and rliable over tasks', () => {
    const { a, b, superiority } = fixture.effects;
    expect(probabilityOfImprovement(a, b)).toBeCloseTo(superiority, 13);
    const { scores, improvement } = rliable;
    const column = (rows: number[][], m: number) => rows.map((row) => row[m]!);
    const tasks = scores[0]!.map((_, m) =>
      probabilityOfImprovement(column(scores, m), column(improvement.other, m)),
    );
    expect(mean(tasks)).toBeCloseTo(improvement.probability, 13);
    expect(probabilityOfImprovement([1, 2], [1, 2])).toBe(0.5);
  });
});

const close = (a: typeof noMoments, b: typeof noMoments) => {
  expect(a.n).toBe(b.n);
  expect(a.mean).toBeCloseTo(b.mean, 11);
  expect(a.squares).toBeCloseTo(b.squares, 9);
  expect([a.min, a.max]).toEqual([b.min, b.max]);
};

describe('addMoment', () => {
  it('equals mean and standard deviation of the batch', () => {
    fc.assert(
      fc.property(several, (list) => {
        const moments = list.reduce(addMoment, noMoments);
        expect(moments.mean).toBeCloseTo(mean(list), 12);
        expect(momentsDeviation(moments)).toBeCloseTo(standardDeviation(list), 11);
        expect([moments.min, moments.max]).toEqual([Math.min(...list), Math.max(...list)]);
      }),
    );
    expect(() => addMoment(noMoments, NaN)).toThrow(RangeError);
  });

  it('keeps a small spread about a large mean, over 1e6 numbers', () => {
    let moments = noMoments;
    for (let i = 0; i < 1e6; i++) moments = addMoment(moments, 1e9 + (i % 2));
    expect(momentsDeviation(moments)).toBeCloseTo(0.5, 6);
  });
});

describe('mergeMoments', () => {
  it('is as one stream, associative and commutative', () => {
    fc.assert(
      fc.property(values, values, values, (a, b, c) => {
        const [x, y, z] = [a, b, c].map((list) => list.reduce(addMoment, noMoments)) as [
          typeof noMoments,
          typeof noMoments,
          typeof noMoments,
        ];
        close(mergeMoments(mergeMoments(x, y), z), [...a, ...b, ...c].reduce(addMoment, noMoments));
        close(mergeMoments(mergeMoments(x, y), z), mergeMoments(x, mergeMoments(y, z)));
        close(mergeMoments(x, y), mergeMoments(y, x));
        expect(mergeMoments(x, noMoments)).toEqual(x);
        expect(mergeMoments(noMoments, x)).toEqual(x);
      }),
    );
  });
});

describe('momentsDeviation', () => {
  it('is null where one number does not tell', () => {
    expect(momentsDeviation(noMoments)).toBe(null);
    expect(momentsDeviation(addMoment(noMoments, 3))).toBe(null);
  });
});

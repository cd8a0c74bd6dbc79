import {
  adjustedDistinct,
  bleu,
  distinctN,
  jensenShannonDivergence,
  klDivergence,
  mauve,
  mauveOfHistograms,
  ngramDistributions,
  ngramEntropy,
  repetitionRate,
  selfBleu,
  totalVariation,
  trailingLoop,
  treebankTokens,
} from '@cfrl/metrics';
import * as metrics from '@cfrl/metrics';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { countNgrams } from './definitions.js';
import divergences from './fixtures/divergences.json' with { type: 'json' };
import nltk from './fixtures/nltk-bleu.json' with { type: 'json' };

const tokens = fc.array(fc.nat({ max: 3 }), { maxLength: 12 });
const texts = fc.array(tokens, { minLength: 1, maxLength: 6 });
const order = fc.integer({ min: 1, max: 4 });
const some = (list: number[][], n: number) => list.some((text) => text.length >= n);

/** All n-grams of several texts, spelled out. */
function grams(list: readonly number[][], n: number): string[] {
  return list.flatMap((text) =>
    text.slice(n - 1).map((_, t) => JSON.stringify(text.slice(t, t + n))),
  );
}

const names = [
  'noSmoothing',
  'smoothingMethod1',
  'smoothingMethod2',
  'smoothingMethod3',
  'smoothingMethod4',
] as const;

for (const name of names) {
  describe(name, () => {
    it('equals NLTK on every text, inside of bleu', () => {
      for (const { candidate, references, scores } of nltk.smoothing) {
        const expected = (scores as Record<string, number>)[name];
        if (expected === undefined) continue;
        const value = bleu(candidate, references, { smoothing: metrics[name] });
        expect(value, JSON.stringify(candidate)).toBeCloseTo(expected, 12);
      }
    });

    it('gives selfBleu what bleu gives against the others', () => {
      fc.assert(
        fc.property(fc.array(tokens, { minLength: 2, maxLength: 6 }), order, (list, maxN) => {
          const options = { maxN, smoothing: metrics[name] };
          const { perSample } = selfBleu(list, options);
          list.forEach((text, i) => {
            const others = list.filter((_, j) => j !== i);
            expect(perSample[i]).toBeCloseTo(bleu(text, others, options), 12);
          });
        }),
      );
    });
  });
}

describe('selfBleu', () => {
  it('takes the tokenizer that is passed', () => {
    const options = { tokenize: treebankTokens, maxN: 1 };
    expect(selfBleu(["don't.", 'do it .'], options).perSample[1]).toBeCloseTo(2 / 3, 12);
  });

  it('is exact and near-linear: 20,000 texts as their tokens permuted, in a second', () => {
    const list = Array.from({ length: 20_000 }, (_, i) =>
      Array.from({ length: 16 }, (_, t) => ((i * 7919 + t * t * 31) % 997) + (t % 3)),
    );
    const { mean, perSample } = selfBleu(list);
    const some = [0, 777, 19_999];
    const sample = some.map((i) => list[i]!);
    // The other texts that share a token with the sampled one are all that its score depends on.
    for (const [k, i] of some.entries()) {
      const kept = new Set(sample[k]);
      const others = list.filter((text, j) => j !== i && text.some((token) => kept.has(token)));
      expect(perSample[i]).toBeCloseTo(bleu(sample[k]!, others), 12);
    }
    expect(mean).toBeGreaterThan(0);
    const renamed = list.map((text) => text.map((token) => 2000 - token)).reverse();
    expect(selfBleu(renamed).perSample[0]).toBeCloseTo(perSample[19_999]!, 12);
  });

  it('numbers tokens alike in tables and maps: small, large, negative, fractional, strings', () => {
    const names = [0, 5, 2 ** 21, -3, 0.5, '0', 'x', 2 ** 40];
    fc.assert(
      fc.property(
        fc.array(fc.array(fc.nat({ max: 7 }), { maxLength: 9 }), { minLength: 2, maxLength: 5 }),
        (list) => {
          const renamed = list.map((text) => text.map((token) => names[token]!));
          expect(selfBleu(renamed)).toEqual(selfBleu(list));
          if (list.some((text) => text.length > 1))
            expect(distinctN(renamed, 2)).toBe(distinctN(list, 2));
        },
      ),
    );
  });
});

describe('ngramEntropy', () => {
  it('equals the definition, in [0, log n], and ignores order of texts and names of tokens', () => {
    fc.assert(
      fc.property(texts, order, (list, n) => {
        if (!some(list, n)) {
          expect(() => ngramEntropy(list, n)).toThrow(RangeError);
          return;
        }
        const all = grams(list, n);
        const shares = [...new Set(all)].map((g) => all.filter((h) => h === g).length / all.length);
        const expected = -shares.reduce((sum, p) => sum + p * Math.log(p), 0);
        expect(ngramEntropy(list, n)).toBeCloseTo(expected, 12);
        const renamed = list.map((text) => text.map((token) => `t${token}`)).reverse();
        expect(ngramEntropy(renamed, n)).toBeCloseTo(expected, 12);
        for (const Kind of [Int32Array, Uint8Array, Uint16Array, Uint32Array]) {
          const typed = list.map((text) => Kind.from(text));
          expect(ngramEntropy(typed, n)).toBeCloseTo(expected, 12);
          expect(distinctN(typed, n)).toBeCloseTo(new Set(all).size / all.length, 14);
        }
        // Negative and large numbers, which no table holds.
        const far = list.map((text) => Int32Array.from(text, (token) => (token - 1) * 2 ** 25));
        expect(ngramEntropy(far, n)).toBeCloseTo(expected, 12);
      }),
    );
    expect(ngramEntropy([[7, 7, 7]], 1)).toBe(0);
  });
});

describe('adjustedDistinct', () => {
  it('equals distinct n-grams over their expected number, for any size of vocabulary', () => {
    fc.assert(
      fc.property(texts, fc.integer({ min: 1, max: 1e9 }), (list, v) => {
        fc.pre(some(list, 1));
        const all = grams(list, 1);
        const expected = new Set(all).size / (v * (1 - ((v - 1) / v) ** all.length));
        const digits = v < 1e6 ? 9 : 2;
        expect(adjustedDistinct(list, 1, v)).toBeCloseTo(expected, digits);
        // As V grows every draw is expected to be new.
        expect(adjustedDistinct(list, 1, 2 ** 50)).toBeCloseTo(distinctN(list, 1), 12);
      }),
    );
    expect(() => adjustedDistinct(['a'], 1, 0)).toThrow(RangeError);
  });
});

describe('repetitionRate', () => {
  it('equals 1 - distinct of the one text', () => {
    fc.assert(
      fc.property(tokens, order, (text, n) => {
        const expected =
          text.length < n ? 0 : 1 - countNgrams(text, n).size / (text.length - n + 1);
        expect(repetitionRate(text, n)).toBeCloseTo(expected, 14);
      }),
    );
  });
});

describe('trailingLoop', () => {
  it('equals the search through all periods and lengths', () => {
    fc.assert(
      fc.property(fc.array(fc.nat({ max: 1 }), { maxLength: 14 }), (text) => {
        let best = { period: 0, turns: 0, length: 0 };
        for (let length = 2; length <= text.length; length++) {
          const end = text.slice(-length);
          for (let period = Math.floor(length / 2); period >= 1; period--) {
            if (end.every((token, t) => t < period || token === end[t - period]))
              best = { period, turns: length / period, length };
          }
        }
        expect(trailingLoop(text)).toEqual(best);
      }),
      { numRuns: 300 },
    );
  });

  it('is linear: a million tokens', () => {
    expect(trailingLoop(new Int32Array(1e6))).toEqual({ period: 1, turns: 1e6, length: 1e6 });
    expect(trailingLoop('')).toEqual({ period: 0, turns: 0, length: 0 });
  });
});

const distribution = fc
  .array(fc.nat({ max: 9 }), { minLength: 4, maxLength: 4 })
  .filter((counts) => counts.some((count) => count > 0))
  .map((counts) => counts.map((count) => count / counts.reduce((a, b) => a + b)));

describe('klDivergence', () => {
  it.each(divergences.cases)('equals scipy', ({ p, q, kl }) => {
    expect(klDivergence(p, q)).toBeCloseTo(kl ?? Infinity, 12);
  });

  it('is at least 0, 0 for equals, and refuses what is no distribution', () => {
    fc.assert(
      fc.property(distribution, distribution, (p, q) => {
        expect(klDivergence(p, q)).toBeGreaterThanOrEqual(0);
        expect(klDivergence(p, p)).toBe(0);
      }),
    );
    expect(() => klDivergence([1, 1], [1, 0])).toThrow(RangeError);
    expect(() => klDivergence([1], [0.5, 0.5])).toThrow(RangeError);
    expect(() => klDivergence([NaN, 1], [0.5, 0.5])).toThrow(RangeError);
  });
});

describe('jensenShannonDivergence', () => {
  it.each(divergences.cases)('equals scipy', ({ p, q, js }) => {
    expect(jensenShannonDivergence(p, q)).toBeCloseTo(js, 12);
  });

  it('is symmetric, in [0, log 2], and unmoved by relabelling', () => {
    fc.assert(
      fc.property(distribution, distribution, (p, q) => {
        const value = jensenShannonDivergence(p, q);
        expect(jensenShannonDivergence(q, p)).toBeCloseTo(value, 14);
        expect(value).toBeLessThanOrEqual(Math.log(2) + 1e-14);
        expect(jensenShannonDivergence([...p].reverse(), [...q].reverse())).toBeCloseTo(value, 14);
      }),
    );
  });
});

describe('totalVariation', () => {
  it.each(divergences.cases)('equals numpy', ({ p, q, tv }) => {
    expect(totalVariation(p, q)).toBeCloseTo(tv, 14);
  });

  it('is the largest difference over all events, and obeys Pinsker', () => {
    fc.assert(
      fc.property(distribution, distribution, (p, q) => {
        let most = 0;
        for (let event = 0; event < 16; event++) {
          const of = (d: number[]) => d.reduce((sum, x, v) => sum + ((event >> v) & 1 ? x : 0), 0);
          most = Math.max(most, of(p) - of(q));
        }
        expect(totalVariation(p, q)).toBeCloseTo(most, 13);
        expect(most).toBeLessThanOrEqual(Math.sqrt(klDivergence(p, q) / 2) + 1e-12);
      }),
    );
  });
});

describe('ngramDistributions', () => {
  it('counts as spelled out, over the same n-grams for all runs', () => {
    fc.assert(
      fc.property(
        fc.array(texts, { minLength: 1, maxLength: 3 }),
        fc.integer({ min: 1, max: 3 }),
        (runs, n) => {
          fc.pre(runs.every((run) => some(run, n)));
          const values = ngramDistributions(runs, n);
          const all = [...new Set(runs.flatMap((run) => grams(run, n)))];
          runs.forEach((run, i) => {
            const own = grams(run, n);
            const shares = all.map((gram) => own.filter((g) => g === gram).length / own.length);
            expect(Array.from(values[i]!)).toEqual(shares);
          });
        },
      ),
    );
    expect(() => ngramDistributions([['a'], []], 1)).toThrow(RangeError);
  });
});

describe('mauveOfHistograms', () => {
  it.each(divergences.cases)('equals mauve-text', ({ p, q, mauve: expected }) => {
    expect(mauveOfHistograms(p, q)).toBeCloseTo(expected, 12);
  });

  it('is symmetric, in (0, 1], and 1 for equals', () => {
    fc.assert(
      fc.property(distribution, distribution, (p, q) => {
        const value = mauveOfHistograms(p, q);
        expect(mauveOfHistograms(q, p)).toBeCloseTo(value, 12);
        expect(value).toBeGreaterThan(0);
        expect(mauveOfHistograms(p, p)).toBeCloseTo(1, 12);
      }),
    );
    expect(() => mauveOfHistograms([1], [1], { scaling: 0 })).toThrow(RangeError);
  });
});

describe('mauve', () => {
  const cloud = (angle: number, n: number) =>
    Array.from({ length: n }, (_, i) => {
      const a = angle + 0.05 * Math.sin(i * i);
      return [Math.cos(a) * (1 + i / n), Math.sin(a) * (1 + i / n)];
    });
  let state = 1;
  const uniform = () => (state = (state * 16807) % 2147483647) / 2147483647;

  it('finds the clusters of separate clouds, and with them the value of their histograms', () => {
    // Three clouds; p has 10, 10, 0 points in them and q 0, 10, 10.
    const p = [...cloud(0, 10), ...cloud(2, 10)];
    const q = [...cloud(2, 10), ...cloud(4, 10)];
    for (let run = 0; run < 5; run++) {
      expect(mauve(p, q, { uniform, clusters: 3 })).toBeCloseTo(
        mauveOfHistograms([0.5, 0.5, 0], [0, 0.5, 0.5]),
        12,
      );
    }
    expect(mauve(p, p, { uniform })).toBeCloseTo(1, 12);
  });

  it('refuses what it cannot cluster', () => {
    expect(() => mauve([[0, 0]], [[1, 0]], { uniform })).toThrow(RangeError);
    expect(() => mauve([[1]], [[1]], { uniform, clusters: 3 })).toThrowErrorMatchingInlineSnapshot(
      `[RangeError: mauve: clusters is 3, expected at most 2 (all features)]`,
    );
    expect(() => mauve([], [[1]], { uniform })).toThrow(RangeError);
    expect(() => mauve([[1]], [[1]], { uniform: () => 1 })).toThrow(RangeError);
  });
});

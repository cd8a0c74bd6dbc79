import {
  chainEntropy,
  confidence,
  positionEntropies,
  renyiEntropy,
  semanticEntropy,
  sequenceEntropy,
  surprisal,
  tokenEntropies,
  tokenEntropy,
  topKMass,
  tsallisEntropy,
  varentropy,
} from '@cfrl/metrics';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

const logits = fc.array(fc.double({ min: -40, max: 40, noNaN: true }), {
  minLength: 1,
  maxLength: 9,
});

function softmax(z: readonly number[]): number[] {
  const max = Math.max(...z);
  const weights = z.map((value) => Math.exp(value - max));
  const sum = weights.reduce((a, b) => a + b);
  return weights.map((weight) => weight / sum);
}

const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0);

describe('varentropy', () => {
  it('equals the variance of surprise, and is unmoved by shifts', () => {
    fc.assert(
      fc.property(logits, (z) => {
        const p = softmax(z).filter((x) => x > 0);
        const h = -sum(p.map((x) => x * Math.log(x)));
        const expected = sum(p.map((x) => x * (-Math.log(x) - h) ** 2));
        expect(varentropy(z)).toBeCloseTo(expected, 9);
        expect(varentropy([...z.map((x) => x + 7), -Infinity])).toBeCloseTo(expected, 9);
      }),
    );
  });
});

describe('renyiEntropy', () => {
  it('equals the definition', () => {
    fc.assert(
      fc.property(logits, fc.constantFrom(0.1, 0.5, 0.9, 1.2, 2, 5), (z, order) => {
        const power = sum(softmax(z).map((p) => p ** order));
        expect(renyiEntropy(z, order)).toBeCloseTo(Math.log(power) / (1 - order), 9);
      }),
    );
  });

  it('falls from log V to - log max p as the order grows, without a jump at 1', () => {
    fc.assert(
      fc.property(logits, (z) => {
        const orders = [0, 1e-3, 0.3, 1 - 1e-7, 1, 1 + 1e-7, 1.6, 3, 50, 1e6, Infinity];
        const values = orders.map((order) => renyiEntropy(z, order));
        values.slice(1).forEach((value, i) => expect(value).toBeLessThanOrEqual(values[i]! + 1e-9));
        expect(values[0]).toBeCloseTo(Math.log(z.length), 12);
        expect(values[3]).toBeCloseTo(tokenEntropy(z), 4);
        expect(values.at(-1)).toBeCloseTo(-Math.log(Math.max(...softmax(z))), 12);
      }),
    );
  });

  it('refuses a negative order, and counts possible tokens at order 0', () => {
    expect(renyiEntropy([0, -1000, -Infinity], 0)).toBeCloseTo(Math.log(2), 14);
    expect(() => renyiEntropy([0], -1)).toThrowErrorMatchingInlineSnapshot(
      `[RangeError: renyiEntropy: order is -1, expected a number >= 0]`,
    );
    expect(() => renyiEntropy([0], NaN)).toThrow(RangeError);
  });
});

describe('tsallisEntropy', () => {
  it('equals the definition, and Shannon in the limit', () => {
    fc.assert(
      fc.property(logits, fc.constantFrom(0, 0.4, 1.3, 2, 7), (z, order) => {
        const power = sum(softmax(z).map((p) => p ** order));
        expect(tsallisEntropy(z, order)).toBeCloseTo((1 - power) / (order - 1), 9);
        expect(tsallisEntropy(z, 1)).toBe(tokenEntropy(z));
        expect(tsallisEntropy(z, 1 + 1e-9)).toBeCloseTo(tokenEntropy(z), 6);
      }),
    );
  });

  it('refuses orders without a value', () => {
    expect(() => tsallisEntropy([0], Infinity)).toThrow(RangeError);
    expect(() => tsallisEntropy([], 2)).toThrow(RangeError);
  });
});

describe('topKMass', () => {
  it('equals the sum of the k largest probabilities, 1 for all', () => {
    fc.assert(
      fc.property(logits, fc.nat({ max: 8 }), (z, extra) => {
        const k = Math.min(z.length, extra + 1);
        const p = softmax(z).sort((a, b) => b - a);
        expect(topKMass(z, k)).toBeCloseTo(sum(p.slice(0, k)), 12);
        expect(topKMass(z, z.length)).toBeCloseTo(1, 14);
      }),
    );
    expect(() => topKMass([0], 2)).toThrowErrorMatchingInlineSnapshot(
      `[RangeError: topKMass: k is 2, expected at most 1 (the vocabulary)]`,
    );
  });
});

describe('surprisal', () => {
  it('averages to the entropy under its own distribution', () => {
    fc.assert(
      fc.property(logits, (z) => {
        const mean = sum(softmax(z).map((p, token) => (p > 0 ? p * surprisal(z, token) : 0)));
        expect(mean).toBeCloseTo(tokenEntropy(z), 9);
      }),
    );
    expect(surprisal([0, -Infinity], 1)).toBe(Infinity);
    expect(() => surprisal([0], 1)).toThrow(RangeError);
  });
});

describe('tokenEntropies', () => {
  it('equals tokenEntropy of each row, for arrays of every kind', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 6 }), fc.integer({ min: 0, max: 5 }), (v, rows) => {
        const z = Array.from({ length: v * rows }, (_, i) => Math.fround(Math.sin(i * 7) * 60));
        for (const given of [z, Float32Array.from(z), Float64Array.from(z)]) {
          const values = tokenEntropies(given, v);
          expect(values).toHaveLength(rows);
          values.forEach((h, t) => expect(h).toBe(tokenEntropy(z.slice(t * v, (t + 1) * v))));
        }
      }),
    );
  });

  it('is exact over a large vocabulary: log V, and sums done one by one', () => {
    const v = 50_001;
    expect(tokenEntropies(new Float32Array(2 * v), v)[1]).toBeCloseTo(Math.log(v), 12);
    const z = Float64Array.from({ length: v }, (_, i) => 8 * Math.sin(i * i));
    let [weights, weighted] = [0, 0];
    for (const value of z) {
      weights += Math.exp(value);
      weighted += Math.exp(value) * value;
    }
    expect(tokenEntropies(z, v)[0]).toBeCloseTo(Math.log(weights) - weighted / weights, 11);
  });

  it('has weights exact to the last digits, between all entries of its table', () => {
    for (let gap = 0; gap < 50; gap += 0.00171) {
      const sure = 1 / (1 + 2 * Math.exp(-gap));
      expect(Math.abs(confidence([0, -gap, -gap]) / sure - 1)).toBeLessThan(1e-15);
    }
  });

  it('names the entry that is no logit', () => {
    const z = new Float32Array(200);
    z[150] = NaN;
    expect(() => tokenEntropies(z, 100)).toThrowErrorMatchingInlineSnapshot(
      `[RangeError: tokenEntropies: logits[150] is NaN, expected a finite number, or -Infinity for a token that cannot occur]`,
    );
    expect(() => tokenEntropies(z, 3)).toThrowErrorMatchingInlineSnapshot(
      `[RangeError: tokenEntropies: logits has 200 entries, expected a multiple of 3 (vocabSize)]`,
    );
    z[150] = Infinity;
    expect(() => tokenEntropies(z, 100)).toThrow(RangeError);
  });
});

describe('chainEntropy', () => {
  it('estimates what sequenceEntropy does: equal in expectation over all completions', () => {
    // Two tokens, two steps; the second distribution depends on the first token.
    const first = [0.25, 0.75];
    const second = [
      [0.5, 0.5],
      [0.1, 0.9],
    ];
    const h = (p: readonly number[]) => -sum(p.map((x) => x * Math.log(x)));
    let [chain, sampled] = [0, 0];
    for (const a of [0, 1]) {
      for (const b of [0, 1]) {
        const chance = first[a]! * second[a]![b]!;
        chain += chance * chainEntropy([[h(first), h(second[a]!)]]).sequence.mean;
        sampled +=
          chance * sequenceEntropy([[Math.log(first[a]!), Math.log(second[a]![b]!)]]).sequence.mean;
      }
    }
    expect(chain).toBeCloseTo(sampled, 14);
  });

  it('refuses what is no entropy', () => {
    expect(() => chainEntropy([[1, -1]])).toThrow(RangeError);
    expect(() => chainEntropy([[]])).toThrow(RangeError);
    expect(() => chainEntropy([[NaN]])).toThrow(RangeError);
  });
});

describe('positionEntropies', () => {
  it('adds up to sequenceEntropy for completions of one length', () => {
    const rows = fc
      .integer({ min: 1, max: 5 })
      .chain((t) =>
        fc.array(
          fc.array(fc.double({ min: -9, max: 0, noNaN: true }), { minLength: t, maxLength: t }),
          { minLength: 1, maxLength: 6 },
        ),
      );
    fc.assert(
      fc.property(rows, (logProbs) => {
        const positions = positionEntropies(logProbs);
        const total = sum(positions.map(({ mean }) => mean));
        expect(total).toBeCloseTo(sequenceEntropy(logProbs).sequence.mean, 11);
        expect(positions.every(({ n }) => n === logProbs.length)).toBe(true);
      }),
    );
  });

  it('counts only the completions that are long enough', () => {
    expect(positionEntropies([[-1], [-1, -3], []].slice(0, 2)).map(({ n }) => n)).toEqual([2, 1]);
    expect(() => positionEntropies([[-Infinity]])).toThrow(RangeError);
    expect(() => positionEntropies([])).toThrow(RangeError);
  });
});

describe('semanticEntropy', () => {
  it('is that of the counts for equal weights, 0 for one meaning, log n for all different', () => {
    fc.assert(
      fc.property(fc.array(fc.nat({ max: 3 }), { minLength: 1, maxLength: 12 }), (items) => {
        const { entropy, clusters, probabilities } = semanticEntropy(items, (a, b) => a === b);
        const shares = [...new Set(items)].map(
          (x) => items.filter((y) => y === x).length / items.length,
        );
        expect(entropy).toBeCloseTo(-sum(shares.map((p) => p * Math.log(p))), 12);
        expect(sum([...probabilities])).toBeCloseTo(1, 12);
        items.forEach((item, i) => expect(item).toBe(items[clusters.indexOf(clusters[i]!)]));
      }),
    );
    expect(semanticEntropy([1, 2], () => true).entropy).toBe(0);
    expect(semanticEntropy([1, 2, 3], () => false).entropy).toBeCloseTo(Math.log(3), 14);
  });

  it('weighs by probability, from any offset', () => {
    const logProbs = [Math.log(0.5), Math.log(0.25), Math.log(0.25)];
    const same = (a: string, b: string) => a === b;
    const { probabilities } = semanticEntropy(['x', 'y', 'x'], same, { logProbs });
    expect(probabilities[0]).toBeCloseTo(0.75, 14);
    const far = semanticEntropy(['x', 'y', 'x'], same, { logProbs: logProbs.map((l) => l - 5000) });
    expect(far.probabilities[0]).toBeCloseTo(0.75, 11);
    expect(() => semanticEntropy(['x'], same, { logProbs: [-Infinity] })).toThrow(RangeError);
    expect(() => semanticEntropy([], same)).toThrow(RangeError);
  });
});

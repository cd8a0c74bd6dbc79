import { passAtK } from '@cfrl/metrics';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

/** C(n, k) in exact integers. */
function choose(n: number, k: number): bigint {
  let value = 1n;
  for (let i = 0; i < k; i++) value = (value * BigInt(n - i)) / BigInt(i + 1);
  return k > n ? 0n : value;
}

const counts = fc
  .integer({ min: 1, max: 60 })
  .chain((n) =>
    fc.tuple(fc.constant(n), fc.integer({ min: 0, max: n }), fc.integer({ min: 1, max: n })),
  );

describe('passAtK', () => {
  it('equals 1 - C(n - c, k) / C(n, k) in exact integers', () => {
    fc.assert(
      fc.property(counts, ([n, c, k]) => {
        const scale = 10n ** 18n;
        const wrong = Number((choose(n - c, k) * scale) / choose(n, k)) / 1e18;
        expect(passAtK(n, c, k)).toBeCloseTo(1 - wrong, 13);
      }),
    );
  });

  it('equals the share of all k-subsets that hold a correct sample', () => {
    for (let n = 1; n <= 7; n++) {
      for (let c = 0; c <= n; c++) {
        for (let k = 1; k <= n; k++) {
          const subsets = Array.from({ length: 2 ** n }, (_, bits) => bits).filter(
            (bits) => [...bits.toString(2)].filter((bit) => bit === '1').length === k,
          );
          // The first c samples are the correct ones: the c lowest bits.
          const passed = subsets.filter((bits) => (bits & (2 ** c - 1)) !== 0);
          expect(passAtK(n, c, k)).toBeCloseTo(passed.length / subsets.length, 14);
        }
      }
    }
  });

  it('is c / n for one try, 0 for none correct, 1 for too few wrong ones, and grows with c and k', () => {
    fc.assert(
      fc.property(counts, ([n, c, k]) => {
        const value = passAtK(n, c, k);
        expect(passAtK(n, c, 1)).toBeCloseTo(c / n, 14);
        expect(passAtK(n, 0, k)).toBe(0);
        if (n - c < k) expect(value).toBe(1);
        if (c < n) expect(passAtK(n, c + 1, k)).toBeGreaterThanOrEqual(value - 1e-14);
        if (k < n) expect(passAtK(n, c, k + 1)).toBeGreaterThanOrEqual(value - 1e-14);
      }),
    );
  });

  it('does not overflow where factorials do', () => {
    // c = 1: k / n.
    expect(passAtK(100_000, 1, 1000)).toBeCloseTo(0.01, 14);
    // Without a wrong sample the factors run through C(2999, j), past the largest double.
    expect(passAtK(3000, 3000, 3000)).toBe(1);
    expect(passAtK(100_000, 99_999, 1)).toBeCloseTo(0.99999, 11);
  });

  it('rejects bad arguments', () => {
    expect(() => passAtK(0, 0, 1)).toThrowErrorMatchingInlineSnapshot(
      `[RangeError: passAtK: n is 0, expected an integer >= 1]`,
    );
    expect(() => passAtK(4, 5, 1)).toThrowErrorMatchingInlineSnapshot(
      `[RangeError: passAtK: c is 5, expected at most 4 (n)]`,
    );
    expect(() => passAtK(4, 1, 5)).toThrowErrorMatchingInlineSnapshot(
      `[RangeError: passAtK: k is 5, expected at most 4 (n); draw more samples]`,
    );
    expect(() => passAtK(4, 1.5, 1)).toThrow(RangeError);
    expect(() => passAtK(4, -1, 1)).toThrow(RangeError);
    expect(() => passAtK(4, 1, 0)).toThrow(RangeError);
    expect(() => passAtK(NaN, 1, 1)).toThrow(RangeError);
  });
});

import { distinctN, ngramEntropy, uniqueRatio } from '@cfrl/metrics';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { countNgrams } from './definitions.js';

const samples = fc.array(fc.array(fc.integer({ min: 0, max: 3 }), { maxLength: 8 }), {
  minLength: 1,
  maxLength: 6,
});

describe('distinctN', () => {
  it('equals the size of the set over the number of n-grams', () => {
    fc.assert(
      fc.property(samples, fc.integer({ min: 1, max: 4 }), (lists, n) => {
        const counts = lists.map((list) => countNgrams(list, n));
        const total = counts.flatMap((map) => [...map.values()]).reduce((a, b) => a + b, 0);
        fc.pre(total > 0);
        const different = new Set(counts.flatMap((map) => [...map.keys()]));
        const value = distinctN(lists, n);
        expect(value).toBe(different.size / total);
        expect(value).toBeGreaterThan(0);
        expect(value).toBeLessThanOrEqual(1);
      }),
    );
  });

  it('does not depend on the order of samples or the names of tokens, and halves when doubled', () => {
    fc.assert(
      fc.property(samples, (lists) => {
        fc.pre(lists.some((list) => list.length >= 2));
        const value = distinctN(lists, 2);
        expect(distinctN([...lists].reverse(), 2)).toBe(value);
        expect(
          distinctN(
            lists.map((list) => list.map((token) => `t${token}`)),
            2,
          ),
        ).toBe(value);
        expect(distinctN([...lists, ...lists], 2)).toBe(value / 2);
      }),
    );
  });

  it('counts what is frequent, and tokens of large numbers, in arrays of every type', () => {
    // 10,000 times 7, and each of 90,000 neighbours once.
    const frequent = new Int32Array(10_000).fill(7);
    const neighbours = Int32Array.from({ length: 90_000 }, (_, t) => t);
    const value = (p: number) => -p * Math.log(p);
    const all = [frequent, neighbours];
    for (const texts of [all, all.map((text) => Uint32Array.from(text)), all.map((t) => [...t])]) {
      expect(distinctN(texts, 1)).toBe(90_000 / 100_000);
      expect(distinctN(texts, 2)).toBe(90_000 / 99_998);
      expect(distinctN(texts, 3)).toBe(89_999 / 99_996);
      expect(ngramEntropy(texts, 1)).toBeCloseTo(value(0.10001) + 89_999 * value(1e-5), 10);
      expect(ngramEntropy(texts, 2)).toBeCloseTo(
        value(9999 / 99_998) + 89_999 * value(1 / 99_998),
        10,
      );
    }
  });

  it('tells tokens apart that are alike in 16 bits', () => {
    const text = Int32Array.from({ length: 40_000 }, (_, t) =>
      t % 2 === 0 ? 1 : (t % 4) * 32_768,
    );
    expect(distinctN([text], 1)).toBe(3 / 40_000);
    expect(distinctN([text], 2)).toBe(4 / 39_999);
  });

  it('does not count n-grams across two samples', () => {
    expect(distinctN(['a b', 'c d'], 2)).toBe(1);
    expect(() => distinctN(['a', 'b'], 2)).toThrowErrorMatchingInlineSnapshot(
      `[RangeError: distinctN: samples has no 2-gram, expected at least one sample of 2 tokens; lower n]`,
    );
  });

  it('takes words, or what the tokenizer makes', () => {
    expect(distinctN(['to be or not to be'], 1)).toBe(4 / 6);
    expect(distinctN(['aab'], 1, { tokenize: (text) => [...text] })).toBe(2 / 3);
  });

  it('rejects bad arguments', () => {
    expect(() => distinctN([], 1)).toThrow(RangeError);
    expect(() => distinctN([''], 1)).toThrow(RangeError);
    expect(() => distinctN(['a'], 0)).toThrowErrorMatchingInlineSnapshot(
      `[RangeError: distinctN: n is 0, expected an integer >= 1]`,
    );
    expect(() => distinctN([[NaN]], 1)).toThrow(RangeError);
  });
});

describe('uniqueRatio', () => {
  it('equals the size of the set over the number of samples', () => {
    fc.assert(
      fc.property(samples, (lists) => {
        const value = uniqueRatio(lists);
        expect(value).toBe(new Set(lists.map((list) => list.join())).size / lists.length);
        expect(value).toBeGreaterThanOrEqual(1 / lists.length);
        expect(value).toBeLessThanOrEqual(1);
      }),
    );
  });

  it('compares strings as they are, and tells them from lists', () => {
    expect(uniqueRatio(['a b', 'a  b', 'A b', 'a b'])).toBe(3 / 4);
    expect(uniqueRatio(['a', ['a'], [1], ['1']])).toBe(1);
    expect(uniqueRatio(['["a"]', ['a']])).toBe(1);
    expect(uniqueRatio([['a,b'], ['a', 'b']])).toBe(1);
    expect(uniqueRatio([[1, 2], Int32Array.of(1, 2)])).toBe(1 / 2);
    expect(uniqueRatio(['', '', []])).toBe(2 / 3);
  });

  it('rejects bad arguments', () => {
    expect(() => uniqueRatio([])).toThrowErrorMatchingInlineSnapshot(
      `[RangeError: uniqueRatio: samples has 0 entries, expected at least 1]`,
    );
    expect(() => uniqueRatio([[NaN]])).toThrow(RangeError);
    expect(() => uniqueRatio([null as unknown as string])).toThrowErrorMatchingInlineSnapshot(
      `[TypeError: uniqueRatio: samples[0] is object, expected a string or a list of tokens]`,
    );
  });
});

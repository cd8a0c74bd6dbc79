import type { NgramPrecision, Smoothing } from '@cfrl/metrics';
import { bleu, noSmoothing, smoothingMethod1 } from '@cfrl/metrics';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { bleuByDefinition } from './definitions.js';
import fixture from './fixtures/nltk-bleu.json' with { type: 'json' };

const smoothings: Record<string, Smoothing> = { noSmoothing, smoothingMethod1 };
const tokens = fc.array(fc.integer({ min: 0, max: 3 }), { maxLength: 10 });
const references = fc.array(tokens, { minLength: 1, maxLength: 4 });

describe('bleu', () => {
  it.each(fixture.bleu)(
    'equals NLTK: $smoothing, weights $weights, $candidate',
    ({ candidate, references: others, weights, smoothing, bleu: expected }) => {
      const options = { maxN: weights.length, weights, smoothing: smoothings[smoothing]! };
      expect(bleu(candidate, others, options)).toBeCloseTo(expected, 12);
    },
  );

  it('equals the definition', () => {
    fc.assert(
      fc.property(
        tokens,
        references,
        fc.integer({ min: 1, max: 5 }),
        fc.constantFrom(noSmoothing, smoothingMethod1),
        (candidate, others, maxN, smoothing) => {
          const weights = new Array<number>(maxN).fill(1 / maxN);
          expect(bleu(candidate, others, { maxN, smoothing })).toBeCloseTo(
            bleuByDefinition(candidate, others, weights, smoothing),
            12,
          );
        },
      ),
    );
  });

  it('lies in [0, 1], and does not depend on the order of references or the names of tokens', () => {
    fc.assert(
      fc.property(tokens, references, (candidate, others) => {
        const value = bleu(candidate, others);
        const rename = (list: number[]) => list.map((token) => ['x', 'y y', '', '"'][token]!);
        expect(value).toBeGreaterThanOrEqual(0);
        expect(value).toBeLessThanOrEqual(1);
        expect(bleu(candidate, [...others].reverse())).toBe(value);
        expect(bleu(rename(candidate), others.map(rename))).toBe(value);
      }),
    );
  });

  it('is exactly 1 for a candidate among its references, from maxN tokens on', () => {
    expect(bleu([1, 2, 3, 4], [[9], [1, 2, 3, 4]])).toBe(1);
    // One token less has no 4-gram: its precision is epsilon / 1, weighted by 1/4.
    expect(bleu([1, 2, 3], [[1, 2, 3]])).toBeCloseTo(0.1 ** 0.25, 14);
  });

  it('takes the closest reference length, and the shorter one on a tie', () => {
    const a = (length: number) => new Array<string>(length).fill('a');
    const options = { maxN: 1 };
    expect(bleu(a(12), [a(13), a(2)], options)).toBeCloseTo(Math.exp(1 - 13 / 12), 14);
    expect(bleu(a(12), [a(13), a(11)], options)).toBe(1);
    expect(bleu(a(12), [a(12), a(11)], options)).toBe(1);
  });

  it('clips a repeated word to the reference that has it most often', () => {
    const value = bleu('the the the the the the the', ['the cat is on the mat', 'the'], {
      maxN: 1,
    });
    expect(value).toBeCloseTo(2 / 7, 14);
  });

  it('tells the number 1 from the word 1, and grams apart that join to one string', () => {
    expect(bleu([1, 2], [['1', '2']])).toBe(0);
    expect(bleu(['a b', 'c'], [['a', 'b c']])).toBe(0);
  });

  it('splits strings at whitespace, or by the tokenizer that is passed', () => {
    expect(bleu(' a\tb\n c  d ', ['a b c d'])).toBe(1);
    expect(bleu('abcd', ['abcd'], { tokenize: (text) => [...text] })).toBe(1);
    expect(bleu('', ['a'])).toBe(0);
    expect(bleu('a', [''])).toBe(0);
  });

  it('takes typed arrays', () => {
    expect(bleu(Int32Array.of(1, 2, 3, 4), [Int32Array.of(1, 2, 3, 4)])).toBe(1);
  });

  it('ignores an order of weight 0 that has no match', () => {
    const options = { maxN: 2, weights: [1, 0], smoothing: noSmoothing };
    expect(bleu(['a', 'b'], [['b', 'a']], options)).toBe(1);
  });

  it('rejects bad arguments', () => {
    expect(() => bleu('a', [])).toThrowErrorMatchingInlineSnapshot(
      `[RangeError: bleu: references has 0 entries, expected at least 1]`,
    );
    expect(() => bleu(3 as unknown as string, ['a'])).toThrowErrorMatchingInlineSnapshot(
      `[TypeError: bleu: candidate is number, expected a string or a list of tokens]`,
    );
    expect(() => bleu('a', 'a' as unknown as string[])).toThrowErrorMatchingInlineSnapshot(
      `[TypeError: bleu: references is string, expected an array of texts]`,
    );
    expect(() => bleu([NaN], ['a'])).toThrowErrorMatchingInlineSnapshot(
      `[RangeError: bleu: candidate has NaN at token 0, expected a string or a finite number]`,
    );
    expect(() => bleu('a', ['a'], { maxN: 0 })).toThrowErrorMatchingInlineSnapshot(
      `[RangeError: bleu: maxN is 0, expected an integer >= 1]`,
    );
    expect(() => bleu('a', ['a'], { weights: [0.5, 0.5] })).toThrowErrorMatchingInlineSnapshot(
      `[RangeError: bleu: weights is [0.5, 0.5], expected maxN = 4 numbers >= 0 of sum 1]`,
    );
    expect(() =>
      bleu('a', ['a'], { maxN: 2, weights: [2, -1] }),
    ).toThrowErrorMatchingInlineSnapshot(
      `[RangeError: bleu: weights is [2, -1], expected maxN = 2 numbers >= 0 of sum 1]`,
    );
    expect(() =>
      bleu('a', ['a'], { smoothing: () => [NaN, 1, 1, 1] }),
    ).toThrowErrorMatchingInlineSnapshot(
      `[RangeError: bleu: smoothing returned [NaN, 1, 1, 1], expected 4 finite numbers >= 0]`,
    );
  });
});

describe('smoothing', () => {
  const precisions: NgramPrecision[] = [
    { matches: 4, total: 5 },
    { matches: 0, total: 4 },
  ];

  it('leaves matches as they are and gives 0 and epsilon to their absence', () => {
    expect(noSmoothing(precisions)).toEqual([0.8, 0]);
    expect(smoothingMethod1(precisions)).toEqual([0.8, 0.025]);
    expect(smoothingMethod1(precisions, 0.01)).toEqual([0.8, 0.0025]);
  });

  it('makes the whole score 0 without smoothing, and small with it', () => {
    expect(bleu('a b c d', ['d c b a'], { smoothing: noSmoothing })).toBe(0);
    // Precisions 4/4, 0.1/3, 0.1/2, 0.1/1.
    expect(bleu('a b c d', ['d c b a'])).toBeCloseTo((0.001 / 6) ** 0.25, 14);
  });
});

import type { Smoothing, Tokenize } from '@cfrl/metrics';
import {
  bleu,
  corpusBleu,
  intlTokens,
  mtevalTokens,
  noSmoothing,
  smoothingMethod1,
  smoothingMethod2,
  smoothingMethod3,
  splitAtWhitespace,
  splitCharacters,
} from '@cfrl/metrics';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import fixture from './fixtures/corpus-bleu.json' with { type: 'json' };

const tokenizers: Readonly<Record<string, Tokenize>> = {
  '13a': mtevalTokens,
  intl: intlTokens,
  char: splitCharacters,
  none: splitAtWhitespace,
};

const smoothings: Readonly<Record<string, (value: number | null) => Smoothing>> = {
  exp: () => smoothingMethod3,
  floor: (value) => (precisions) => smoothingMethod1(precisions, value!),
  'add-k': () => smoothingMethod2,
  none: () => noSmoothing,
};

const tokens = fc.array(fc.integer({ min: 0, max: 3 }), { maxLength: 9 });
const segments = fc.array(
  fc.record({ candidate: tokens, references: fc.array(tokens, { minLength: 1, maxLength: 3 }) }),
  { minLength: 1, maxLength: 6 },
);

describe('corpusBleu', () => {
  it.each(fixture.cases)('equals sacreBLEU: $length tokens', (given) => {
    const { candidates, references, scores } = given;
    for (const { tokenize, smoothing, value, bleu: expected, ...rest } of scores) {
      const options = {
        tokenize: tokenizers[tokenize]!,
        smoothing: smoothings[smoothing]!(value),
        ...rest,
      };
      const what = `${tokenize} ${smoothing} ${value}`;
      expect(corpusBleu(candidates, references, options).bleu, what).toBeCloseTo(expected, 12);
    }
    const whole = corpusBleu(candidates, references);
    expect(whole.bleu).toBeCloseTo(scores[0]!.bleu, 12);
    expect(whole.brevityPenalty).toBeCloseTo(given.brevityPenalty, 14);
    expect(whole.length).toBe(given.length);
    expect(whole.referenceLength).toBe(given.referenceLength);
    expect(whole.precisions).toEqual(
      given.counts.map(([matches, total]) => (total === 0 ? null : matches! / total!)),
    );
  });

  it('covers in those cases brevity, orders without a match and orders without an n-gram', () => {
    const { cases } = fixture;
    expect(cases.some((one) => one.brevityPenalty < 1)).toBe(true);
    expect(cases.some((one) => one.counts.some(([m, total]) => m === 0 && total! > 0))).toBe(true);
    expect(cases.some((one) => one.counts.some(([, total]) => total === 0))).toBe(true);
    expect(cases.some((one) => one.references.some((group) => group.length > 1))).toBe(true);
  });

  it('of one candidate long enough is its sentence BLEU', () => {
    fc.assert(
      fc.property(segments, ([one]) => {
        const candidate = [0, 1, 2, ...one!.candidate, 3];
        for (const smoothing of [noSmoothing, smoothingMethod3, smoothingMethod2]) {
          expect(corpusBleu([candidate], [one!.references], { smoothing }).bleu).toBeCloseTo(
            bleu(candidate, one!.references, { smoothing }),
            13,
          );
        }
      }),
    );
  });

  it('lies in [0, 1] and does not depend on the order of candidates', () => {
    fc.assert(
      fc.property(segments, (given) => {
        const of = (list: typeof given) =>
          corpusBleu(
            list.map(({ candidate }) => candidate),
            list.map(({ references }) => references),
          );
        const there = of(given);
        expect(there.bleu).toBeGreaterThanOrEqual(0);
        expect(there.bleu).toBeLessThanOrEqual(1);
        expect(of([...given].reverse())).toEqual(there);
      }),
    );
  });

  it('is no mean of sentences: counts are summed first', () => {
    const candidates = [
      [1, 2],
      [1, 2, 3, 4, 5, 6],
    ];
    const references = [[[1, 2]], [[1, 2, 3, 4, 5, 9]]];
    // 1-grams 7 of 8, 2-grams 5 of 6, 3-grams 3 of 4, 4-grams 2 of 3.
    const { bleu: score, precisions } = corpusBleu(candidates, references);
    expect(precisions).toEqual([7 / 8, 5 / 6, 3 / 4, 2 / 3]);
    expect(score).toBeCloseTo(((7 / 8) * (5 / 6) * (3 / 4) * (2 / 3)) ** 0.25, 14);
  });

  it('leaves white space at the end of a string out, as sacreBLEU does', () => {
    const tokenize = intlTokens;
    const references = [['it was 12.'], ['yes it was 12.']];
    const both = corpusBleu(['it was 12. \n', 'yes it was 12.'], references, { tokenize });
    expect(both.bleu).toBe(1);
  });

  it.each<[string, () => unknown, string]>([
    ['no candidate', () => corpusBleu([], []), 'corpusBleu: candidates has 0 entries'],
    [
      'one list of references',
      () => corpusBleu(['a b'], ['a b'] as never),
      'references[0] is string',
    ],
    [
      'the references by number, as sacreBLEU has them',
      () => corpusBleu(['a', 'b', 'c'], [['a', 'b', 'c']]),
      'corpusBleu: references has 1 entries, expected 3 (one for each of candidates)',
    ],
    ['a candidate without reference', () => corpusBleu(['a'], [[]]), 'references[0] has 0 entries'],
    ['one string', () => corpusBleu('a' as never, [['a']]), 'candidates is string'],
    ['a third list', () => corpusBleu(['a'], [['a']], ['a'] as never), 'options is a list'],
    ['another name', () => corpusBleu(['a'], [['a']], { n: 2 } as never), 'options has "n"'],
  ])('refuses %s', (_, call, message) => {
    expect(call).toThrow(message);
  });
});

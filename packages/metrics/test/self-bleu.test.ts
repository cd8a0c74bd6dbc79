import type { Smoothing } from '@cfrl/metrics';
import { bleu, noSmoothing, selfBleu, smoothingMethod1 } from '@cfrl/metrics';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { bleuByDefinition } from './definitions.js';
import fixture from './fixtures/nltk-bleu.json' with { type: 'json' };

const texts = fc.array(fc.array(fc.integer({ min: 0, max: 3 }), { maxLength: 9 }), {
  minLength: 2,
  maxLength: 7,
});

describe('selfBleu', () => {
  it('equals the quadratic definition', () => {
    fc.assert(
      fc.property(
        texts,
        fc.integer({ min: 1, max: 5 }),
        fc.constantFrom<Smoothing>(noSmoothing, smoothingMethod1),
        (samples, maxN, smoothing) => {
          const weights = new Array<number>(maxN).fill(1 / maxN);
          const { mean, perSample } = selfBleu(samples, { maxN, smoothing });
          const slow = samples.map((sample, i) =>
            bleuByDefinition(
              sample,
              samples.filter((_, j) => j !== i),
              weights,
              smoothing,
            ),
          );
          slow.forEach((score, i) => expect(perSample[i]).toBeCloseTo(score, 12));
          const slowMean = slow.reduce((sum, score) => sum + score, 0) / slow.length;
          expect(mean).toBeCloseTo(slowMean, 12);
        },
      ),
      { numRuns: 500 },
    );
  });

  it.each(fixture.selfBleu)('equals the loop over NLTK: maxN $maxN, $texts', (expected) => {
    const { perSample } = selfBleu(expected.texts, { maxN: expected.maxN });
    expect(perSample).toHaveLength(expected.perSample.length);
    expected.perSample.forEach((score, i) => expect(perSample[i]).toBeCloseTo(score, 12));
  });

  it('equals bleu of each text against the others, exactly', () => {
    fc.assert(
      fc.property(texts, (samples) => {
        expect(selfBleu(samples).perSample).toEqual(
          samples.map((sample, i) =>
            bleu(
              sample,
              samples.filter((_, j) => j !== i),
            ),
          ),
        );
      }),
    );
  });

  it('moves with its texts, and does not depend on the names of tokens', () => {
    fc.assert(
      fc.property(texts, (samples) => {
        const { perSample } = selfBleu(samples);
        expect(selfBleu([...samples].reverse()).perSample).toEqual([...perSample].reverse());
        const renamed = samples.map((sample) => sample.map((token) => `w${3 - token}`).join(' '));
        expect(selfBleu(renamed).perSample).toEqual(perSample);
      }),
    );
  });

  it('does not fall when a copy of a text joins', () => {
    fc.assert(
      fc.property(texts, (samples) => {
        const before = selfBleu(samples, { maxN: 2 }).perSample;
        const after = selfBleu([...samples, samples[0]!], { maxN: 2 }).perSample;
        expect(after[0]).toBeGreaterThanOrEqual(before[0]! - 1e-12);
      }),
    );
  });

  it('is 1 for equal texts and 0 for texts without a common token', () => {
    expect(selfBleu(['a b c d e', 'a b c d e', 'a b c d e'])).toEqual({
      mean: 1,
      perSample: [1, 1, 1],
    });
    expect(selfBleu(['a b c d', 'e f g h', 'i j k l']).mean).toBe(0);
  });

  it('gives 0 to empty texts among others', () => {
    expect(selfBleu(['', 'a b c d', 'a b c d']).perSample).toEqual([0, 1, 1]);
    expect(selfBleu(['', '']).mean).toBe(0);
  });

  it('leaves its input alone', () => {
    const samples = [
      [1, 2, 1],
      [2, 1, 2],
    ];
    selfBleu(samples);
    expect(samples).toEqual([
      [1, 2, 1],
      [2, 1, 2],
    ]);
  });

  it('rejects bad arguments', () => {
    expect(() => selfBleu([])).toThrowErrorMatchingInlineSnapshot(
      `[RangeError: selfBleu: texts has 0 entries, expected at least 2]`,
    );
    expect(() => selfBleu(['a b'])).toThrowErrorMatchingInlineSnapshot(
      `[RangeError: selfBleu: texts has 1 entries, expected at least 2]`,
    );
    expect(() => selfBleu(['a', [1, Infinity]])).toThrowErrorMatchingInlineSnapshot(
      `[RangeError: selfBleu: texts[1] has Infinity at token 1, expected a string or a finite number]`,
    );
    expect(() => selfBleu(['a', 'b'], { maxN: 1.5 })).toThrowErrorMatchingInlineSnapshot(
      `[RangeError: selfBleu: maxN is 1.5, expected an integer >= 1]`,
    );
    expect(() => selfBleu('a b' as unknown as string[])).toThrowErrorMatchingInlineSnapshot(
      `[TypeError: selfBleu: texts is string, expected an array of texts]`,
    );
  });
});

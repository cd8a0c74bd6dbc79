import { gzipSync } from 'node:zlib';

import {
  compressionRatio,
  editDistance,
  editDiversity,
  jaccardDiversity,
  rougeL,
  selfRougeL,
  splitCharacters,
} from '@cfrl/metrics';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import fixture from './fixtures/similarity.json' with { type: 'json' };

const tokens = fc.array(fc.nat({ max: 3 }), { maxLength: 12 });
// Longer than a word of 32 bits, and than two.
const long = fc.array(fc.nat({ max: 2 }), { minLength: 25, maxLength: 80 });
const either = fc.oneof(tokens, long);
const texts = fc.array(tokens, { minLength: 2, maxLength: 6 });

/** Both tables by dynamic programming, cell by cell. */
function tables(a: readonly number[], b: readonly number[]): { edits: number; common: number } {
  const edits = a.map(() => b.map(() => 0));
  const common = a.map(() => b.map(() => 0));
  const edit = (i: number, j: number) => (i < 0 || j < 0 ? Math.max(i, j) + 1 : edits[i]![j]!);
  const shared = (i: number, j: number) => (i < 0 || j < 0 ? 0 : common[i]![j]!);
  a.forEach((x, i) =>
    b.forEach((y, j) => {
      edits[i]![j] = Math.min(
        edit(i - 1, j) + 1,
        edit(i, j - 1) + 1,
        edit(i - 1, j - 1) + (x === y ? 0 : 1),
      );
      common[i]![j] =
        x === y ? shared(i - 1, j - 1) + 1 : Math.max(shared(i - 1, j), shared(i, j - 1));
    }),
  );
  return { edits: edit(a.length - 1, b.length - 1), common: shared(a.length - 1, b.length - 1) };
}

const pairsOf = <T>(list: readonly T[]): [T, T][] =>
  list.flatMap((a, i) => list.slice(0, i).map((b): [T, T] => [a, b]));
const meanOf = (values: readonly number[]) => values.reduce((a, b) => a + b, 0) / values.length;

describe('editDistance', () => {
  it.each(fixture.pairs)('equals NLTK: $a / $b', ({ a, b, ...expected }) => {
    expect(editDistance(a, b)).toBe(expected.editDistance);
    expect(editDistance(a, b, { tokenize: splitCharacters })).toBe(expected.characterDistance);
  });

  it('equals the table of all prefixes, within and beyond a machine word', () => {
    fc.assert(
      fc.property(either, either, (a, b) => {
        expect(editDistance(a, b)).toBe(tables(a, b).edits);
      }),
      { numRuns: 400 },
    );
  });

  it('is a metric', () => {
    fc.assert(
      fc.property(tokens, tokens, tokens, (a, b, c) => {
        expect(editDistance(a, a)).toBe(0);
        expect(editDistance(a, b)).toBe(editDistance(b, a));
        expect(editDistance(a, c)).toBeLessThanOrEqual(editDistance(a, b) + editDistance(b, c));
      }),
    );
    expect(() => editDistance([NaN], [])).toThrow(RangeError);
  });
});

describe('editDiversity', () => {
  it('equals the mean over pairs, in [0, 1], 0 for equal texts', () => {
    fc.assert(
      fc.property(texts, (list) => {
        const shares = pairsOf(list).map(([a, b]) =>
          a.length + b.length === 0 ? 0 : tables(a, b).edits / Math.max(a.length, b.length),
        );
        expect(editDiversity(list)).toBeCloseTo(meanOf(shares), 13);
        expect(editDiversity([...list].reverse())).toBeCloseTo(meanOf(shares), 13);
      }),
    );
    expect(editDiversity(['', ''])).toBe(0);
    expect(() => editDiversity(['a'])).toThrow(RangeError);
  });
});

describe('jaccardDiversity', () => {
  it.each(fixture.pairs)('equals NLTK: $a / $b', ({ a, b, jaccardDistance }) => {
    expect(jaccardDiversity([a, b], 1)).toBeCloseTo(jaccardDistance, 14);
  });

  it('equals the mean over pairs of sets of n-grams', () => {
    fc.assert(
      fc.property(texts, fc.integer({ min: 1, max: 3 }), (list, n) => {
        const grams = (text: number[]) =>
          new Set(text.slice(n - 1).map((_, t) => text.slice(t, t + n).join()));
        const overlaps = pairsOf(list.map(grams)).map(([a, b]) => {
          const either = new Set([...a, ...b]).size;
          return either === 0 ? 1 : (a.size + b.size - either) / either;
        });
        expect(jaccardDiversity(list, n)).toBeCloseTo(1 - meanOf(overlaps), 13);
      }),
    );
    expect(() => jaccardDiversity(['a', 'b'], 0)).toThrow(RangeError);
  });
});

describe('rougeL', () => {
  it.each(fixture.pairs)('equals rouge-score: $a / $b', ({ a, b, rougeL: expected }) => {
    expect(rougeL(a, b)).toBeCloseTo(expected, 14);
  });

  it('equals the F1 from the table of all prefixes', () => {
    fc.assert(
      fc.property(either, either, (a, b) => {
        const { common } = tables(a, b);
        const expected = common === 0 ? 0 : (2 * common) / (a.length + b.length);
        expect(rougeL(a, b)).toBeCloseTo(expected, 14);
        expect(rougeL(b, a)).toBe(rougeL(a, b));
      }),
      { numRuns: 400 },
    );
  });
});

describe('selfRougeL', () => {
  it.each(fixture.groups)('equals rouge-score against the best of the others', (expected) => {
    const { perSample } = selfRougeL(expected.texts);
    expected.rougeL.forEach((score, i) => expect(perSample[i]).toBeCloseTo(score, 14));
  });

  it('is the best, and the mean, over pairs', () => {
    fc.assert(
      fc.property(texts, (list) => {
        const { mean, perSample, pairwise } = selfRougeL(list);
        const others = (i: number) =>
          list.filter((_, j) => j !== i).map((b) => rougeL(list[i]!, b));
        list.forEach((_, i) => expect(perSample[i]).toBe(Math.max(...others(i))));
        expect(mean).toBeCloseTo(meanOf([...perSample]), 13);
        expect(pairwise).toBeCloseTo(meanOf(list.flatMap((_, i) => others(i))), 13);
      }),
    );
    expect(() => selfRougeL(['a'])).toThrow(RangeError);
  });
});

describe('compressionRatio', () => {
  it('equals the bytes before over the bytes after, with the compressor that is passed', async () => {
    const list = ['\u00e9t\u00e9', 'the same again', 'the same again'];
    const bytes = Buffer.from(list.join('\n'));
    const compress = (data: Uint8Array) => gzipSync(data, { level: 9 }).length;
    expect(await compressionRatio(list, { compress })).toBe(bytes.length / compress(bytes));
    // The platform's own compressor, at its level.
    expect(await compressionRatio(list)).toBe(bytes.length / gzipSync(bytes).length);
  });

  it('grows with repetition, and refuses what is no text', async () => {
    const once = Array.from({ length: 200 }, (_, i) => `line ${(i * 7919) % 1000}`);
    expect(await compressionRatio(new Array<string>(200).fill(once[0]!))).toBeGreaterThan(
      await compressionRatio(once),
    );
    await expect(compressionRatio([])).rejects.toThrow(RangeError);
    await expect(compressionRatio([''])).rejects.toThrowErrorMatchingInlineSnapshot(
      `[RangeError: compressionRatio: bytes of texts has 0 entries, expected at least 1]`,
    );
    await expect(compressionRatio([1 as unknown as string])).rejects.toThrow(TypeError);
  });
});

import { layoutOf, padRows, padCompletions, unpadRows } from '@cfrl/rl';
import * as tf from '@tensorflow/tfjs-core';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

const tokens = fc.array(fc.integer({ min: 0, max: 50_000 }), { minLength: 1, maxLength: 5 });
const sequences = fc.array(fc.record({ promptTokens: tokens, tokens }), {
  minLength: 1,
  maxLength: 5,
});

describe('padCompletions', () => {
  it('shows the policy every prefix, and asks it for every completion token once', () => {
    fc.assert(
      fc.property(sequences, (all) => {
        tf.tidy(() => {
          const batch = padCompletions(all, 49);
          const input = batch.tokens.arraySync();
          const seen = batch.attentionMask.arraySync();
          const targets = batch.targets.arraySync();
          const mask = batch.mask.arraySync();
          const asked = all.map((): { prefix: number[]; target: number }[] => []);
          mask.forEach((row, i) =>
            row.forEach((flag, t) => {
              if (!flag) return;
              const upTo = batch.layout.start + t + 1;
              expect(seen[i]!.slice(0, upTo)).not.toContain(0);
              asked[i]!.push({ prefix: input[i]!.slice(0, upTo), target: targets[i]![t]! });
            }),
          );
          all.forEach(({ promptTokens, tokens: completion }, i) => {
            expect(asked[i]).toEqual(
              completion.map((target, l) => ({
                prefix: [...promptTokens, ...completion.slice(0, l)],
                target,
              })),
            );
            const length = promptTokens.length + completion.length - 1;
            expect(seen[i]).toEqual(input[i]!.map((_, t) => (t < length ? 1 : 0)));
            expect(input[i]!.slice(length).every((token) => token === 49)).toBe(true);
          });
        });
      }),
    );
  });

  it('is no wider than the longest sequence, and its window begins with the shortest prompt', () => {
    tf.tidy(() => {
      const batch = padCompletions(
        [
          { promptTokens: [1, 2, 3], tokens: [4, 5] },
          { promptTokens: [6, 7], tokens: [8, 9] },
        ],
        0,
      );
      expect(batch.tokens.shape).toEqual([2, 4]);
      expect(batch.layout).toEqual({ start: 1, width: 3, offsets: [1, 0], lengths: [2, 2] });
      expect([batch.tokens.dtype, batch.targets.dtype, batch.mask.dtype]).toEqual([
        'int32',
        'int32',
        'bool',
      ]);
    });
  });

  it('refuses what has nothing to score', () => {
    expect(() => padCompletions([], 0)).toThrow(
      'layoutOf: sequences is empty, expected at least 1',
    );
    expect(() => padCompletions([{ promptTokens: [], tokens: [1] }], 0)).toThrow(
      'sequence 0 has 0 prompt tokens and 1 completion tokens, expected at least 1 of each',
    );
    expect(() => padCompletions([{ promptTokens: [1], tokens: [] }], 0)).toThrow(RangeError);
  });
});

describe('padRows', () => {
  it('puts the numbers where the mask is, zeros elsewhere, and unpadRows takes them out again', () => {
    fc.assert(
      fc.property(sequences, (all) => {
        tf.tidy(() => {
          const batch = padCompletions(all, 0);
          const rows = all.map((sequence) => sequence.tokens.map((token) => token + 0.5));
          const padded = padRows(rows, batch.layout);
          expect(unpadRows(padded.dataSync(), batch.layout)).toEqual(rows);
          const mask = Array.from(batch.mask.dataSync());
          expect(Array.from(padded.dataSync(), (x) => (x === 0 ? 0 : 1))).toEqual(mask);
        });
      }),
    );
  });

  it('refuses rows of another length', () => {
    const layout = layoutOf([{ promptTokens: [1], tokens: [2, 3] }]);
    expect(() => padRows([[1]], layout)).toThrow('padRows: row 0 has 1 entries, expected 2');
    expect(() => padRows([], layout)).toThrow('padRows: row 0 has no entries, expected 2');
  });
});

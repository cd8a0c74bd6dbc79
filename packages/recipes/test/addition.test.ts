import { addition } from '@cfrl/recipes';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

describe('addition', () => {
  it('holds every problem once, in one of the two parts, with the right answer', () => {
    fc.assert(
      fc.property(fc.constantFrom(1, 2), fc.nat(1000), (digits, seed) => {
        const { train, heldOut, reward } = addition({ digits, heldOut: 40, seed });
        const all = [...train, ...heldOut];
        expect(heldOut.length).toBe(40);
        expect(new Set(all.map(({ prompt }) => prompt)).size).toBe(100 ** digits);
        for (const problem of all) {
          const [a, b] = problem.prompt.slice(0, -1).split('+').map(Number);
          expect(problem.answer).toBe(String(a! + b!).padStart(digits + 1, '0'));
          expect(reward(problem.answer, problem)).toBe(1);
          expect(reward(`${problem.answer}0`, problem)).toBe(0);
          expect(reward('', problem)).toBe(0);
        }
      }),
      { numRuns: 6 },
    );
  });

  it('refuses sizes that leave nothing to train on', () => {
    expect(() => addition({ digits: 1, heldOut: 100 })).toThrow(
      'addition: heldOut is 100, expected a number in [1, 99]',
    );
    expect(() => addition({ digits: 0 })).toThrow('addition: digits is 0');
  });
});

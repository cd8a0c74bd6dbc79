import { groupNormalize, leaveOneOut, meanBaseline, whiten } from '@cfrl/rl';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

const rewards = fc.array(fc.double({ min: -50, max: 50, noNaN: true }), {
  minLength: 2,
  maxLength: 12,
});
const all = { meanBaseline, leaveOneOut, groupNormalize, whiten };

const meanOf = (xs: readonly number[]): number => xs.reduce((a, b) => a + b, 0) / xs.length;
const stdOf = (xs: readonly number[]): number =>
  Math.sqrt(xs.reduce((sum, x) => sum + (x - meanOf(xs)) ** 2, 0) / (xs.length - 1));

describe.each(Object.entries(all))('%s', (name, advantage) => {
  it('sums to zero', () => {
    fc.assert(
      fc.property(rewards, (r) => {
        const scale = Math.max(1, ...advantage(r).map(Math.abs));
        expect(advantage(r).reduce((a, b) => a + b, 0) / scale).toBeCloseTo(0, 6);
      }),
    );
  });

  it('is exactly zero where all rewards are equal', () => {
    fc.assert(
      fc.property(fc.double({ noNaN: true, min: -1e6, max: 1e6 }), fc.nat(9), (r, n) => {
        expect(advantage(new Array<number>(n + 2).fill(r)).every((a) => a === 0)).toBe(true);
      }),
    );
  });

  it('does not change when a constant is added to the rewards', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: -9, max: 9 }), { minLength: 2 }),
        fc.integer(),
        (r, c) => {
          expect(advantage(r.map((x) => x + c))).toEqual(
            advantage(r).map((a) => expect.closeTo(a, 6)),
          );
        },
      ),
    );
  });

  it('follows the rewards when they are permuted', () => {
    const r = [3, -1, 4, 1, 5];
    const order = [4, 2, 0, 1, 3];
    const permuted = advantage(order.map((i) => r[i]!));
    order.forEach((from, to) => expect(permuted[to]).toBeCloseTo(advantage(r)[from]!, 12));
  });

  it('leaves its argument as it is, gives one number 0, and refuses none and numbers that are not finite', () => {
    const r = Object.freeze([1, 2, 3]);
    advantage(r);
    expect(advantage([7])).toEqual([0]);
    expect(() => advantage([])).toThrow(RangeError);
    expect(() => advantage([1, NaN])).toThrow(`${name}: `);
    expect(() => advantage([1, Infinity])).toThrow('[1] is Infinity, expected a finite number');
  });
});

describe('meanBaseline', () => {
  it('is the reward minus the mean', () => {
    fc.assert(
      fc.property(rewards, (r) => {
        meanBaseline(r).forEach((a, i) => expect(a).toBeCloseTo(r[i]! - meanOf(r), 9));
      }),
    );
  });
});

describe('leaveOneOut', () => {
  it('is the reward minus the mean of the others', () => {
    fc.assert(
      fc.property(rewards, (r) => {
        leaveOneOut(r).forEach((a, i) => {
          const others = r.filter((_, j) => j !== i);
          expect(a).toBeCloseTo(r[i]! - meanOf(others), 9);
        });
      }),
    );
  });
});

describe('groupNormalize', () => {
  it('divides by the unbiased standard deviation plus 1e-4', () => {
    fc.assert(
      fc.property(rewards, (r) => {
        groupNormalize(r).forEach((a, i) =>
          expect(a).toBeCloseTo((r[i]! - meanOf(r)) / (stdOf(r) + 1e-4), 6),
        );
      }),
    );
  });

  it('stays small where rewards differ by much less than 1e-4', () => {
    expect(groupNormalize([0, 1e-9])[1]).toBeCloseTo(5e-6, 8);
  });
});

describe('whiten', () => {
  it('has the unbiased standard deviation 1', () => {
    expect(stdOf(whiten([4, 8, -3, 1.5]))).toBeCloseTo(1, 7);
    expect(whiten([0, 1e-9])[1]).toBeCloseTo(0.5e-9 / (Math.SQRT1_2 * 1e-9 + 1e-8), 9);
  });
});

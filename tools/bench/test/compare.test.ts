import { describe, expect, it } from 'vitest';

import { type Compare, absolute, disagreement, greedy, relative } from '../src/compare.js';

const compare: Compare = (ours, theirs) =>
  [absolute('a', 0.1), relative('b', 0.1)].flatMap((each) => each(ours, theirs));

describe('compare', () => {
  it('takes the largest difference of each quantity', () => {
    const differences = compare({ a: [1, 2], b: [10] }, { a: [1.5, 2.25], b: [8] });
    expect(differences.map(({ difference }) => difference)).toEqual([0.5, 0.25]);
  });

  it('accepts what is equal, and names what is not', () => {
    expect(disagreement(compare({ a: [1], b: [0] }, { a: [1.05], b: [0] }))).toBeUndefined();
    expect(disagreement(compare({ a: [1], b: [10] }, { a: [1], b: [8] }))).toMatchInlineSnapshot(
      `"the two do not compute the same: b (relative) is 0.250 apart, expected at most 0.1"`,
    );
  });

  it('counts NaN as different', () => {
    expect(disagreement(absolute('a', 1)({ a: [NaN] }, { a: [NaN] }))).toBeDefined();
  });

  it('refuses quantities that one side lacks', () => {
    expect(() => compare({ a: [1] }, { a: [1, 2] })).toThrowErrorMatchingInlineSnapshot(
      `[RangeError: compare: a has 1 numbers of ours and 2 of theirs, expected as many of both; let the two programs of the row return the same quantities]`,
    );
    expect(() => compare({}, {})).toThrow('a has 0 numbers');
  });
});

describe('greedy', () => {
  const ours = { tokens: [1, 2, 3, 4], logProbs: [-1, -2, -3, -4] };

  it('compares the log-probabilities of the completions that agree', () => {
    const theirs = { tokens: [1, 2, 3, 5], logProbs: [-1, -2.5, -3, -9] };
    const [share, gap] = greedy(2, 0.1, 0.1)(ours, theirs);
    expect([share!.difference, gap!.difference]).toEqual([0.5, 0.5]);
  });

  it('finds nothing between equal ones', () => {
    expect(greedy(2, 0, 0)(ours, ours).map(({ difference }) => difference)).toEqual([0, 0]);
  });
});

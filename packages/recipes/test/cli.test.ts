import { describe, expect, it } from 'vitest';

import { etaEstimator, formatSeconds } from '../src/cli/progress.js';
import { textTable, wrapText } from '../src/cli/summary.js';

describe('what the command line prints', () => {
  it('puts tables into columns', () => {
    expect(
      textTable([
        ['', 'before', 'after'],
        ['Reward', '0.1', '0.25'],
      ]),
    ).toBe('         before   after\nReward      0.1    0.25');
  });

  it('breaks text between words, and never inside one', () => {
    expect(wrapText('one two three incomprehensibilities', 9)).toBe(
      'one two\nthree\nincomprehensibilities',
    );
  });

  it('says times in words', () => {
    expect([0.4, 59.4, 60, 125].map(formatSeconds)).toEqual([
      '0 s',
      '59 s',
      '1 min 00 s',
      '2 min 05 s',
    ]);
  });

  it('estimates the time left from what this process has done, not from what was done before', () => {
    let now = 0;
    const left = etaEstimator(() => now);
    expect(left(0.5)).toBeUndefined();
    now = 10_000;
    expect(left(0.75)).toBe(10); // a quarter took 10 s, and a quarter is left
  });
});

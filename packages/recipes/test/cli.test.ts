import { describe, expect, it } from 'vitest';

import { etaEstimator, formatSeconds } from '../src/cli/progress.js';
import { terminalSummary, textTable, wrapText } from '../src/cli/summary.js';
import { fasterCfrl, noisyArms, syntheticInput } from './support/report-records.js';

describe('what the command line prints', () => {
  it('puts tables into columns', () => {
    expect(
      textTable([
        ['', 'before', 'after'],
        ['Reward', '0.1', '0.25'],
      ]),
    ).toBe('         before   after\nReward      0.1    0.25');
  });

  it.each([
    ['clear', fasterCfrl()],
    ['noisy', noisyArms()],
  ])('fits 80 columns with every number, and has one table where there is room: %s', (_, arms) => {
    const input = syntheticInput(arms);
    const [narrow, wide] = [terminalSummary(input), terminalSummary(input, 200)];
    for (const line of narrow.split('\n')) expect(line.length, line).toBeLessThanOrEqual(80);
    const numbers = (text: string) =>
      text
        .slice(0, text.indexOf('Means'))
        .match(/[\d.,−]+ \[[^\]]*\]/g)!
        .sort();
    expect(numbers(narrow)).toEqual(numbers(wide));
    expect(numbers(wide)).toHaveLength(28);
    expect(wide.split('\n')[0]).toMatch(/CF-RL: before +after +standard RL: before +after/);
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

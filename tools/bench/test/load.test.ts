import { describe, expect, it } from 'vitest';

import { othersShare, parsePeak, parseTicks, refusal } from '../src/machine.js';

const stat = (user: number, idle: number): string =>
  `cpu  ${user} 0 10 ${idle} 5 0 0 0 7 0\ncpu0 1 0 0 0 0 0 0 0 0 0\nintr 1\n`;

describe('parseTicks', () => {
  it('adds all processors up, guests once', () => {
    expect(parseTicks(stat(100, 85))).toEqual({ total: 200, idle: 90 });
  });

  it('says nothing of another text', () => {
    expect(parseTicks('')).toBeUndefined();
  });
});

describe('othersShare of nothing', () => {
  it('is the share of time that was not idle', () => {
    const [before, after] = [parseTicks(stat(100, 85))!, parseTicks(stat(150, 235))!];
    expect(othersShare(0, before, after)).toBe(0.25);
    expect(othersShare(0, after, after)).toBeUndefined();
  });
});

describe('othersShare', () => {
  it('is what is busy without our own share', () => {
    const [before, after] = [
      { total: 0, idle: 0 },
      { total: 200, idle: 20 },
    ];
    expect(othersShare(0.5, before, after)).toBeCloseTo(0.4);
    expect(othersShare(1, before, after)).toBe(0);
  });
});

describe('refusal', () => {
  it('lets a free machine measure, whatever the load average remembers', () => {
    expect(refusal({ busy: 0.05, average: 9, cores: 2 })).toBeUndefined();
    expect(refusal({ average: 0.1, cores: 2 })).toBeUndefined();
  });

  it('refuses a busy one', () => {
    expect(refusal({ busy: 0.5, average: 0, cores: 2 })).toMatchInlineSnapshot(
      `"bench: the processors are 50 % busy, expected at most 15 %; end what else is running, or measure all the same with --force"`,
    );
    expect(refusal({ average: 1, cores: 2 })).toMatchInlineSnapshot(
      `"bench: the load average is 1.00 on 2 processors (50 %), expected at most 15 %; end what else is running, or measure all the same with --force"`,
    );
  });
});

describe('parsePeak', () => {
  it('reads the line of the largest resident size', () => {
    expect(parsePeak('VmPeak:\t  9 kB\nVmHWM:\t    2048 kB\nVmRSS:\t 1 kB\n')).toBe(2);
    expect(parsePeak('')).toBeUndefined();
  });
});

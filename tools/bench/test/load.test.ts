import { describe, expect, it } from 'vitest';

import { othersShare, parsePeak, refusal, watchOthers } from '../src/machine.js';

describe('othersShare', () => {
  it('is what is busy without our own share', () => {
    expect(othersShare(0, 150, 200)).toBe(0.25);
    expect(othersShare(100, 20, 200)).toBeCloseTo(0.4);
    expect(othersShare(200, 20, 200)).toBe(0);
  });
});

describe('watchOthers', () => {
  it('gives a share, and nothing where all time was our own', async () => {
    const stop = watchOthers();
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(stop(0)).toBeLessThanOrEqual(1);
    expect(stop(1e6)).toBe(0);
  });
});

describe('refusal', () => {
  it('lets a free machine measure', () => {
    expect(refusal({ busy: 0.05, cores: 2 })).toBeUndefined();
  });

  it('refuses a busy one', () => {
    expect(refusal({ busy: 0.5, cores: 2 })).toMatchInlineSnapshot(
      `"bench: the processors are 50 % busy, expected at most 15 %; end what else is running, or measure all the same with --force"`,
    );
  });
});

describe('parsePeak', () => {
  it('reads the line of the largest resident size', () => {
    expect(parsePeak('VmPeak:\t  9 kB\nVmHWM:\t    2048 kB\nVmRSS:\t 1 kB\n')).toBe(2);
    expect(parsePeak('')).toBeUndefined();
  });
});

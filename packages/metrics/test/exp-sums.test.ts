import { watToBase64 } from '@cfrl/testkit';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { expSums, instantiate, sumsInKernel, sumsInScript } from '../src/confidence/exp-sums.js';

describe('expSums', () => {
  it('has the bytes of its source (vitest -u writes them anew)', async () => {
    const bytes = await watToBase64(new URL('../src/confidence/exp-sums.wat', import.meta.url));
    await expect(
      `/** Made from exp-sums.wat by test/exp-sums.test.ts. */\nexport default ${bytes};\n`,
    ).toMatchFileSnapshot('../src/confidence/exp-sums.wasm.ts');
  });

  const rows = fc
    .tuple(
      fc.array(fc.float({ min: -300, max: 300, noNaN: true }), { minLength: 1, maxLength: 40 }),
      fc.integer({ min: 64, max: 300 }),
      fc.float({ min: Math.fround(1e-3), max: 1, noNaN: true }),
    )
    // Repeated, so that there are ties, and long enough for the kernel.
    .map(([values, count, scale]) =>
      Float32Array.from({ length: count }, (_, v) => values[v % values.length]! * scale),
    );

  it('is equal bit for bit with and without WebAssembly', () => {
    fc.assert(
      fc.property(rows, fc.nat(20), (row, start) => {
        const placed = new Float32Array(row.length + start + 3).fill(1e9);
        placed.set(row, start);
        expect(expSums(placed, start, start + row.length)).toEqual(
          sumsInScript(placed, start, start + row.length),
        );
        const kernel = instantiate();
        expect(kernel).not.toBeNull();
        expect(sumsInKernel(kernel!, row, 0)).toEqual(sumsInScript(Array.from(row), 0, row.length));
      }),
    );
  });

  it('is the sum of exponentials, one largest entry left out', () => {
    fc.assert(
      fc.property(rows, (row) => {
        const { max, argmax, rest, weighted } = expSums(row, 0, row.length);
        expect(max).toBe(Math.max(...row));
        expect(argmax).toBe(row.indexOf(max));
        const gaps = Array.from(row, (z) => max - z).filter((_, v) => v !== argmax);
        const sum = gaps.reduce((total, gap) => total + Math.exp(-gap), 0);
        const sum2 = gaps.reduce((total, gap) => total + Math.exp(-gap) * gap, 0);
        // A gap in steps is rounded, its factor is, and so is each addition.
        const tolerance = (row.length + 2 * Math.max(0, ...gaps)) * Number.EPSILON;
        expect(Math.abs(rest - sum)).toBeLessThanOrEqual(tolerance * sum);
        expect(Math.abs(weighted - sum2)).toBeLessThanOrEqual(tolerance * sum2);
      }),
    );
  });

  it.each([
    ['NaN', NaN],
    ['Infinity', Infinity],
  ])('is NaN where a logit is %s, wherever that is', (_, bad) => {
    for (const at of [0, 1, 63, 64, 98, 99]) {
      const row = Float32Array.from({ length: 100 }, (_, v) => v % 7);
      row[at] = bad;
      expect(expSums(row, 0, 100).rest).toBeNaN();
    }
  });

  it('is NaN whichever entries are, all of them too', () => {
    fc.assert(
      fc.property(rows, fc.infiniteStream(fc.boolean()), fc.boolean(), (row, bad, all) => {
        const spoilt = row.map((z) => (all || bad.next().value ? NaN : z));
        fc.pre(spoilt.some(Number.isNaN));
        expect(expSums(spoilt, 0, spoilt.length).rest).toBeNaN();
      }),
    );
  });

  it('knows tokens that cannot occur, gaps beyond the range of doubles, and weights below it', () => {
    const row = new Float32Array(100).fill(-Infinity);
    expect(expSums(row, 0, 100)).toMatchObject({ max: -Infinity, argmax: -1, rest: NaN });
    row[70] = 3;
    expect(expSums(row, 0, 100)).toEqual({ max: 3, argmax: 70, rest: 0, weighted: 0 });
    row[2] = -737;
    expect(expSums(row, 0, 100).rest).toBe(Math.exp(-740));
    row[2] = -3e38;
    expect(expSums(row, 0, 100)).toEqual({ max: 3, argmax: 70, rest: 0, weighted: 0 });
    for (const gap of [599, 600, 601, 700]) {
      const wide = new Float32Array(100).fill(1 - gap);
      wide[5] = 1;
      const { rest, weighted } = expSums(wide, 0, 100);
      expect(rest / (99 * Math.exp(-gap))).toBeCloseTo(1, 12);
      expect(weighted / (gap * rest)).toBeCloseTo(1, 14);
    }
  });

  it('takes rows of any length, longer than the memory of the kernel', () => {
    for (const count of [1, 2, 63, 64, 65, 79, 80, 81, 262_144, 262_145]) {
      const row = Float32Array.from({ length: count }, (_, v) => (v * 37) % 11);
      expect(expSums(row, 0, count)).toEqual(sumsInScript(row, 0, count));
    }
  });
});

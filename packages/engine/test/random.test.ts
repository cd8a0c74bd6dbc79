import { fold, normal, randomInt, randomNormal, rng, sampleIndex, shuffle } from '@cfrl/engine';
import * as tf from '@tensorflow/tfjs-core';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

const seeds = fc.maxSafeNat();
const ids = fc.array(fc.oneof(fc.integer(), fc.string()), { maxLength: 4 });

describe('fold', () => {
  it('is a pure function to an integer in [0, 2^53)', () => {
    fc.assert(
      fc.property(seeds, ids, (seed, list) => {
        const value = fold(seed, ...list);
        expect(value).toBe(fold(seed, ...list));
        expect(Number.isSafeInteger(value) && value >= 0).toBe(true);
      }),
    );
  });

  it('gives 200,000 different seeds for 200,000 (step, prompt, sample) triples', () => {
    const seen = new Set<number>();
    for (let step = 0; step < 200; step++)
      for (let prompt = 0; prompt < 50; prompt++)
        for (let sample = 0; sample < 20; sample++) seen.add(fold(0, step, prompt, sample));
    expect(seen.size).toBe(200_000);
  });

  it('tells apart order, grouping, numbers from strings, and seeds above 2^32', () => {
    const all = [
      fold(1, 2, 3),
      fold(1, 3, 2),
      fold(1, '2', 3),
      fold(1, '23'),
      fold(1, 'a', 'bc'),
      fold(1, 'ab', 'c'),
      fold(1, -1),
      fold(1, 2 ** 32 - 1),
      fold(1),
      fold(1 + 2 ** 32),
    ];
    expect(new Set(all).size).toBe(all.length);
  });

  it('flips about half of the bits when one bit of an id flips', () => {
    let flips = 0;
    for (let i = 0; i < 2000; i++) {
      let difference = BigInt(fold(9, i)) ^ BigInt(fold(9, i ^ 1));
      for (; difference > 0n; difference >>= 1n) flips += Number(difference & 1n);
    }
    expect(flips / 2000 / 53).toBeGreaterThan(0.48);
    expect(flips / 2000 / 53).toBeLessThan(0.52);
  });

  it('refuses what is not an integer', () => {
    expect(() => fold(0.5)).toThrow('fold: seed is 0.5, expected an integer in [0, 2^53)');
    expect(() => fold(-1)).toThrow(RangeError);
    expect(() => fold(1, NaN)).toThrow('fold: id is NaN, expected a safe integer or a string');
  });
});

describe('rng', () => {
  it('keeps its stream: the first numbers of seed 0 never change between versions', () => {
    const source = rng(0);
    const first = [source.next(), source.next(), source.next()];
    expect(first).toMatchInlineSnapshot(`
      [
        0.3875468349319542,
        0.3509680114230872,
        0.788857034159085,
      ]
    `);
  });

  it('is uniform on [0, 1): mean, variance, and counts of 16 cells', () => {
    const source = rng(12345);
    const n = 64_000;
    const cells = new Array<number>(16).fill(0);
    let sum = 0;
    let squares = 0;
    for (let i = 0; i < n; i++) {
      const u = source.next();
      expect(u >= 0 && u < 1).toBe(true);
      cells[Math.floor(u * 16)]!++;
      sum += u;
      squares += u * u;
    }
    expect(Math.abs(sum / n - 0.5)).toBeLessThan(0.005);
    expect(Math.abs(squares / n - 1 / 3)).toBeLessThan(0.005);
    const chiSquare = cells.reduce((s, c) => s + (c - n / 16) ** 2 / (n / 16), 0);
    expect(chiSquare).toBeLessThan(37.7); // 0.1 % point of 15 degrees of freedom
  });

  it('gives unrelated streams for neighbouring seeds', () => {
    let product = 0;
    for (let seed = 0; seed < 5000; seed++) {
      product += (rng(seed).next() - 0.5) * (rng(seed + 1).next() - 0.5);
    }
    expect(Math.abs((product / 5000) * 12)).toBeLessThan(0.06);
  });
});

describe('normal and randomNormal', () => {
  it('have mean 0, the given deviation and normal tails', () => {
    const values = tf.tidy(() => [...randomNormal(rng(3), [200, 200], 2).dataSync()]);
    const n = values.length;
    const mean = values.reduce((s, x) => s + x, 0) / n;
    const variance = values.reduce((s, x) => s + x * x, 0) / n;
    expect(Math.abs(mean)).toBeLessThan(0.03);
    expect(Math.abs(variance - 4)).toBeLessThan(0.1);
    const tail = values.filter((x) => Math.abs(x) > 4).length / n;
    expect(Math.abs(tail - 0.0455)).toBeLessThan(0.004);
  });

  it('draw entry by entry from the stream', () => {
    const source = rng(8);
    const expected = [normal(source), normal(source)].map(Math.fround);
    expect(tf.tidy(() => randomNormal(rng(8), [2]).arraySync())).toEqual(expected);
  });
});

describe('randomInt and shuffle', () => {
  it('reach every value about equally often', () => {
    const source = rng(4);
    const counts = [0, 0, 0];
    for (let i = 0; i < 9000; i++) counts[randomInt(source, 3)]!++;
    for (const count of counts) expect(Math.abs(count - 3000)).toBeLessThan(200);
    expect(() => randomInt(source, 0)).toThrow('randomInt: n is 0, expected a positive integer');
  });

  it('permute: same items, each of the 6 orders of 3 items about equally often', () => {
    const counts = new Map<string, number>();
    for (let seed = 0; seed < 6000; seed++) {
      const order = shuffle(rng(seed), ['a', 'b', 'c']).join('');
      counts.set(order, (counts.get(order) ?? 0) + 1);
    }
    expect(counts.size).toBe(6);
    for (const count of counts.values()) expect(Math.abs(count - 1000)).toBeLessThan(130);
  });
});

describe('sampleIndex', () => {
  it('inverts the cumulative sum, as the obvious loop does', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 0, max: 9 }), { minLength: 1, maxLength: 6 }),
        fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
        (weights, u) => {
          fc.pre(weights.some((w) => w > 0));
          const total = weights.reduce((s, w) => s + w, 0);
          const index = sampleIndex(weights, u);
          const below = weights.slice(0, index).reduce((s, w) => s + w, 0);
          expect(weights[index]).toBeGreaterThan(0);
          expect(below).toBeLessThanOrEqual(u * total);
          expect(below + weights[index]!).toBeGreaterThanOrEqual(u * total);
        },
      ),
    );
  });

  it('never returns an impossible index and refuses what is no distribution', () => {
    expect(sampleIndex([0, 1, 0], 1 - 2 ** -53)).toBe(1);
    expect(() => sampleIndex([0, 0], 0)).toThrow('sampleIndex: probabilities has sum 0');
    expect(() => sampleIndex([0.5, NaN], 0)).toThrow('sampleIndex: probabilities[1] is NaN');
    expect(() => sampleIndex([1], 1)).toThrow('sampleIndex: uniform is 1');
  });
});

import { completionSeed, minibatches, promptsOfStep } from '@cfrl/rl';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

describe('promptsOfStep', () => {
  it('uses every prompt once an epoch, also where steps and epochs do not meet', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 9 }), fc.nat(8), fc.nat(999), (count, less, seed) => {
        const perStep = Math.max(1, count - less);
        const drawn = Array.from({ length: 3 * count }, (_, step) =>
          promptsOfStep(seed, step, perStep, count),
        ).flat();
        for (let epoch = 0; epoch < 3 * perStep; epoch++) {
          const used = drawn.slice(epoch * count, (epoch + 1) * count);
          expect(new Set(used).size).toBe(count);
        }
      }),
    );
  });

  it('shuffles anew each epoch and for each seed', () => {
    const epochs = [0, 1, 2].map((step) => promptsOfStep(5, step, 20, 20).join());
    expect(new Set([...epochs, promptsOfStep(6, 0, 20, 20).join()]).size).toBe(4);
  });

  it('refuses more prompts than there are', () => {
    expect(() => promptsOfStep(1, 0, 3, 2)).toThrow(
      'promptsOfStep: promptsPerStep is 3, expected at most the number of prompts, 2',
    );
  });
});

describe('completionSeed', () => {
  it('differs for every step, slot and sample', () => {
    const seeds = new Set<number>();
    for (let step = 0; step < 9; step++)
      for (let slot = 0; slot < 9; slot++)
        for (let sample = 0; sample < 9; sample++) seeds.add(completionSeed(1, step, slot, sample));
    expect(seeds.size).toBe(729);
  });
});

describe('minibatches', () => {
  it('uses every completion once an epoch, in pieces of the size', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 6 }), fc.integer({ min: 1, max: 6 }), (size, n) => {
        const pieces = minibatches(1, 2, 3, size * n, size);
        expect(pieces.map((piece) => piece.length)).toEqual(new Array(n).fill(size));
        const indices = pieces.flat().sort((a, b) => a - b);
        expect(indices).toEqual(indices.map((_, i) => i));
      }),
    );
  });

  it('depends on seed, step and epoch, and on nothing else', () => {
    const orders = [
      [1, 2, 3],
      [4, 2, 3],
      [1, 4, 3],
      [1, 2, 4],
    ].map(([seed, step, epoch]) => minibatches(seed!, step!, epoch!, 12, 4).join());
    expect(new Set(orders).size).toBe(4);
    expect(minibatches(1, 2, 3, 12, 4).join()).toBe(orders[0]);
  });

  it('has a smaller last one where the size leaves a rest, and one where all fit', () => {
    expect(minibatches(1, 0, 0, 10, 4).map(({ length }) => length)).toEqual([4, 4, 2]);
    expect(minibatches(1, 0, 0, 10, 4).flat().sort((a, b) => a - b)).toEqual([...Array(10).keys()]); // prettier-ignore
    expect(minibatches(1, 0, 0, 3, 4)).toEqual([[0, 1, 2]]);
  });
});

import { checkSeed } from '../check.js';
import { mix, seedLanes } from './fold.js';

/** A source of uniform random numbers; `next` gives the next one in `[0, 1)`, with 53 random bits. */
export interface Rng {
  next(): number;
}

/**
 * A random stream determined by its seed alone, the same on every machine and backend: the sfc32
 * generator on the seed's hash.
 *
 * @param seed - integer in `[0, 2^53)`, usually from {@link fold}
 * @returns a stream of uniform numbers in `[0, 1)`
 * @throws RangeError if the seed is not such an integer
 * @see Doty-Humphrey 2010, PractRand (sfc32)
 *
 * @example
 * ```ts
 * const a = rng(7), b = rng(7);
 * [a.next() === b.next(), a.next() < 1]; // => [true, true]
 * ```
 */
export function rng(seed: number): Rng {
  checkSeed('rng: seed', seed);
  const first = seedLanes(seed);
  const second = mix(first, 0x13198a2e);
  let [a, b] = first;
  let [c, d] = second;
  const word = (): number => {
    const sum = (a + b + d) | 0;
    d = (d + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (((c << 21) | (c >>> 11)) + sum) | 0;
    return sum >>> 0;
  };
  for (let i = 0; i < 12; i++) word();
  return { next: () => ((word() >>> 5) * 0x400_0000 + (word() >>> 6)) / 0x20_0000_0000_0000 };
}

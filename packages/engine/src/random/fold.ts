import { checkSeed } from '../check.js';

/** Two 32-bit lanes of hash state. */
type Lanes = readonly [number, number];

const avalanche = (h: number): number => {
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
};

/** Mixes one 32-bit word into both lanes; each lane sees the other, so the pair acts as 64 bits. */
export function mix([a, b]: Lanes, word: number): Lanes {
  const left = avalanche(Math.imul(a ^ word, 0x9e3779b1) + b);
  const right = avalanche(Math.imul(b ^ word, 0x85ebca77) + left);
  return [left, right];
}

const high = (value: number): number => Math.floor(value / 0x1_0000_0000) >>> 0;

export const seedLanes = (seed: number): Lanes =>
  mix(mix([0x243f6a88, 0x85a308d3], seed >>> 0), high(seed));

const mixId = (lanes: Lanes, id: number | string): Lanes => {
  if (typeof id === 'string') {
    let state = mix(mix(lanes, 2), id.length);
    for (let i = 0; i < id.length; i++) state = mix(state, id.charCodeAt(i));
    return state;
  }
  if (!Number.isSafeInteger(id)) {
    throw new RangeError(`fold: id is ${id}, expected a safe integer or a string`);
  }
  return mix(mix(mix(lanes, 1), id >>> 0), high(id));
};

/**
 * A new seed from a seed and any number of identifiers: a pure hash, so a random stream can be
 * keyed by what it is for (step, prompt, sample) and not by when it is drawn.
 *
 * @param seed - integer in `[0, 2^53)`
 * @param ids - safe integers or strings; order and grouping matter
 * @returns an integer in `[0, 2^53)`
 * @throws RangeError if the seed or a numeric id is not a safe integer
 *
 * @example
 * ```ts
 * fold(7, 'completion', 3, 0) === fold(7, 'completion', 3, 0); // => true
 * fold(7, 'completion', 3, 0) === fold(7, 'completion', 0, 3); // => false
 * ```
 */
export function fold(seed: number, ...ids: readonly (number | string)[]): number {
  checkSeed('fold: seed', seed);
  const [low, top] = ids.reduce<Lanes>(mixId, seedLanes(seed));
  return (top & 0x1fffff) * 0x1_0000_0000 + low;
}

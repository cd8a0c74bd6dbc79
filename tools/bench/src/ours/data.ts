import { fold, randomInt, rng } from '@cfrl/engine';

import { alphabet } from '../work/sizes.js';

/**
 * Rows of random characters, as tokens.
 *
 * @param seed - determines them
 * @returns `[rows][length]`
 */
export const randomRows = (seed: number, rows: number, length: number): number[][] =>
  Array.from({ length: rows }, (_, row) => {
    const source = rng(fold(seed, 'row', row));
    return Array.from({ length }, () => randomInt(source, alphabet.length));
  });

import { describe, expect, it } from 'vitest';

import { KINDS, fuzz } from './fuzz.js';

describe('mutated checkpoints', () => {
  it.each(KINDS)('are refused or loaded: %s', async (kind) => {
    const { loaded, refused, failures } = await fuzz(kind, 400);
    expect(failures).toEqual([]);
    // Neither all of the mutations break the file nor none of them does.
    expect(Math.min(loaded, refused)).toBeGreaterThan(10);
  });
});

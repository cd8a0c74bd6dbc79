import { describe, expect, it } from 'vitest';

import { KINDS, fuzz } from './fuzz-tokenizer.js';

describe('mutated tokenizer files and templates', () => {
  it.each(KINDS)('are refused or work: %s', (kind) => {
    const { worked, refused, failures } = fuzz(kind, 400);
    expect(failures).toEqual([]);
    // Neither all of the mutations break the file nor none of them does.
    expect(Math.min(worked, refused)).toBeGreaterThan(40);
  });
});

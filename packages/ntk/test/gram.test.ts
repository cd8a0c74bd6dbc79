import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { rowsWithin } from '../src/kernel/gram.js';
import { shared } from '../src/options.js';

describe('rowsWithin', () => {
  it('holds as many rows as fit into two blocks, and never more', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 10_000 }),
        fc.integer({ min: 0, max: 1_000_000 }),
        (numbers, more) => {
          const maxBytes = 2 * 4 * numbers + more;
          const rows = rowsWithin('here', maxBytes, numbers);
          expect(rows).toBeGreaterThanOrEqual(1);
          expect(2 * rows * 4 * numbers).toBeLessThanOrEqual(maxBytes);
          expect(2 * (rows + 1) * 4 * numbers).toBeGreaterThan(maxBytes);
        },
      ),
    );
  });

  it('has half a gibibyte where nothing is said, as the options document', () => {
    expect(shared('maxBytes').maxBytes.value).toBe(536_870_912);
  });
});

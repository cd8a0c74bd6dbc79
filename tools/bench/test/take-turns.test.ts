import { describe, expect, it } from 'vitest';

import { takeTurns } from '../src/take-turns.js';

describe('takeTurns', () => {
  it('alternates, lets each begin in turn, and leaves the warm-up out', async () => {
    const log: string[] = [];
    const side = (name: string, ms: number) => async (iterations: number) => {
      log.push(`${name}${iterations}`);
      return Array.from({ length: iterations }, () => ms);
    };
    const plan = { rounds: 2, roundMs: 40 };
    const rounds = await takeTurns([side('a', 10), side('b', 40)], plan);
    expect(log).toEqual(['a2', 'a4', 'b2', 'b1', 'a4', 'b1', 'b1', 'a4']);
    expect(rounds).toEqual([
      [[10, 10, 10, 10], [40]],
      [[10, 10, 10, 10], [40]],
    ]);
  });
});

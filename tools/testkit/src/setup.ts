import * as fc from 'fast-check';
import { afterEach, beforeEach, expect, vi } from 'vitest';

/**
 * Every test file of the repository: anything written to the console fails the test, and property
 * tests draw from one fixed seed, or from `FC_SEED`.
 */
const seed = Number(process.env['FC_SEED'] ?? 20260104);
const runs = process.env['FC_RUNS'];
fc.configureGlobal({ seed, ...(runs === undefined ? {} : { numRuns: Number(runs) }) });

const methods = ['log', 'info', 'warn', 'error', 'debug'] as const;
let calls: string[] = [];

beforeEach(() => {
  calls = [];
  for (const method of methods) {
    vi.spyOn(console, method).mockImplementation((...args: unknown[]) => {
      calls.push(`console.${method}: ${args.map(String).join(' ')}`);
    });
  }
});

afterEach(() => {
  vi.restoreAllMocks();
  expect(calls, 'a test wrote to the console').toEqual([]);
});

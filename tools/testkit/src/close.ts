import { expect } from 'vitest';

/** Allowed difference: `atol + rtol * |expected|`, entry by entry. */
export interface Tolerance {
  readonly atol?: number;
  readonly rtol?: number;
}

/** A tensor has no entries to iterate over: it would be compared as an empty list. */
function flatten(value: unknown): number[] {
  if (typeof value === 'number') return [value];
  if (!Array.isArray(value) && !ArrayBuffer.isView(value)) {
    throw new TypeError(
      `expectClose: a value is ${typeof value}, expected numbers in arrays; of a tensor give arraySync()`,
    );
  }
  return Array.from(value as unknown as ArrayLike<unknown>).flatMap(flatten);
}

/** Fails unless two nested arrays of numbers hold equally many, entry by entry close numbers. */
export function expectClose(
  actual: unknown,
  expected: unknown,
  { atol = 1e-6, rtol = 1e-5 }: Tolerance = {},
): void {
  const a = flatten(actual);
  const e = flatten(expected);
  expect(a.length, 'number of entries').toBe(e.length);
  let worst = { excess: 0, message: '' };
  a.forEach((value, i) => {
    const wanted = e[i]!;
    if (Object.is(value, wanted) || value === wanted) return;
    const excess = Math.abs(value - wanted) - (atol + rtol * Math.abs(wanted));
    if (!(excess <= worst.excess)) {
      worst = { excess, message: `entry ${i} is ${value}, expected ${wanted}` };
    }
  });
  if (worst.message !== '') expect.fail(`${worst.message} (atol ${atol}, rtol ${rtol})`);
}

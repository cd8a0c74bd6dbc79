/** A random source is a function. */
export function checkUniform(where: string, uniform: () => number): void {
  if (typeof uniform === 'function') return;
  throw new TypeError(
    `${where}: uniform is ${typeof uniform}, expected a function that gives numbers in [0, 1)`,
  );
}

/** The next number of a random source, checked to be in [0, 1). */
export function nextUniform(where: string, uniform: () => number): number {
  checkUniform(where, uniform);
  const u = uniform();
  if (!(u >= 0 && u < 1)) {
    throw new RangeError(`${where}: uniform() is ${u}, expected a number in [0, 1)`);
  }
  return u;
}

/** An index below `n`, all alike. */
export function nextIndex(where: string, uniform: () => number, n: number): number {
  return Math.floor(nextUniform(where, uniform) * n);
}

/** The next number of a random source, checked to be in [0, 1). */
export function nextUniform(where: string, uniform: () => number): number {
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

/**
 * The power of two just below the largest magnitude, 1 when all values are 0. Dividing by it is exact
 * (save for underflow far below the largest) and brings the values into [-2, 2], where squares and sums
 * neither overflow nor vanish.
 */
export function powerOfTwoNear(values: ArrayLike<number>): number {
  let largest = 0;
  for (let i = 0; i < values.length; i++) largest = Math.max(largest, Math.abs(values[i]!));
  return largest === 0 ? 1 : 2 ** Math.min(1023, Math.floor(Math.log2(largest)));
}

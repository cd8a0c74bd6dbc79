import { checkCount } from '../check.js';
import { featureMatrix, type Matrix, transposed } from '../numbers/matrix.js';
import { dot, singular } from '../numbers/singular-values.js';

/**
 * Principal angles between the spans of two sets of features.
 *
 *     cos angle[k] = singular values of A^T B,   A and B orthonormal bases of the spans
 *
 * Small angles are taken from the sine, which is accurate there. Unit: radians. Range: [0, pi / 2] each,
 * ascending. Misleads when spans hold noise: directions of little variance count as much as strong ones.
 *
 * @param x - `[N][D]`, finite, not all zero.
 * @param y - `[M][D]`, likewise.
 * @returns As many angles as the smaller span has dimensions.
 * @throws RangeError if a set is empty, lengths differ, a value is not finite, or a set is all zero.
 * @see Bjorck and Golub 1973; Knyazev and Argentati 2002, https://doi.org/10.1137/S1064827500377332
 *
 * @example
 * ```ts
 * principalAngles([[1, 0, 0], [0, 1, 0]], [[1, 0, 0], [0, 1, 1]]); // => [0, 0.785398]
 * ```
 */
export function principalAngles(
  x: readonly ArrayLike<number>[],
  y: readonly ArrayLike<number>[],
): Float64Array {
  const bases = [x, y].map((features, i) => {
    const matrix = featureMatrix('principalAngles', features, 1);
    const { left } = singular(transposed(matrix));
    checkCount('principalAngles', `nonzero directions of ${'xy'[i]}`, left.length, 1);
    return left;
  });
  bases.sort((a, b) => b.length - a.length);
  const [larger, smaller] = bases as [Float64Array[], Float64Array[]];
  if (larger[0]!.length !== smaller[0]!.length) {
    throw new RangeError(
      `principalAngles: y has features of ${y[0]!.length} entries, expected ${x[0]!.length} (as x)`,
    );
  }
  const inner = smaller.map((b) => larger.map((a) => dot(a, b)));
  const count = smaller.length;
  const pad = (values: Float64Array): number[] =>
    Array.from({ length: count }, (_, i) => Math.min(1, values[i] ?? 0));
  const cosines = pad(singular(matrixOf(inner)).values);
  // What of the smaller basis the larger span does not have.
  const outside = smaller.map((b, i) =>
    b.map((value, d) => value - larger.reduce((sum, a, k) => sum + inner[i]![k]! * a[d]!, 0)),
  );
  const sines = pad(singular(matrixOf(outside)).values).reverse();
  return Float64Array.from(cosines, (cosine, i) =>
    cosine * cosine < 0.5 ? Math.acos(cosine) : Math.asin(sines[i]!),
  );
}

function matrixOf(rows: readonly ArrayLike<number>[]): Matrix {
  const columns = rows[0]!.length;
  const data = new Float64Array(rows.length * columns);
  rows.forEach((row, i) => data.set(row, i * columns));
  return { rows: rows.length, columns, data };
}

import { centred, featureMatrix, type Matrix, rescaled, sumOfSquares } from '../numbers/matrix.js';
import { singular } from '../numbers/singular-values.js';

/**
 * Linear CKA: how alike two representations of the same items are, up to rotation and scale.
 *
 *     CKA = |X^T Y|_F^2 / (|X^T X|_F |Y^T Y|_F),   both centred
 *
 * Unit: none. Range: [0, 1]. Misleads with fewer items than dimensions, where it is near 1 for unrelated
 * features, and when a few large directions decide it.
 *
 * @param x - `[N][D]`, finite, not all equal.
 * @param y - `[N][E]`: the same items in the same order.
 * @throws RangeError if N differs or is below 2, lengths differ, a value is not finite, or a side does not
 *   vary.
 * @see Kornblith et al. 2019, https://arxiv.org/abs/1905.00414
 *
 * @example
 * ```ts
 * linearCka([[1, 0], [0, 1], [-1, 0]], [[0, 3], [-3, 0], [0, -3]]); // => 1
 * ```
 */
export function linearCka(
  x: readonly ArrayLike<number>[],
  y: readonly ArrayLike<number>[],
): number {
  const [a, b] = centredPair('linearCka', x, y);
  const both = sumOfSquares(crossProduct(a, b).data);
  const own = sumOfSquares(crossProduct(a, a).data) * sumOfSquares(crossProduct(b, b).data);
  return Math.min(1, both / Math.sqrt(own));
}

/**
 * Procrustes distance: what is left between two representations after the best shift, scaling and rotation.
 *
 *     disparity = 1 - (sum of the singular values of X^T Y)^2,   both centred, of Frobenius norm 1
 *
 * Unit: none. Range: [0, 1]; symmetric; 0 if one is the other, moved. Misleads with fewer items than
 * dimensions: a rotation then fits what is unrelated.
 *
 * @param x - `[N][D]`, finite, not all equal.
 * @param y - `[N][E]`: the same items in the same order.
 * @throws As {@link linearCka}.
 * @see Gower 1975; as scipy.spatial.procrustes, https://doi.org/10.1007/BF02291478
 *
 * @example
 * ```ts
 * procrustes([[1, 0], [0, 1], [-1, 0]], [[0, 3], [-3, 0], [0, -3]]); // => 0
 * procrustes([[0, 0], [1, 0], [0, 1]], [[0, 0], [1, 1], [2, 2]]); // => 0.625
 * ```
 */
export function procrustes(
  x: readonly ArrayLike<number>[],
  y: readonly ArrayLike<number>[],
): number {
  const [a, b] = centredPair('procrustes', x, y);
  const nuclear = singular(crossProduct(a, b)).values.reduce((sum, value) => sum + value, 0);
  return Math.max(0, 1 - nuclear ** 2 / (sumOfSquares(a.data) * sumOfSquares(b.data)));
}

function centredPair(
  where: string,
  x: readonly ArrayLike<number>[],
  y: readonly ArrayLike<number>[],
): [Matrix, Matrix] {
  if (x.length !== y.length) {
    throw new RangeError(
      `${where}: y has ${y.length} entries, expected ${x.length} (the same items as x)`,
    );
  }
  const side = (name: string, features: readonly ArrayLike<number>[]): Matrix => {
    const matrix = rescaled(centred(featureMatrix(where, features, 2)));
    if (sumOfSquares(matrix.data) > 0) return matrix;
    throw new RangeError(`${where}: ${name} has equal features only, expected some that differ`);
  };
  return [side('x', x), side('y', y)];
}

/** `A^T B`. */
function crossProduct(a: Matrix, b: Matrix): Matrix {
  const data = new Float64Array(a.columns * b.columns);
  for (let n = 0; n < a.rows; n++) {
    for (let i = 0; i < a.columns; i++) {
      const value = a.data[n * a.columns + i]!;
      for (let j = 0; j < b.columns; j++) {
        data[i * b.columns + j]! += value * b.data[n * b.columns + j]!;
      }
    }
  }
  return { rows: a.columns, columns: b.columns, data };
}

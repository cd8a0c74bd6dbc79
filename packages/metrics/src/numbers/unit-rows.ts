import { checkCount, checkFinite } from '../check.js';
import { featureMatrix, type Matrix, rowProduct } from './matrix.js';
import { powerOfTwoNear } from './scale.js';

/** Features divided by their lengths; each is scaled first, so that no square overflows or vanishes. */
export function unitRows(
  where: string,
  features: readonly ArrayLike<number>[],
  atLeast = 2,
): Matrix {
  checkCount(where, 'features', features.length, atLeast);
  const scaled = features.map((feature, i) => {
    checkFinite(where, `features[${i}]`, feature);
    const scale = powerOfTwoNear(feature);
    return Float64Array.from(feature, (value) => value / scale);
  });
  const matrix = featureMatrix(where, scaled, atLeast);
  for (let i = 0; i < matrix.rows; i++) {
    const length = Math.sqrt(rowProduct(matrix.data, matrix.columns, i, i));
    if (length === 0) {
      throw new RangeError(`${where}: features[${i}] is zero, expected a vector with a direction`);
    }
    for (let d = 0; d < matrix.columns; d++) matrix.data[i * matrix.columns + d]! /= length;
  }
  return matrix;
}

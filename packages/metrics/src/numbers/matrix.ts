import { checkCount, checkFinite } from '../check.js';
import { powerOfTwoNear } from './scale.js';

/** A dense matrix, row by row. */
export interface Matrix {
  readonly rows: number;
  readonly columns: number;
  readonly data: Float64Array;
}

/**
 * Checks features `[N][D]` and copies them into one matrix, divided by a power of two so that squares
 * neither overflow nor vanish. What is computed from it must not depend on scale.
 */
export function featureMatrix(
  where: string,
  features: readonly ArrayLike<number>[],
  atLeast: number,
  name = 'features',
): Matrix & { readonly scale: number } {
  checkCount(where, name, features.length, atLeast);
  const columns = features[0]!.length;
  checkCount(where, `${name}[0]`, columns, 1);
  const data = new Float64Array(features.length * columns);
  features.forEach((feature, i) => {
    if (feature.length !== columns) {
      throw new RangeError(
        `${where}: ${name}[${i}] has ${feature.length} entries, expected ${columns} (as ${name}[0])`,
      );
    }
    checkFinite(where, `${name}[${i}]`, feature);
    data.set(feature, i * columns);
  });
  const scale = powerOfTwoNear(data);
  return { rows: features.length, columns, data: data.map((value) => value / scale), scale };
}

/** The matrix divided by the power of two that brings its largest entry into [1, 2). */
export function rescaled({ rows, columns, data }: Matrix): Matrix {
  const scale = powerOfTwoNear(data);
  return { rows, columns, data: data.map((value) => value / scale) };
}

/** The matrix less the mean of its rows; exactly 0 when all rows are equal. */
export function centred({ rows, columns, data }: Matrix): Matrix {
  const once = subtractRow(data, columns, meanRow(data, rows, columns));
  // A second time: what is left is the rounding of the first mean.
  return { rows, columns, data: subtractRow(once, columns, meanRow(once, rows, columns)) };
}

/** Sum of squares of all entries. */
export function sumOfSquares(data: Float64Array): number {
  return data.reduce((total, value) => total + value * value, 0);
}

/** `X X^T` or `X^T X`, whichever is smaller: the same eigenvalues, save for zeros. */
export function smallerGram(matrix: Matrix): {
  readonly size: number;
  readonly data: Float64Array;
} {
  const { rows: size, columns, data } = matrix.rows <= matrix.columns ? matrix : transposed(matrix);
  const gram = new Float64Array(size * size);
  for (let i = 0; i < size; i++) {
    for (let j = 0; j <= i; j++) {
      gram[i * size + j] = gram[j * size + i] = rowProduct(data, columns, i, j);
    }
  }
  return { size, data: gram };
}

/** Inner product of rows i and j. */
export function rowProduct(data: Float64Array, columns: number, i: number, j: number): number {
  const a = i * columns;
  const b = j * columns;
  let sum = 0;
  for (let d = 0; d < columns; d++) sum += data[a + d]! * data[b + d]!;
  return sum;
}

function meanRow(data: Float64Array, rows: number, columns: number): Float64Array {
  const sums = new Float64Array(columns);
  data.forEach((value, i) => {
    sums[i % columns]! += value;
  });
  return sums.map((sum) => sum / rows);
}

function subtractRow(data: Float64Array, columns: number, row: Float64Array): Float64Array {
  return data.map((value, i) => value - row[i % columns]!);
}

export function transposed({ rows, columns, data }: Matrix): Matrix {
  const result = new Float64Array(data.length);
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < columns; j++) result[j * rows + i] = data[i * columns + j]!;
  }
  return { rows: columns, columns: rows, data: result };
}

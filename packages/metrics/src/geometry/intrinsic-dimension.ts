import { resolveOptions } from '../check.js';
import { featureMatrix } from '../numbers/matrix.js';

/** Options of {@link intrinsicDimension}. */
export interface IntrinsicDimensionOptions {
  /** Share of the largest ratios that is left out of the fit, in [0, 1). @defaultValue 0.1 */
  readonly discard?: number;
}

/**
 * Intrinsic dimension by TwoNN: how the nearest two neighbours of each feature are spaced.
 *
 *     d = slope through the origin of -log(1 - F(mu)) against log mu,   mu = r_2 / r_1
 *
 * Quadratic in N. Unit: dimensions. Range: (0, infinity). Misleads for few features in many dimensions, where
 * it is too low, with duplicates, and with noise, which has the full dimension at the smallest scale.
 *
 * @param features - `[N][D]`, finite, `N >= 3`, no two equal.
 * @throws RangeError if there are fewer than three features, their lengths differ, one is not finite, two are
 *   equal, every nearest two neighbours are equally far, or `discard` is out of range.
 * @see Facco et al. 2017, https://doi.org/10.1038/s41598-017-11873-y
 *
 * @example
 * ```ts
 * const onLine = Array.from({ length: 300 }, (_, i) => Math.sin(i * i)).map((x) => [x, 2 * x, 3]);
 * intrinsicDimension(onLine); // => 1.070364
 * ```
 */
export function intrinsicDimension(
  features: readonly ArrayLike<number>[],
  options: IntrinsicDimensionOptions = {},
): number {
  const { discard } = resolveOptions('intrinsicDimension', options, { discard: 0.1 });
  const where = 'intrinsicDimension';
  const { rows, columns, data } = featureMatrix(where, features, 3);
  if (!(discard >= 0 && discard < 1)) {
    throw new RangeError(`${where}: discard is ${discard}, expected a number in [0, 1)`);
  }
  const nearest = new Float64Array(rows).fill(Infinity);
  const second = new Float64Array(rows).fill(Infinity);
  const offer = (i: number, square: number): void => {
    if (square < nearest[i]!) [nearest[i], second[i]] = [square, nearest[i]!];
    else if (square < second[i]!) second[i] = square;
  };
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < i; j++) {
      let square = 0;
      for (let d = 0; d < columns; d++) {
        square += (data[i * columns + d]! - data[j * columns + d]!) ** 2;
      }
      if (square === 0) {
        throw new RangeError(
          `${where}: features[${i}] is equal to features[${j}], expected different ones; leave duplicates out`,
        );
      }
      offer(i, square);
      offer(j, square);
    }
  }
  const logs = nearest.map((square, i) => Math.log(second[i]! / square) / 2).sort();
  const kept = Math.max(1, Math.floor(rows * (1 - discard)));
  let [products, squares] = [0, 0];
  // The empirical F of the i-th smallest is (i + 1) / N; at i + 1 = N its logarithm is infinite.
  for (let i = 0; i < Math.min(kept, rows - 1); i++) {
    products -= logs[i]! * Math.log1p(-(i + 1) / rows);
    squares += logs[i]! ** 2;
  }
  if (squares === 0) {
    throw new RangeError(
      `${where}: features has equal distances only, expected neighbours at different ones`,
    );
  }
  return products / squares;
}

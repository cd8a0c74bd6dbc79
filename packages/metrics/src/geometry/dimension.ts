import { checkOptions } from '../check.js';
import { symmetricEigenvalues } from '../numbers/eigenvalues.js';
import { centred, featureMatrix, rescaled, smallerGram, sumOfSquares } from '../numbers/matrix.js';

/**
 * Anisotropy: the share of the variance that lies along its first direction.
 *
 *     anisotropy = lambda_1 / sum_i lambda_i,   lambda the eigenvalues of the covariance
 *
 * Unit: none. Range: [1 / min(N - 1, D), 1]; 1 if all lie on a line. For the other use of the word, the mean
 * cosine, see {@link meanCosine}. Misleads across N, and when one coordinate is large for all.
 *
 * @param features - `[N][D]`, finite, `N >= 2`, not all equal.
 * @returns The share.
 * @throws RangeError if there are fewer than two features, their lengths differ, one is not finite, or all are
 *   equal.
 * @see Razzhigaev et al. 2024, https://arxiv.org/abs/2311.05928
 *
 * @example
 * ```ts
 * anisotropy([[3, 0], [-3, 0], [0, 1], [0, -1]]); // => 0.9
 * ```
 */
export function anisotropy(features: readonly ArrayLike<number>[]): number {
  const matrix = rescaled(centred(featureMatrix('anisotropy', features, 2)));
  return share('anisotropy', matrix, 'equal entries only, expected some variance');
}

/**
 * Stable rank: the rank, with directions counted by their strength.
 *
 *     stableRank = |A|_F^2 / |A|_2^2 = sum_i sigma_i^2 / sigma_1^2
 *
 * not centred. Unit: directions. Range: [1, rank]. Misleads when a large common mean is the first direction:
 * it is near 1 then.
 *
 * @param features - `[N][D]`, finite, not all zero.
 * @returns The stable rank.
 * @throws RangeError if there is no feature, their lengths differ, one is not finite, or all are zero.
 * @see Rudelson and Vershynin 2007, https://doi.org/10.1145/1255443.1255449
 *
 * @example
 * ```ts
 * stableRank([[2, 0], [0, 1]]); // => 1.25
 * ```
 */
export function stableRank(features: readonly ArrayLike<number>[]): number {
  const matrix = featureMatrix('stableRank', features, 1);
  return 1 / share('stableRank', matrix, 'only zeros, expected one that is not');
}

/** The largest eigenvalue of the Gram matrix over the sum of all. */
function share(
  where: string,
  matrix: Parameters<typeof smallerGram>[0],
  otherwise: string,
): number {
  const total = sumOfSquares(matrix.data);
  if (total === 0) throw new RangeError(`${where}: features has ${otherwise}`);
  const { size, data } = smallerGram(matrix);
  return Math.min(1, symmetricEigenvalues(data, size)[size - 1]! / total);
}

/**
 * Embedding dispersion: root mean square distance of features from their centre.
 *
 *     dispersion = sqrt( (1 / N) sum_i |f_i - mean f|^2 )
 *
 * Its square is half the mean squared distance of two features drawn with replacement. Unit: that of the
 * features. Range: [0, infinity). Misleads across models, whose features differ in size: see
 * {@link centredVarianceRatio}, or give features of unit length.
 *
 * @param features - `[N][D]`, finite.
 * @returns The distance.
 * @throws RangeError if there is no feature, their lengths differ, or one is not finite.
 * @see Lai et al. 2020, https://arxiv.org/abs/2003.08529
 *
 * @example
 * ```ts
 * embeddingDispersion([[0, 0], [0, 4], [3, 0], [3, 4]]); // => 2.5
 * ```
 */
export function embeddingDispersion(features: readonly ArrayLike<number>[]): number {
  const matrix = featureMatrix('embeddingDispersion', features, 1);
  return matrix.scale * Math.sqrt(sumOfSquares(centred(matrix).data) / matrix.rows);
}

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
 * Quadratic in N. Unit: dimensions. Range: (0, infinity). Misleads for few features in many dimensions, where it
 * is too low, with duplicates, and with noise: at the smallest scale everything has the full dimension.
 *
 * @param features - `[N][D]`, finite, `N >= 3`, no two equal.
 * @returns The estimate.
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
  const { discard = 0.1 } = checkOptions('intrinsicDimension', options, ['discard']);
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

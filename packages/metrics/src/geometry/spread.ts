import { centred, featureMatrix, rescaled, sumOfSquares } from '../numbers/matrix.js';
import { ALL_EQUAL, ONLY_ZEROS, positive, share } from './rank.js';

/**
 * How much features vary about their mean, as a share of their size.
 *
 *     centredVarianceRatio = mean_i |f_i - mean f|^2 / mean_i |f_i|^2 = 1 - |mean f|^2 / mean_i |f_i|^2
 *
 * Unit: none. Range: [0, 1]; 0 when all features are equal, 1 when their mean is 0. Misleads when lengths
 * differ much, since long features decide it, and for small N: independent features of mean 0 give `1 - 1 / N`.
 *
 * @param features - `[N][D]`, finite, not all zero.
 * @throws RangeError if there is no feature, their lengths differ, one is not finite, or all are zero.
 * @see Tomihari 2026 (limited feature variability), https://arxiv.org/abs/2601.04670
 *
 * @example
 * ```ts
 * centredVarianceRatio([[3, 1], [3, -1]]); // => 0.1
 * ```
 */
export function centredVarianceRatio(features: readonly ArrayLike<number>[]): number {
  const matrix = featureMatrix('centredVarianceRatio', features, 1);
  const total = positive('centredVarianceRatio', sumOfSquares(matrix.data), ONLY_ZEROS);
  return sumOfSquares(centred(matrix).data) / total;
}

/**
 * Embedding dispersion: root mean square distance of features from their centre.
 *
 *     dispersion = sqrt( (1 / N) sum_i |f_i - mean f|^2 )
 *
 * Its square is half the mean squared distance of two features drawn with replacement. Unit: that of the
 * features. Range: [0, infinity). Misleads across models, whose features differ in size: see
 * {@link centredVarianceRatio}.
 *
 * @param features - `[N][D]`, finite.
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

/**
 * Anisotropy: the share of the variance that lies along its first direction.
 *
 *     anisotropy = lambda_1 / sum_i lambda_i,   lambda the eigenvalues of the covariance
 *
 * Unit: none. Range: [1 / min(N - 1, D), 1]; 1 if all lie on a line. The mean cosine has this name too: see
 * {@link meanCosine}. Misleads across N, and when one coordinate is large for all.
 *
 * @param features - `[N][D]`, finite, `N >= 2`, not all equal.
 * @throws As {@link participationRatio}.
 * @see Razzhigaev et al. 2024, https://arxiv.org/abs/2311.05928
 *
 * @example
 * ```ts
 * anisotropy([[3, 0], [-3, 0], [0, 1], [0, -1]]); // => 0.9
 * ```
 */
export function anisotropy(features: readonly ArrayLike<number>[]): number {
  const matrix = rescaled(centred(featureMatrix('anisotropy', features, 2)));
  return share('anisotropy', matrix, ALL_EQUAL);
}

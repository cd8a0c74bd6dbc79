import { entropy } from '../confidence/entropy.js';
import { symmetricEigenvalues } from '../numbers/eigenvalues.js';
import { centred, featureMatrix, rescaled, smallerGram, sumOfSquares } from '../numbers/matrix.js';
import type { Matrix } from '../numbers/matrix.js';

/**
 * Effective rank of a set of features: how many directions they fill.
 *
 *     effectiveRank = exp( - sum_i p_i log p_i ),   p_i = sigma_i / sum_j sigma_j
 *
 * with the singular values `sigma` of the `N x D` matrix, not centred; those below `3e-8 sqrt(max(N, D))` of
 * the largest are rounding and count as 0. Scaling or rotating all features changes nothing. Unit: directions.
 * Range: [1, rank]. Misleads across N (compare equal N), and when a large common mean is one of the directions.
 *
 * @param features - `[N][D]`, finite, not all zero.
 * @throws RangeError if there is no feature, lengths differ, an entry is not finite, or all are zero.
 * @see Roy and Vetterli 2007, https://infoscience.epfl.ch/record/110188
 *
 * @example
 * ```ts
 * effectiveRank([[1, 0, 0], [0, 1, 0], [0, -1, 0]]); // => 1.970656
 * ```
 */
export function effectiveRank(features: readonly ArrayLike<number>[]): number {
  const matrix = featureMatrix('effectiveRank', features, 1);
  const gram = smallerGram(matrix);
  const eigenvalues = symmetricEigenvalues(gram.data, gram.size);
  const largest = eigenvalues[gram.size - 1]!;
  positive('effectiveRank', largest, ONLY_ZEROS);
  // What rounding in the Gram matrix and in its eigenvalues can leave where there is nothing.
  const noise = 4 * Math.max(matrix.rows, matrix.columns) * Number.EPSILON * largest;
  const singular = eigenvalues.map((value) => (value > noise ? Math.sqrt(value) : 0));
  const sum = singular.reduce((total, value) => total + value, 0);
  return Math.exp(entropy(singular.map((value) => value / sum)));
}

/**
 * Participation ratio of a set of features: how many directions their variance fills.
 *
 *     participationRatio = (sum_i lambda_i)^2 / sum_i lambda_i^2
 *
 * with the eigenvalues `lambda` of the covariance, that is after centring. Scaling, rotating or shifting all
 * features changes nothing. Unit: directions. Range: [1, min(N - 1, D)]. Misleads across N (compare equal N),
 * and by its squares: one strong direction hides many weak ones, which {@link effectiveRank} still sees.
 *
 * @param features - `[N][D]`, finite, `N >= 2`, not all equal.
 * @throws RangeError if there are fewer than two features, lengths differ, one is not finite, or all are equal.
 * @see Gao et al. 2017, https://doi.org/10.1101/214262
 *
 * @example
 * ```ts
 * participationRatio([[1, 5], [-1, 5], [0, 6], [0, 4]]); // => 2
 * ```
 */
export function participationRatio(features: readonly ArrayLike<number>[]): number {
  const matrix = rescaled(centred(featureMatrix('participationRatio', features, 2)));
  const trace = positive('participationRatio', sumOfSquares(matrix.data), ALL_EQUAL);
  // The sum of squared eigenvalues of a symmetric matrix is that of its squared entries.
  return trace ** 2 / sumOfSquares(smallerGram(matrix).data);
}

/**
 * Stable rank: the rank, with directions counted by their strength.
 *
 *     stableRank = |A|_F^2 / |A|_2^2 = sum_i sigma_i^2 / sigma_1^2
 *
 * not centred. Unit: directions. Range: [1, rank]. Misleads when a large common mean is the first direction,
 * which gives a number near 1.
 *
 * @param features - `[N][D]`, finite, not all zero.
 * @throws As {@link effectiveRank}.
 * @see Rudelson and Vershynin 2007, https://doi.org/10.1145/1255443.1255449
 *
 * @example
 * ```ts
 * stableRank([[2, 0], [0, 1]]); // => 1.25
 * ```
 */
export function stableRank(features: readonly ArrayLike<number>[]): number {
  const matrix = featureMatrix('stableRank', features, 1);
  return 1 / share('stableRank', matrix, ONLY_ZEROS);
}

/** The largest eigenvalue of the Gram matrix over the sum of all. */
export function share(where: string, matrix: Matrix, otherwise: string): number {
  const total = positive(where, sumOfSquares(matrix.data), otherwise);
  const { size, data } = smallerGram(matrix);
  return Math.min(1, symmetricEigenvalues(data, size)[size - 1]! / total);
}

export const ONLY_ZEROS = 'only zeros, expected one that is not';
export const ALL_EQUAL = 'equal entries only, expected some variance';

/** A sum of squares, refused where it is 0. */
export function positive(where: string, sum: number, otherwise: string): number {
  if (!(sum > 0)) throw new RangeError(`${where}: features has ${otherwise}`);
  return sum;
}

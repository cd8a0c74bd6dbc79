import { checkCount, checkFinite } from '../check.js';
import type { Matrix } from '../numbers/matrix.js';
import { centred, featureMatrix, rowProduct, sumOfSquares } from '../numbers/matrix.js';
import { powerOfTwoNear } from '../numbers/scale.js';

/** What {@link featureCosine} returns: how the cosines of all pairs are spread. */
export interface FeatureCosine {
  /** Mean over all pairs, as {@link meanCosine}. */
  readonly mean: number;
  /** Spread over all pairs, `sqrt(mean((cosine - mean)^2))`. */
  readonly standardDeviation: number;
  /** The least alike pair. */
  readonly min: number;
  /** The most alike pair. */
  readonly max: number;
}

/**
 * Cosines of all pairs of features: mean, spread, extremes.
 *
 *     cosine(i, j) = <f_i, f_j> / (|f_i| |f_j|),   over the N (N - 1) / 2 pairs i < j
 *
 * Unit: none. Range: [-1, 1] each, but the mean is at least -1 / (N - 1). Looks at every pair, `O(N^2 D)`;
 * for the mean alone {@link meanCosine} takes `O(N D)`. Misleads when a few coordinates or a common offset
 * are large, which makes everything alike: see {@link centredVarianceRatio}. A pair is no independent
 * sample, so the spread over pairs is no standard error.
 *
 * @param features - `[N][D]`, finite, none zero, `N >= 2`.
 * @returns Mean, standard deviation, minimum and maximum over the pairs.
 * @throws RangeError if there are fewer than two features, their lengths differ, or one is zero or not
 *   finite.
 * @see Ethayarajh 2019 (average cosine of contextual features), https://arxiv.org/abs/1909.00512
 *
 * @example
 * ```ts
 * featureCosine([[1, 0], [0, 2], [0, 3]]); // => { mean: 0.333333, standardDeviation: 0.471405, min: 0, max: 1 }
 * ```
 */
export function featureCosine(features: readonly ArrayLike<number>[]): FeatureCosine {
  const { rows, columns, data } = unitRows('featureCosine', features);
  let pairs = 0;
  let centre = 0;
  let squares = 0;
  let min = 1;
  let max = -1;
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < i; j++) {
      // Rounding may leave [-1, 1] by a few units in the last place.
      const cosine = Math.min(1, Math.max(-1, rowProduct(data, columns, i, j)));
      // Welford's update: all cosines may be near 1, where a difference of squares would cancel.
      const step = cosine - centre;
      centre += step / ++pairs;
      squares += step * (cosine - centre);
      min = Math.min(min, cosine);
      max = Math.max(max, cosine);
    }
  }
  return { mean: centre, standardDeviation: Math.sqrt(squares / pairs), min, max };
}

/**
 * Mean cosine of all pairs of features, without looking at the pairs.
 *
 *     meanCosine = (|sum_i u_i|^2 - N) / (N (N - 1)),   u_i = f_i / |f_i|
 *
 * Unit: none. Range: [-1 / (N - 1), 1]. The same number as `featureCosine(features).mean`, in `O(N D)`;
 * near 1 is the limited feature variability under which one update moves every context alike. Misleads
 * as {@link featureCosine} does.
 *
 * @param features - `[N][D]`, finite, none zero, `N >= 2`.
 * @returns The mean over the pairs.
 * @throws RangeError if there are fewer than two features, their lengths differ, or one is zero or not
 *   finite.
 * @see Ethayarajh 2019, https://arxiv.org/abs/1909.00512
 *
 * @example
 * ```ts
 * meanCosine([[1, 0], [0, 2], [0, 3]]); // => 0.333333
 * ```
 */
export function meanCosine(features: readonly ArrayLike<number>[]): number {
  const { rows, columns, data } = unitRows('meanCosine', features);
  const sums = new Float64Array(columns);
  data.forEach((value, i) => {
    sums[i % columns]! += value;
  });
  // Rounding may exceed 1 by a few units in the last place.
  return Math.min(1, (sumOfSquares(sums) - rows) / (rows * (rows - 1)));
}

/**
 * How much features vary about their mean, as a share of their size.
 *
 *     centredVarianceRatio = mean_i |f_i - mean f|^2 / mean_i |f_i|^2 = 1 - |mean f|^2 / mean_i |f_i|^2
 *
 * Unit: none. Range: [0, 1]; 0 when all features are equal, 1 when their mean is 0. Misleads when lengths
 * differ much, since long features decide it, and for small N: independent features of mean 0 give only
 * `1 - 1 / N` on average.
 *
 * @param features - `[N][D]`, finite, not all zero.
 * @returns The ratio.
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
  const total = sumOfSquares(matrix.data);
  if (total === 0) {
    throw new RangeError('centredVarianceRatio: features has only zeros, expected one that is not');
  }
  return sumOfSquares(centred(matrix).data) / total;
}

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

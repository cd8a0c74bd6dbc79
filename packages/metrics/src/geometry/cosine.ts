import {
  centred,
  featureMatrix,
  type Matrix,
  rowProduct,
  sumOfSquares,
} from '../numbers/matrix.js';
import { unitRows } from '../numbers/unit-rows.js';

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
 * Looks at every pair, `O(N^2 D)`; {@link meanCosine} takes `O(N D)`. Unit: none. Range: [-1, 1] each, but the
 * mean is at least -1 / (N - 1). Misleads when a few coordinates or a common offset are large, which makes
 * everything alike: see {@link centredVarianceRatio}; pairs are not independent, so its spread gives no
 * standard error.
 *
 * @param features - `[N][D]`, finite, none zero, `N >= 2`.
 * @returns Mean, standard deviation, minimum and maximum over the pairs.
 * @throws RangeError if there are fewer than two features, their lengths differ, or one is zero or not finite.
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
 * Equals `featureCosine(features).mean`, in `O(N D)`. Near 1 features hardly vary, and one update moves every
 * context alike. Unit: none. Range: [-1 / (N - 1), 1]. Misleads as {@link featureCosine} does.
 *
 * @param features - `[N][D]`, finite, none zero, `N >= 2`.
 * @throws As {@link featureCosine}.
 * @see Ethayarajh 2019, https://arxiv.org/abs/1909.00512
 *
 * @example
 * ```ts
 * meanCosine([[1, 0], [0, 2], [0, 3]]); // => 0.333333
 * ```
 */
export function meanCosine(features: readonly ArrayLike<number>[]): number {
  return meanOfPairs(unitRows('meanCosine', features));
}

/**
 * Mean cosine of all pairs of features once their mean is taken out: what of {@link meanCosine} is not a common offset.
 *
 *     centredMeanCosine = meanCosine(f_i - mean f)
 *
 * Unit: none. Range: [-1 / (N - 1), 1]; about `-1 / (N - 1)` where nothing but the offset was common. Misleads for small N, where
 * centring alone makes features differ.
 *
 * @param features - `[N][D]`, finite, none of them the mean of all, `N >= 2`.
 * @returns The mean over the pairs.
 * @throws RangeError if there are fewer than two features, their lengths differ, one is not finite, or one is the mean of all.
 * @see Mu and Viswanath 2018 (taking out the mean), https://arxiv.org/abs/1702.01417
 *
 * @example
 * ```ts
 * meanCosine([[9, 1], [9, -1], [8, 0], [10, 0]]); // => 0.991857
 * centredMeanCosine([[9, 1], [9, -1], [8, 0], [10, 0]]); // => -0.333333
 * ```
 */
export function centredMeanCosine(features: readonly ArrayLike<number>[]): number {
  const where = 'centredMeanCosine';
  const { rows, columns, data } = centred(featureMatrix(where, features, 2));
  const each = Array.from({ length: rows }, (_, i) =>
    data.subarray(i * columns, (i + 1) * columns),
  );
  return meanOfPairs(unitRows(where, each));
}

/** Of rows of length 1. */
function meanOfPairs({ rows, columns, data }: Matrix): number {
  const sums = new Float64Array(columns);
  data.forEach((value, i) => {
    sums[i % columns]! += value;
  });
  // Rounding may exceed 1 by a few units in the last place.
  return Math.min(1, (sumOfSquares(sums) - rows) / (rows * (rows - 1)));
}

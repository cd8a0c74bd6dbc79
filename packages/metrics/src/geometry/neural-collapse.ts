import { checkCount, checkInteger, checkSameLength } from '../check.js';
import {
  centred,
  featureMatrix,
  type Matrix,
  rowProduct,
  sumOfSquares,
  transposed,
} from '../numbers/matrix.js';
import { singular } from '../numbers/singular-values.js';

/** Features by class; every class counts alike, however many features it has. */
interface Classes {
  readonly features: Matrix;
  /** The classes, ascending, and which row of `means` each feature belongs to. */
  readonly labels: readonly number[];
  readonly classOf: readonly number[];
  /** `[C, D]`, and the same less their mean. */
  readonly means: Matrix;
  readonly centredMeans: Matrix;
}

function classesOf(
  where: string,
  features: readonly ArrayLike<number>[],
  given: ArrayLike<number>,
): Classes {
  const matrix = featureMatrix(where, features, 2);
  checkSameLength(where, ['features', features], ['labels', given]);
  const every = Array.from(given, (label, i) => {
    checkInteger(where, `labels[${i}]`, label, 0);
    return label;
  });
  const labels = [...new Set(every)].sort((a, b) => a - b);
  checkCount(where, 'classes among labels', labels.length, 2);
  const index = new Map(labels.map((label, c) => [label, c]));
  const classOf = every.map((label) => index.get(label)!);
  const { columns } = matrix;
  const counts = labels.map(() => 0);
  for (const c of classOf) counts[c]!++;
  const data = new Float64Array(labels.length * columns);
  matrix.data.forEach((value, i) => {
    const c = classOf[Math.floor(i / columns)]!;
    data[c * columns + (i % columns)]! += value / counts[c]!;
  });
  const means = { rows: labels.length, columns, data };
  const centredMeans = centred(means);
  if (!(sumOfSquares(centredMeans.data) > 0)) {
    throw new RangeError(`${where}: features has equal class means, expected some that differ`);
  }
  return { features: matrix, labels, classOf, means, centredMeans };
}

/** The rows of a classifier that belong to the classes there are. */
function classifierRows(
  where: string,
  classifier: readonly ArrayLike<number>[],
  { labels, means: { columns } }: Classes,
): Matrix {
  checkCount(where, 'classifier', classifier.length, labels[labels.length - 1]! + 1);
  const rows = featureMatrix(
    where,
    labels.map((label) => classifier[label]!),
    2,
    'classifier rows of the labels',
  );
  if (rows.columns === columns) return rows;
  throw new RangeError(
    `${where}: classifier has rows of ${rows.columns} entries, expected ${columns} (as features)`,
  );
}

/**
 * Neural collapse, first measure (NC1): how much features vary within a class, against how classes vary.
 *
 *     NC1 = tr(Sigma_W pinv(Sigma_B)) / C,   Sigma_W = mean of (f - mu_c)(f - mu_c)^T,   Sigma_B = mean of (mu_c - mu)(mu_c - mu)^T
 *
 * Means over classes, and within a class over its features, so that with as many features in each class it is the paper's. Labels
 * of a language model are the next tokens. Unit: none. Range: [0, infinity); 0 when each class has become a point. Misleads when a
 * direction hardly differs between classes: the inverse makes it count most.
 *
 * @param features - `[N][D]`, finite, at least two.
 * @param labels - `[N]`, integers of at least 0, of two classes or more.
 * @returns The ratio.
 * @throws RangeError if lengths differ, a value is not finite, a label is no such integer, there is one class only, or all class means are
 *   equal.
 * @see Papyan et al. 2020, https://arxiv.org/abs/2008.08186
 *
 * @example
 * ```ts
 * withinClassVariability([[2, 1], [2, -1], [-2, 0]], [0, 0, 1]); // => 0
 * withinClassVariability([[3, 0], [1, 0], [-2, 0]], [0, 0, 1]); // => 0.0625
 * ```
 */
export function withinClassVariability(
  features: readonly ArrayLike<number>[],
  labels: ArrayLike<number>,
): number {
  const classes = classesOf('withinClassVariability', features, labels);
  const { features: matrix, classOf, means, centredMeans } = classes;
  const counts = classes.labels.map((_, c) => classOf.filter((other) => other === c).length);
  const { values, left } = singular(transposed(centredMeans));
  let sum = 0;
  left.slice(0, means.rows - 1).forEach((direction, k) => {
    if (values[k]! <= NOTHING * values[0]!) return;
    for (let i = 0; i < matrix.rows; i++) {
      const c = classOf[i]!;
      let along = 0;
      direction.forEach((x, d) => {
        const at = matrix.data[i * matrix.columns + d]! - means.data[c * matrix.columns + d]!;
        along += x * at;
      });
      sum += (along / values[k]!) ** 2 / counts[c]!;
    }
  });
  return sum / means.rows;
}

/** Singular values below this share of the largest count as 0, as `numpy.linalg.pinv` of their squares has it. */
const NOTHING = 3e-8;

/** What {@link classMeanSimplex} returns: all 0 when class means are the corners of a simplex. */
export interface ClassMeanSimplex {
  /** Standard deviation of the lengths of the centred class means, over their mean. */
  readonly equinorm: number;
  /** Standard deviation of the cosines of pairs. */
  readonly equiangularity: number;
  /** Mean of `|cosine + 1 / (C - 1)|`: how far they are from the widest angle that C vectors can have in common. */
  readonly maximalAngle: number;
}

/**
 * Neural collapse, second measure (NC2): are class means the corners of a simplex?
 *
 *     m_c = mu_c - mu:   std |m_c| / mean |m_c|,   std cos(m_c, m_d),   mean |cos(m_c, m_d) + 1 / (C - 1)|
 *
 * Every class counts alike. Unit: none. Range: [0, infinity), [0, 1] and [0, 2]. Misleads with more classes than dimensions, which have no
 * such simplex: tokens of a language model never reach 0.
 *
 * @param features - `[N][D]`, finite, at least two.
 * @param labels - `[N]`, integers of at least 0, of two classes or more.
 * @returns The three.
 * @throws As {@link withinClassVariability}; RangeError if a class mean is the mean of all of them.
 * @see Papyan et al. 2020, https://arxiv.org/abs/2008.08186
 *
 * @example
 * ```ts
 * classMeanSimplex([[1, 0], [0, 3], [-1, 0], [0, -3]], [0, 1, 2, 3]);
 * // => { equinorm: 0.5, equiangularity: 0.471405, maximalAngle: 0.444444 }
 * ```
 */
export function classMeanSimplex(
  features: readonly ArrayLike<number>[],
  labels: ArrayLike<number>,
): ClassMeanSimplex {
  const where = 'classMeanSimplex';
  const { labels: classes, centredMeans } = classesOf(where, features, labels);
  const { rows: C, columns, data } = centredMeans;
  const product = (c: number, d: number): number => rowProduct(data, columns, c, d);
  const lengths = classes.map((label, c) => {
    const length = Math.sqrt(product(c, c));
    if (length > 0) return length;
    throw new RangeError(
      `${where}: the mean of class ${label} is the mean of all, expected one with a direction`,
    );
  });
  const cosines = lengths.flatMap((length, c) =>
    lengths.slice(0, c).map((other, d) => product(c, d) / length / other),
  );
  const lengthMoments = moments(lengths);
  return {
    equinorm: lengthMoments.deviation / lengthMoments.mean,
    equiangularity: moments(cosines).deviation,
    maximalAngle: moments(cosines.map((cosine) => Math.abs(cosine + 1 / (C - 1)))).mean,
  };
}

function moments(values: readonly number[]): { readonly mean: number; readonly deviation: number } {
  const mean = values.reduce((sum, x) => sum + x, 0) / values.length;
  const square = values.reduce((sum, x) => sum + (x - mean) ** 2, 0) / values.length;
  return { mean, deviation: Math.sqrt(square) };
}

/**
 * Neural collapse, third measure (NC3): how far the classifier is from the centred class means, both of norm 1.
 *
 *     NC3 = | W / |W|_F - M / |M|_F |_F^2,   M with the rows mu_c - mu
 *
 * Of the classes that occur among the labels; every class counts alike. Unit: none. Range: [0, 4]; 0 when they are the same up to scale
 * (self-duality), 2 when they have nothing to do with each other. Misleads when rows of W share an offset, which changes no probability.
 *
 * @param features - `[N][D]`, finite, at least two.
 * @param labels - `[N]`, integers of at least 0, of two classes or more.
 * @param classifier - `[V][D]`, row `v` of class `v`.
 * @returns The squared distance.
 * @throws As {@link withinClassVariability}; RangeError if the classifier lacks a row, its rows have another length, or are all zero.
 * @see Papyan et al. 2020, https://arxiv.org/abs/2008.08186
 *
 * @example
 * ```ts
 * selfDuality([[2, 0], [-2, 0]], [0, 1], [[1, 0], [-1, 0]]); // => 0
 * selfDuality([[2, 0], [-2, 0]], [0, 1], [[0, 1], [0, -1]]); // => 2
 * ```
 */
export function selfDuality(
  features: readonly ArrayLike<number>[],
  labels: ArrayLike<number>,
  classifier: readonly ArrayLike<number>[],
): number {
  const where = 'selfDuality';
  const classes = classesOf(where, features, labels);
  const W = classifierRows(where, classifier, classes);
  const M = classes.centredMeans;
  const [ofW, ofM] = [Math.sqrt(sumOfSquares(W.data)), Math.sqrt(sumOfSquares(M.data))];
  if (!(ofW > 0)) {
    throw new RangeError(`${where}: classifier has only zeros, expected one that is not`);
  }
  return sumOfSquares(W.data.map((value, i) => value / ofW - M.data[i]! / ofM));
}

/**
 * Neural collapse, fourth measure (NC4): how often the classifier decides otherwise than the nearest class mean.
 *
 *     NC4 = mean of [ argmax_c <w_c, f>  is not  argmin_c |f - mu_c| ]
 *
 * Among the classes that occur; of equally good ones the smaller counts. Unit: share of features. Range: [0, 1]; 0 when they agree.
 * Misleads when classes that do not occur would win.
 *
 * @param features - `[N][D]`, finite, at least two.
 * @param labels - `[N]`, integers of at least 0, of two classes or more.
 * @param classifier - `[V][D]`, row `v` of class `v`.
 * @returns The share.
 * @throws As {@link withinClassVariability}; RangeError if the classifier lacks a row or its rows have another length.
 * @see Papyan et al. 2020, https://arxiv.org/abs/2008.08186
 *
 * @example
 * ```ts
 * nearestMeanMismatch([[2, 0], [1, 0], [-2, 0]], [0, 0, 1], [[1, 0], [-1, 0]]); // => 0
 * nearestMeanMismatch([[2, 0], [1, 0], [-2, 0]], [0, 0, 1], [[-1, 0], [1, 0]]); // => 1
 * ```
 */
export function nearestMeanMismatch(
  features: readonly ArrayLike<number>[],
  labels: ArrayLike<number>,
  classifier: readonly ArrayLike<number>[],
): number {
  const where = 'nearestMeanMismatch';
  const classes = classesOf(where, features, labels);
  const W = classifierRows(where, classifier, classes);
  const { features: matrix, means } = classes;
  const { columns, rows } = matrix;
  let mismatches = 0;
  for (let i = 0; i < rows; i++) {
    const f = matrix.data.subarray(i * columns, (i + 1) * columns);
    const best = (score: (x: number, c: number) => number, of: Matrix): number => {
      const scores = classes.labels.map((_, c) =>
        f.reduce((sum, x, d) => sum + score(x, of.data[c * columns + d]!), 0),
      );
      return scores.indexOf(Math.max(...scores));
    };
    if (best((x, w) => x * w, W) !== best((x, mu) => -((x - mu) ** 2), means)) mismatches++;
  }
  return mismatches / rows;
}

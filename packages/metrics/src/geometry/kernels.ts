import { checkCount, checkSameLength } from '../check.js';
import {
  centred,
  featureMatrix,
  type Matrix,
  rescaled,
  sumOfSquares,
  transposed,
} from '../numbers/matrix.js';

/**
 * Centred kernel alignment (CKA): how alike two kernels of the same items are.
 *
 *     alignment = <H A H, H B H>_F / (|H A H|_F |H B H|_F),   H = I - 1 1^T / N
 *
 * Of the kernels `X X^T` and `Y Y^T` it is {@link linearCka}. Unit: none. Range: [0, 1] for kernels, [-1, 1] for other symmetric matrices.
 * Misleads as that does: the largest directions decide it.
 *
 * @param a - `[N][N]`, symmetric, finite, `N >= 2`.
 * @param b - `[N][N]`: of the same items in the same order.
 * @returns The alignment.
 * @throws RangeError if a side is not square, sizes differ, a value is not finite, or a side is 0 once centred.
 * @see Cortes et al. 2012, https://jmlr.org/papers/v13/cortes12a.html; Kornblith et al. 2019, https://arxiv.org/abs/1905.00414
 *
 * @example
 * ```ts
 * kernelAlignment([[2, 0, -2], [0, 0, 0], [-2, 0, 2]], [[1, 0, 0], [0, 1, 0], [0, 0, 1]]); // => 0.707107
 * ```
 */
export function kernelAlignment(
  a: readonly ArrayLike<number>[],
  b: readonly ArrayLike<number>[],
): number {
  checkSameLength('kernelAlignment', ['a', a], ['b', b]);
  return alignment(
    centredKernel('kernelAlignment', 'a', a),
    centredKernel('kernelAlignment', 'b', b),
  );
}

/**
 * Kernel-target alignment: does a kernel tell items of different labels apart?
 *
 *     alignment = {@link kernelAlignment} of K and Y,   Y_ij = 1 if the labels are equal, else 0
 *
 * Unit: none. Range: [0, 1] for kernels. Misleads with more classes than the kernel has strong directions, and for labels that are nearly
 * all different.
 *
 * @param kernel - `[N][N]`, symmetric, finite, `N >= 2`.
 * @param labels - `[N]`, numbers or texts; not all equal.
 * @returns The alignment.
 * @throws RangeError if the kernel is not square, not finite, or 0 once centred, lengths differ, or all labels are equal.
 * @see Cristianini et al. 2001, centred as Cortes et al. 2012 do, https://jmlr.org/papers/v13/cortes12a.html
 *
 * @example
 * ```ts
 * kernelTargetAlignment([[1, 1, 0], [1, 1, 0], [0, 0, 1]], ['a', 'a', 'b']); // => 1
 * ```
 */
export function kernelTargetAlignment(
  kernel: readonly ArrayLike<number>[],
  labels: readonly (number | string)[],
): number {
  const where = 'kernelTargetAlignment';
  checkSameLength(where, ['kernel', kernel], ['labels', labels]);
  const same = labels.map((label) => labels.map((other) => Number(Object.is(label, other))));
  return alignment(centredKernel(where, 'kernel', kernel), centredKernel(where, 'labels', same));
}

function alignment(a: Matrix, b: Matrix): number {
  const both = a.data.reduce((sum, value, i) => sum + value * b.data[i]!, 0);
  const cosine = both / Math.sqrt(sumOfSquares(a.data) * sumOfSquares(b.data));
  return Math.max(-1, Math.min(1, cosine));
}

/** `H K H`, up to scale. */
function centredKernel(where: string, name: string, kernel: readonly ArrayLike<number>[]): Matrix {
  checkCount(where, name, kernel.length, 2);
  const matrix = featureMatrix(where, kernel, 2, name);
  if (matrix.columns !== matrix.rows) {
    throw new RangeError(
      `${where}: ${name} has rows of ${matrix.columns} entries, expected ${matrix.rows} (a square)`,
    );
  }
  const both = rescaled(centred(transposed(centred(matrix))));
  // Rounding of entries near 1 is no variation.
  if (sumOfSquares(centred(transposed(centred(matrix))).data) > (1e-14 * matrix.rows) ** 2)
    return both;
  throw new RangeError(`${where}: ${name} is 0 once centred, expected items that differ`);
}

/** What {@link featureDrift} returns. */
export interface FeatureDrift {
  /** `|after - before|_F / |before|_F`. */
  readonly distance: number;
  /** Angle between both as vectors, radians: how far they turned, whatever their size. */
  readonly angle: number;
  /** `|after|_F / |before|_F`. */
  readonly growth: number;
}

/**
 * Drift: how far features, or a kernel, have moved.
 *
 *     distance = |B - A|_F / |A|_F,   cos angle = <A, B>_F / (|A|_F |B|_F),   growth = |B|_F / |A|_F
 *
 * Of kernels `1 - cos angle` is the kernel distance of Fort et al.; where it stays small training is lazy: the kernel that explains the first
 * step explains the later ones. What rotates features all alike moves them and no kernel: see {@link linearCka} and {@link procrustes}.
 * Unit: none, radians, none. Range: [0, infinity), [0, pi], [0, infinity). Misleads when a large part that all share stays: centre
 * first.
 *
 * @param before - `[N][D]`, finite, not all zero: features, or the rows of a kernel.
 * @param after - `[N][D]`, finite, not all zero: of the same items in the same order.
 * @returns The three.
 * @throws RangeError if shapes differ, a value is not finite, or a side is all zero.
 * @see Fort et al. 2020, eq. 4, https://arxiv.org/abs/2010.15110
 *
 * @example
 * ```ts
 * featureDrift([[1, 0], [0, 1]], [[0, 2], [-2, 0]]); // => { distance: 2.236068, angle: 1.570796, growth: 2 }
 * ```
 */
export function featureDrift(
  before: readonly ArrayLike<number>[],
  after: readonly ArrayLike<number>[],
): FeatureDrift {
  const where = 'featureDrift';
  checkSameLength(where, ['before', before], ['after', after]);
  const [a, b] = [
    featureMatrix(where, before, 1, 'before'),
    featureMatrix(where, after, 1, 'after'),
  ];
  if (a.columns !== b.columns) {
    throw new RangeError(
      `${where}: after has rows of ${b.columns} entries, expected ${a.columns} (as before)`,
    );
  }
  const [ofA, ofB] = [a, b].map(({ data }, i) => {
    const norm = Math.sqrt(sumOfSquares(data));
    if (norm > 0) return norm;
    throw new RangeError(
      `${where}: ${i === 0 ? 'before' : 'after'} has only zeros, expected one that is not`,
    );
  }) as [number, number];
  const ratio = b.scale / a.scale;
  const apart = (sign: number): number =>
    Math.sqrt(sumOfSquares(a.data.map((value, i) => value / ofA + (sign * b.data[i]!) / ofB)));
  // After much larger than before: the difference is after.
  const growth = (ofB / ofA) * ratio;
  const difference = Math.sqrt(
    sumOfSquares(a.data.map((value, i) => b.data[i]! * Math.min(ratio, 1e100) - value)),
  );
  return {
    distance: ratio > 1e100 ? growth : difference / ofA,
    angle: 2 * Math.atan2(apart(-1), apart(1)),
    growth,
  };
}

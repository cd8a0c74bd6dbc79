import { checkCount, checkFinite, resolveOptions } from '../check.js';
import { symmetricEigenvalues } from '../numbers/eigenvalues.js';
import { smallerGram } from '../numbers/matrix.js';
import { unitRows } from '../numbers/unit-rows.js';

/** Options of {@link vendiScore} and {@link vendiScoreOfKernel}. */
export interface VendiOptions {
  /** Order of the Renyi entropy, at least 0 or `Infinity`: small orders see what is rare. @defaultValue 1 */
  readonly order?: number;
}

/**
 * Vendi score of features: how many different ones there are in effect, by their cosines.
 *
 *     vendiScore = exp(H(lambda)),   lambda the eigenvalues of K / n,   K[i][j] = cosine(f_i, f_j)
 *
 * Unit: items. Range: [1, min(n, D)]; 1 if all point one way, n if all are orthogonal. Misleads across n, and
 * by its features: what they do not tell apart counts as one.
 *
 * @param features - `[n][D]`, finite, none zero.
 * @throws As {@link featureCosine}, but one feature is enough; RangeError if `order` is negative.
 * @see Friedman and Dieng 2023, https://arxiv.org/abs/2210.02410
 *
 * @example
 * ```ts
 * vendiScore([[1, 0], [0, 2], [0, 3]]); // => 1.889882
 * ```
 */
export function vendiScore(
  features: readonly ArrayLike<number>[],
  options: VendiOptions = {},
): number {
  const { order } = resolveOptions('vendiScore', options, { order: 1 });
  const matrix = unitRows('vendiScore', features, 1);
  const { size, data } = smallerGram(matrix);
  return effectiveNumber('vendiScore', symmetricEigenvalues(data, size), matrix.rows, order);
}

/**
 * Vendi score from similarities.
 *
 *     exp(H(lambda)),   lambda the eigenvalues of K / n
 *
 * Unit: items. Range: [1, n]. Misleads by its kernel: state it.
 *
 * @param kernel - `[n][n]`, symmetric, positive semidefinite, 1 on the diagonal.
 * @throws RangeError if the kernel is empty, not square, not finite, not symmetric, or has another diagonal, or
 *   `order` is negative.
 * @see Friedman and Dieng 2023, https://arxiv.org/abs/2210.02410
 *
 * @example
 * ```ts
 * vendiScoreOfKernel([[1, 0.5], [0.5, 1]]); // => 1.754765
 * ```
 */
export function vendiScoreOfKernel(
  kernel: readonly ArrayLike<number>[],
  options: VendiOptions = {},
): number {
  const { order } = resolveOptions('vendiScoreOfKernel', options, { order: 1 });
  const n = kernel.length;
  checkCount('vendiScoreOfKernel', 'kernel', n, 1);
  const data = new Float64Array(n * n);
  kernel.forEach((row, i) => {
    if (row.length !== n) {
      throw new RangeError(
        `vendiScoreOfKernel: kernel[${i}] has ${row.length} entries, expected ${n} (a square)`,
      );
    }
    checkFinite('vendiScoreOfKernel', `kernel[${i}]`, row);
    for (let j = 0; j <= i; j++) {
      const wanted = i === j ? 1 : kernel[j]![i]!;
      if (Math.abs(row[j]! - wanted) > 1e-6) {
        throw new RangeError(
          `vendiScoreOfKernel: kernel[${i}][${j}] is ${row[j]}, expected ${wanted} (${i === j ? '1 on the diagonal' : 'symmetric'})`,
        );
      }
    }
    data.set(row, i * n);
  });
  return effectiveNumber('vendiScoreOfKernel', symmetricEigenvalues(data, n), n, order);
}

function effectiveNumber(
  where: string,
  eigenvalues: Float64Array,
  n: number,
  order: number,
): number {
  if (!(order >= 0)) throw new RangeError(`${where}: order is ${order}, expected a number >= 0`);
  // What rounding can leave where there is nothing.
  const noise = 4 * eigenvalues.length * Number.EPSILON;
  const p = eigenvalues.map((value) => value / n).filter((value) => value > noise);
  if (order === Infinity) return 1 / p.reduce((a, b) => Math.max(a, b), 0);
  if (order === 1) return Math.exp(-p.reduce((sum, x) => sum + x * Math.log(x), 0));
  return p.reduce((sum, x) => sum + x ** order, 0) ** (1 / (1 - order));
}

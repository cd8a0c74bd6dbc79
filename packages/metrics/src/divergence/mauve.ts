import { checkCount, checkInteger, checkNumberOf, resolveOptions } from '../check.js';
import { kMeans } from '../numbers/k-means.js';
import { unitRows } from '../numbers/unit-rows.js';
import { checkBoth, kl } from './divergence.js';

/** Options of {@link mauve}. */
export interface MauveOptions {
  /** Random source of the clusters' first centres: each call gives the next number, uniform in [0, 1). */
  readonly uniform: () => number;
  /** Number of clusters. @defaultValue a tenth of the smaller set, at least 2 */
  readonly clusters?: number;
  /** How fast similarity falls with divergence. @defaultValue 5 */
  readonly scaling?: number;
  /** At most this many rounds of k-means. @defaultValue 500 */
  readonly rounds?: number;
}

/**
 * MAUVE-like similarity of two sets of texts by their features: do they fill the same regions?
 *
 *     features -> unit length -> k-means of both sets together -> histograms p, q -> mauveOfHistograms(p, q)
 *
 * MAUVE without its first step, the principal components. Unit: none. Range: (0, 1]; 1 for equal histograms.
 * Misleads across features, numbers of clusters and seeds: keep them equal, and average over seeds; and for
 * small sets, whose histograms differ by chance.
 *
 * @param p - `[n][D]`, finite, none zero: features of one set, from a language model.
 * @param q - `[m][D]`: of the other.
 * @throws RangeError if a set is empty, lengths differ, a feature is zero or not finite, or an option is not
 *   valid.
 * @see Pillutla et al. 2021, https://arxiv.org/abs/2102.01454
 *
 * @example
 * ```ts
 * const uniform = () => 0.5;
 * const right = [[1, 0], [1, 0.1], [1, -0.1]];
 * const up = [[0, 1], [0.1, 1], [-0.1, 1]];
 * mauve(right, right, { uniform }); // => 1
 * mauve(right, up, { uniform }) < 0.1; // => true
 * ```
 */
export function mauve(
  p: readonly ArrayLike<number>[],
  q: readonly ArrayLike<number>[],
  options: MauveOptions,
): number {
  const { uniform, clusters, scaling, rounds } = resolveOptions('mauve', options, {
    uniform: undefined,
    clusters: Math.max(2, Math.round(Math.min(p.length, q.length) / 10)),
    scaling: 5,
    rounds: 500,
  });
  checkCount('mauve', 'p', p.length, 1);
  checkCount('mauve', 'q', q.length, 1);
  checkInteger('mauve', 'rounds', rounds, 1);
  const { rows, columns, data } = unitRows('mauve', [...p, ...q]);
  checkNumberOf('mauve', 'clusters', clusters, 1, rows, ' (all features)');
  const points = Array.from({ length: rows }, (_, i) =>
    data.subarray(i * columns, (i + 1) * columns),
  );
  const labels = kMeans(points, clusters, rounds, uniform);
  const histogram = (part: Int32Array): Float64Array => {
    const counts = new Float64Array(clusters);
    for (const label of part) counts[label]! += 1 / part.length;
    return counts;
  };
  return mauveOfHistograms(
    histogram(labels.subarray(0, p.length)),
    histogram(labels.subarray(p.length)),
    { scaling },
  );
}

/**
 * MAUVE of two histograms: the area under the curve of the two kinds of error.
 *
 *     curve = ( exp(-c KL(q || r)), exp(-c KL(p || r)) ),   r = w p + (1 - w) q over 25 weights w
 *
 * and the corners (1, 0) and (0, 1); c is `scaling`. Unit: none. Range: (0, 1]; symmetric; 1 for equal
 * histograms. Misleads across scalings.
 *
 * @param p - `[K]`, probabilities of sum 1.
 * @param q - `[K]`, likewise.
 * @returns The mean of the areas under the curve and under its mirror image.
 * @throws RangeError if the lengths differ, one is no distribution, or `scaling` is not above 0.
 * @see Pillutla et al. 2021, section 2, https://arxiv.org/abs/2102.01454
 *
 * @example
 * ```ts
 * mauveOfHistograms([0.5, 0.5], [0.25, 0.75]); // => 0.941004
 * ```
 */
export function mauveOfHistograms(
  p: ArrayLike<number>,
  q: ArrayLike<number>,
  options: { readonly scaling?: number } = {},
): number {
  const { scaling } = resolveOptions('mauveOfHistograms', options, { scaling: 5 });
  checkBoth('mauveOfHistograms', p, q);
  if (!(scaling > 0 && scaling < Infinity)) {
    throw new RangeError(`mauveOfHistograms: scaling is ${scaling}, expected a number above 0`);
  }
  const weights = 25;
  const curve: [number, number][] = [[1, 0]];
  for (let i = 0; i < weights; i++) {
    const w = 1e-6 + ((1 - 2e-6) * i) / (weights - 1);
    const mixed = Float64Array.from(p, (value, k) => w * value + (1 - w) * q[k]!);
    curve.push([Math.exp(-scaling * kl(q, mixed)), Math.exp(-scaling * kl(p, mixed))]);
  }
  curve.push([0, 1]);
  let [under, mirrored] = [0, 0];
  for (let i = 1; i < curve.length; i++) {
    const [[x0, y0], [x1, y1]] = [curve[i - 1]!, curve[i]!];
    under += ((x0 - x1) * (y0 + y1)) / 2;
    mirrored += ((y1 - y0) * (x0 + x1)) / 2;
  }
  return Math.min(1, (under + mirrored) / 2);
}

import { checkFinite, checkInteger, checkSameLength, resolveOptions } from '../check.js';
import { logBinomial } from '../numbers/log-binomial.js';
import { checkUniform, nextIndex, nextUniform } from '../numbers/uniform.js';

/** Options of {@link permutationTest} and {@link pairedPermutationTest}. */
export interface PermutationOptions {
  /** Random source: each call gives the next number, uniform in [0, 1). */
  readonly uniform: () => number;
  /** How many permutations are drawn; all are taken if there are no more than that. @defaultValue 10000 */
  readonly resamples?: number;
}

/** What a permutation test returns. */
export interface PermutationTest {
  /** Mean of `a` less mean of `b`. */
  readonly difference: number;
  /** Two-sided p-value. */
  readonly p: number;
  /** Whether every permutation was looked at. */
  readonly exact: boolean;
}

/**
 * Permutation test of two independent samples: could labels be exchanged?
 *
 *     p = share of relabellings with |difference of means| at least as large as the one seen
 *
 * Drawn relabellings count the data as one more: `(hits + 1) / (resamples + 1)`. Unit: probability. Range: (0,
 * 1]. Misleads as evidence of equal means when spreads and sizes differ much: it tests equal distributions.
 *
 * @param a - `[n]`, finite.
 * @param b - `[m]`, finite.
 * @throws RangeError if a sample is empty or not finite, or an option is out of range.
 * @see Pitman 1937, https://doi.org/10.2307/2984124
 *
 * @example
 * ```ts
 * permutationTest([5, 6], [1, 2], { uniform: () => 0.5 }); // => { difference: 4, p: 0.333333, exact: true }
 * ```
 */
export function permutationTest(
  a: ArrayLike<number>,
  b: ArrayLike<number>,
  options: PermutationOptions,
): PermutationTest {
  const where = 'permutationTest';
  const { uniform, resamples } = checked(where, a, b, options);
  const n = a.length;
  const pool = Float64Array.from([...Array.from(a), ...Array.from(b)]);
  const total = pool.reduce((sum, value) => sum + value, 0);
  const differenceOf = (sum: number): number => sum / n - (total - sum) / b.length;
  const difference = differenceOf(pool.subarray(0, n).reduce((sum, value) => sum + value, 0));
  const reaches = atLeast(difference, pool);
  if (logBinomial(pool.length, n) <= Math.log(resamples) + 1e-9) {
    let [hits, count] = [0, 0];
    const choose = (from: number, left: number, sum: number): void => {
      if (left === 0) {
        count++;
        if (reaches(differenceOf(sum))) hits++;
        return;
      }
      for (let i = from; i <= pool.length - left; i++) choose(i + 1, left - 1, sum + pool[i]!);
    };
    choose(0, n, 0);
    return { difference, p: hits / count, exact: true };
  }
  let hits = 1;
  for (let r = 0; r < resamples; r++) {
    let sum = 0;
    for (let i = 0; i < n; i++) {
      const j = i + nextIndex(where, uniform, pool.length - i);
      [pool[i], pool[j]] = [pool[j]!, pool[i]!];
      sum += pool[i]!;
    }
    if (reaches(differenceOf(sum))) hits++;
  }
  return { difference, p: hits / (resamples + 1), exact: false };
}

/**
 * Permutation test of paired samples: could the two of each pair be exchanged?
 *
 *     p = share of sign patterns with |mean of +-(a[i] - b[i])| at least as large as the one seen
 *
 * Unit: probability. Range: (0, 1]; at least `2^(1 - n)` for n pairs. Misleads for few: five never reach 0.05.
 *
 * @param a - `[n]`, finite.
 * @param b - `[n]`, finite, in the same order.
 * @throws As {@link permutationTest}, and RangeError if the lengths differ.
 * @see Pitman 1937, https://doi.org/10.2307/2984124
 *
 * @example
 * ```ts
 * pairedPermutationTest([2, 3, 5], [1, 1, 1], { uniform: () => 0.5 }); // => { difference: 2.333333, p: 0.25, exact: true }
 * ```
 */
export function pairedPermutationTest(
  a: ArrayLike<number>,
  b: ArrayLike<number>,
  options: PermutationOptions,
): PermutationTest {
  const where = 'pairedPermutationTest';
  checkSameLength(where, ['a', a], ['b', b]);
  const { uniform, resamples } = checked(where, a, b, options);
  const n = a.length;
  const gaps = Float64Array.from(a, (value, i) => value - b[i]!);
  const difference = gaps.reduce((sum, gap) => sum + gap, 0) / n;
  const reaches = atLeast(difference, gaps);
  const exact = 2 ** n <= resamples;
  const patterns = exact ? 2 ** n : resamples;
  let hits = exact ? 0 : 1;
  for (let r = 0; r < patterns; r++) {
    let sum = 0;
    for (let i = 0; i < n; i++) {
      const flipped = exact ? (r >> i) & 1 : nextUniform(where, uniform) < 0.5;
      sum += flipped ? -gaps[i]! : gaps[i]!;
    }
    if (reaches(sum / n)) hits++;
  }
  return { difference, p: hits / (exact ? patterns : resamples + 1), exact };
}

function checked(
  where: string,
  a: ArrayLike<number>,
  b: ArrayLike<number>,
  options: PermutationOptions,
): Required<PermutationOptions> {
  const given = resolveOptions(where, options, { uniform: undefined, resamples: 10_000 });
  checkFinite(where, 'a', a, 1);
  checkFinite(where, 'b', b, 1);
  checkInteger(where, 'resamples', given.resamples, 1);
  checkUniform(where, given.uniform);
  return given;
}

/** Whether a difference is at least as far from 0; sums in another order may round differently. */
function atLeast(difference: number, values: Float64Array): (other: number) => boolean {
  const largest = values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  const bound = Math.abs(difference) - 1e-13 * values.length * largest;
  return (other) => Math.abs(other) >= bound;
}

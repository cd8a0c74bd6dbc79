import { checkInteger, checkNumber } from '../check.js';

/** What is kept of a stream of numbers: enough for mean, spread and extremes. */
export interface Moments {
  /** How many. */
  readonly n: number;
  /** Their mean; 0 for none. */
  readonly mean: number;
  /** Sum of squared distances from the mean. */
  readonly squares: number;
  /** The smallest; `Infinity` for none. */
  readonly min: number;
  /** The largest; `-Infinity` for none. */
  readonly max: number;
}

/** The moments at the start of a stream. */
export const noMoments: Moments = { n: 0, mean: 0, squares: 0, min: Infinity, max: -Infinity };

/**
 * One more number of a stream (Welford's update).
 *
 *     mean' = mean + (x - mean) / n',   squares' = squares + (x - mean) (x - mean')
 *
 * Unit: that of the numbers. Range: any finite. Misleads by its rounding, which depends on their order.
 *
 * @throws RangeError if `x` is not finite, `moments` is malformed, or the squares pass 1.8e308.
 * @see Welford 1962, https://doi.org/10.1080/00401706.1962.10490022
 *
 * @example
 * ```ts
 * [1, 2, 6].reduce(addMoment, noMoments).mean; // => 3
 * ```
 */
export function addMoment(moments: Moments, x: number): Moments {
  checkMoments('addMoment', 'moments', moments);
  checkNumber('addMoment', 'x', x);
  const { n, mean, squares, min, max } = moments;
  const step = x - mean;
  const next = mean + step / (n + 1);
  return withinRange('addMoment', {
    n: n + 1,
    mean: next,
    squares: squares + step * (x - next),
    min: Math.min(min, x),
    max: Math.max(max, x),
  });
}

/**
 * The moments of two streams together, as if they had been one.
 *
 *     squares = squares_a + squares_b + (mean_b - mean_a)^2 n_a n_b / (n_a + n_b)
 *
 * Associative and commutative up to rounding, so workers may report in any order. Unit: that of the numbers.
 * Range: any finite. Misleads as {@link addMoment} does.
 *
 * @throws RangeError if `a` or `b` is malformed, or the squares pass 1.8e308.
 * @see Chan et al. 1979, https://doi.org/10.1080/00031305.1983.10483115
 *
 * @example
 * ```ts
 * const a = [1, 2].reduce(addMoment, noMoments);
 * const b = [6].reduce(addMoment, noMoments);
 * mergeMoments(a, b); // => { n: 3, mean: 3, squares: 14, min: 1, max: 6 }
 * ```
 */
export function mergeMoments(a: Moments, b: Moments): Moments {
  checkMoments('mergeMoments', 'a', a);
  checkMoments('mergeMoments', 'b', b);
  if (a.n === 0) return b;
  if (b.n === 0) return a;
  const n = a.n + b.n;
  const step = b.mean - a.mean;
  return withinRange('mergeMoments', {
    n,
    mean: a.mean + (step * b.n) / n,
    squares: a.squares + b.squares + (step * step * a.n * b.n) / n,
    min: Math.min(a.min, b.min),
    max: Math.max(a.max, b.max),
  });
}

/**
 * Sample standard deviation from moments.
 *
 *     s = sqrt(squares / (n - 1))
 *
 * Unit: that of the numbers. Range: [0, infinity). Misleads as the uncertainty of a mean: that is `s / sqrt(n)`.
 *
 * @param moments - Of at least two numbers.
 * @returns The standard deviation; `null` for fewer than two.
 * @throws RangeError if `moments` is malformed.
 * @see Welford 1962, https://doi.org/10.1080/00401706.1962.10490022
 *
 * @example
 * ```ts
 * momentsDeviation([1, 3].reduce(addMoment, noMoments)); // => 1.414214
 * ```
 */
export function momentsDeviation(moments: Moments): number | null {
  checkMoments('momentsDeviation', 'moments', moments);
  const { n, squares } = moments;
  return n < 2 ? null : Math.sqrt(squares / (n - 1));
}

/** Moments may come from another process, or from a file. */
function checkMoments(where: string, name: string, moments: Moments): void {
  const { n, mean, squares, min, max } = moments;
  checkInteger(where, `${name}.n`, n, 0);
  checkNumber(where, `${name}.mean`, mean);
  if (!(squares >= 0 && squares < Infinity)) {
    throw new RangeError(`${where}: ${name}.squares is ${squares}, expected a finite number >= 0`);
  }
  if (n > 0 ? !(min <= max && max - min >= 0) : !(min === Infinity && max === -Infinity)) {
    throw new RangeError(
      `${where}: ${name} has min ${min} and max ${max} of ${n} numbers, expected min <= max, as addMoment makes them from noMoments`,
    );
  }
}

function withinRange(where: string, moments: Moments): Moments {
  if (!(Number.isFinite(moments.mean) && Number.isFinite(moments.squares))) {
    throw new RangeError(
      `${where}: squares is ${moments.squares}, expected numbers whose squares stay below 1.8e308; scale them down`,
    );
  }
  return moments;
}

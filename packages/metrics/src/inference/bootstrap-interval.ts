import { checkFinite, checkLevel, checkNumber } from '../check.js';
import { normalProbability, normalQuantile } from '../numbers/normal.js';
import { quantile } from '../numbers/quantile.js';
import { mean } from './mean.js';

/** From replicates to the ends of an interval. */
export type BootstrapMethod = (given: Replicates) => readonly [low: number, high: number];

/** What a {@link BootstrapMethod} works with. */
export interface Replicates {
  /** The statistic of every resample, ascending. */
  readonly replicates: Float64Array;
  /** The statistic of the data. */
  readonly estimate: number;
  /** Confidence level. */
  readonly level: number;
  /** The statistic with each item left out in turn. */
  readonly jackknife: () => Float64Array;
}

/**
 * Percentile interval of a bootstrap.
 *
 *     [ q((1 - level) / 2), q((1 + level) / 2) ]   of the replicates, by linear interpolation
 *
 * Unit: that of the statistic. Range: within the replicates. Misleads for skewed statistics and small n, where
 * it is too narrow: see {@link bca}.
 *
 * @throws RangeError if there is no replicate, a number is not finite, or `level` is outside (0, 1).
 * @see Efron and Tibshirani 1993, section 13.3, https://doi.org/10.1201/9780429246593
 *
 * @example
 * ```ts
 * const replicates = Float64Array.of(0, 1, 2, 3, 4);
 * percentile({ replicates, estimate: 2, level: 0.5, jackknife: () => replicates }); // => [1, 3]
 * ```
 */
export function percentile(given: Replicates): [number, number] {
  checkReplicates('percentile', given);
  const { replicates, level } = given;
  const tail = (1 - level) / 2;
  return [quantile(replicates, tail), quantile(replicates, 1 - tail)];
}

/**
 * Bias-corrected and accelerated (BCa) interval of a bootstrap.
 *
 *     [ q(Phi(z0 + (z0 + z) / (1 - a (z0 + z)))) ]   for z = Phi^-1 of both tails
 *
 * with the bias `z0 = Phi^-1(share of replicates below the estimate)` and the acceleration `a`, a sixth of the
 * jackknife's skewness. Unit: that of the statistic. Range: within the replicates. Misleads for n below about 10.
 *
 * @throws RangeError if all replicates lie on one side of the estimate, or as {@link percentile}.
 * @see Efron 1987, https://doi.org/10.2307/2289144
 *
 * @example
 * ```ts
 * const replicates = Float64Array.of(0, 1, 2, 3, 4);
 * bca({ replicates, estimate: 2, level: 0.5, jackknife: () => Float64Array.of(1, 2, 3) }); // => [1, 3]
 * ```
 */
export function bca(given: Replicates): [number, number] {
  checkReplicates('bca', given);
  const { replicates, estimate, level, jackknife } = given;
  let below = 0;
  for (const value of replicates) below += value < estimate ? 1 : value === estimate ? 0.5 : 0;
  const bias = normalQuantile(below / replicates.length);
  if (!Number.isFinite(bias)) {
    throw new RangeError(
      `bca: replicates has all entries on one side of the estimate ${estimate}, expected some on both; take percentile`,
    );
  }
  const left = jackknife();
  checkFinite('bca', 'jackknife()', left, 1);
  const centre = mean(left);
  const largest = left.reduce((most, value) => Math.max(most, Math.abs(centre - value)), 0);
  let [squares, cubes] = [0, 0];
  for (const value of left) {
    // In units of the largest, so that no power vanishes or overflows; all equal means no skewness.
    const gap = largest === 0 ? 0 : (centre - value) / largest;
    squares += gap ** 2;
    cubes += gap ** 3;
  }
  const acceleration = squares === 0 ? 0 : cubes / (6 * squares ** 1.5);
  const end = (probability: number): number => {
    const z = bias + normalQuantile(probability);
    return quantile(replicates, normalProbability(bias + z / (1 - acceleration * z)));
  };
  return [end((1 - level) / 2), end((1 + level) / 2)];
}

function checkReplicates(where: string, { replicates, estimate, level }: Replicates): void {
  checkFinite(where, 'replicates', replicates, 1);
  checkNumber(where, 'estimate', estimate);
  checkLevel(where, level);
}

/** Coefficients of Dormand and Prince's method: stages, the fifth-order solution (its last stage), and its distance from the fourth order. */
const STAGES = [
  [1 / 5],
  [3 / 40, 9 / 40],
  [44 / 45, -56 / 15, 32 / 9],
  [19372 / 6561, -25360 / 2187, 64448 / 6561, -212 / 729],
  [9017 / 3168, -355 / 33, 46732 / 5247, 49 / 176, -5103 / 18656],
  [35 / 384, 0, 500 / 1113, 125 / 192, -2187 / 6784, 11 / 84],
] as const;
const ERROR = [71 / 57600, 0, -71 / 16695, 71 / 1920, -17253 / 339200, 22 / 525, -1 / 40] as const;

const largest = (x: Float64Array): number =>
  x.reduce((most, each) => Math.max(most, Math.abs(each)), 0);

/** `x + h sum_i weights_i slopes_i`. */
function moved(
  x: Float64Array,
  h: number,
  weights: readonly number[],
  slopes: readonly Float64Array[],
): Float64Array {
  return x.map((value, j) => weights.reduce((sum, w, i) => sum + h * w * slopes[i]![j]!, value));
}

/** Steps shorter than this part of the way would take for ever. */
const LEAST = 1e-7;

/**
 * Follows `x' = f(x)` from `x` for a time, by Runge-Kutta of order 5 with steps that keep the error of each below `tolerance` against what
 * `x` or its step is.
 *
 * @param fail - called when the steps become too short
 * @see Dormand and Prince 1980, https://doi.org/10.1016/0771-050X(80)90013-3
 */
export function follow(
  f: (x: Float64Array) => Float64Array,
  x: Float64Array,
  time: number,
  tolerance: number,
  fail: () => never,
): Float64Array {
  let [done, h] = [0, time];
  let slope = f(x);
  while (done < time) {
    h = Math.min(h, time - done);
    if (h < LEAST * time && h < time - done) fail();
    const slopes = [slope];
    let next = x;
    for (const stage of STAGES) {
      next = moved(x, h, stage, slopes);
      slopes.push(f(next));
    }
    const zero = new Float64Array(x.length);
    const scale = Math.max(largest(x), largest(next), h * largest(slope));
    const error = largest(moved(zero, h, ERROR, slopes)) / (tolerance * scale || 1);
    // NaN where the step was so long that numbers overflowed.
    if (error <= 1) {
      done = h === time - done ? time : done + h;
      x = next;
      slope = slopes[6]!;
    }
    h *= error > 0 ? Math.min(5, Math.max(0.2, 0.9 * error ** -0.2)) : error === 0 ? 5 : 0.2;
  }
  return x;
}

import * as tf from '@tensorflow/tfjs-core';

/** An estimate, and the ends of its 95 % interval. */
export interface Interval {
  readonly value: number;
  readonly low: number;
  readonly high: number;
}

/** Estimates for every pair of sequences, with 95 % intervals, and two means of them. */
export interface PairEstimates {
  /** `[N][N]`. */
  readonly value: readonly (readonly number[])[];
  /** `[N][N]`, lower ends. */
  readonly low: readonly (readonly number[])[];
  /** `[N][N]`, upper ends. */
  readonly high: readonly (readonly number[])[];
  /** Mean over the pairs of a sequence with itself; of norms the root mean square. */
  readonly self: Interval;
  /** The same over the pairs of two sequences; `null` of one sequence. */
  readonly others: Interval | null;
}

/** Size of one part of a kernel, for every pair of sequences. */
export interface SketchedKernel {
  /** Trace. */
  readonly trace: PairEstimates;
  /** Frobenius norm; the square is what is estimated without bias. */
  readonly norm: PairEstimates;
}

/** How many probes are exact and how many random, of how many sequences. */
export interface ProbeCounts {
  readonly exact: number;
  readonly random: number;
  readonly sequences: number;
}

/**
 * Traces and norms from what probes see, `H[i, c, j, c'] = u_i^T G(c, c') u_j`, in blocks of independent sketches:
 *
 *     tr G      = sum_k H_kk + mean_i H_ii                                                       k exact, i and j random
 *     ||G||_F^2 = sum_kl H_kl^2 + mean_i sum_k (H_ki^2 + H_ik^2) + mean_(i != j) H_ij^2
 *
 * A square is the product of two different blocks, without which the noise of sketches would add up. Intervals by the jackknife, over
 * random probes and over blocks (their variances are added), and Student's t of the fewer of both.
 *
 * @param H - `[blocks, P N, P N]`
 */
export function kernelSizes(H: tf.Tensor3D, counts: ProbeCounts): SketchedKernel {
  return tf.tidy(() => {
    const { exact, random, sequences: N } = counts;
    const P = exact + random;
    const blocks = H.shape[0];
    const all = tf.reshape(H, [blocks, P, N, P, N]);
    const t = studentT95(Math.min(random, blocks > 1 ? blocks : Infinity) - 1);

    const same = tf.reshape(tf.eye(P), [1, P, 1, P, 1]);
    const own = tf.reshape(tf.sum(tf.mul(all, same), 3), [blocks, P, N * N]); // [blocks, P, N N]
    const traceWeights = leavingOut(random, (kept) => traceWeight(counts, kept));
    const meanOwn = tf.mean(own, 0) as tf.Tensor2D;
    const traceOf = (of: tf.Tensor2D, weights = traceWeights): tf.Tensor2D =>
      tf.matMul(weights, of) as tf.Tensor2D;
    const tracesByBlock = tf
      .unstack(own)
      .map((block) => traceOf(block as tf.Tensor2D, first(traceWeights)));
    const meanTrace = traceOf(meanOwn, first(traceWeights));
    const trace = {
      probes: traceOf(meanOwn),
      blocks: tracesByBlock.map((block) =>
        tf.div(tf.sub(tf.mul(meanTrace, blocks), block), Math.max(1, blocks - 1)),
      ),
    };

    const normWeights = leavingOut(random, (kept) => normWeight(counts, kept));
    const squares = (sum: tf.Tensor, ofSquares: tf.Tensor, n: number): tf.Tensor2D => {
      const squared = n === 1 ? ofSquares : tf.div(tf.sub(tf.square(sum), ofSquares), n * (n - 1));
      const pairs = tf.transpose(tf.reshape(squared, [P, N, P, N]), [0, 2, 1, 3]);
      return tf.reshape(pairs, [P * P, N * N]);
    };
    const [sum, sumOfSquares] = [tf.sum(all, 0), tf.sum(tf.square(all), 0)];
    const norm = {
      probes: tf.matMul(normWeights, squares(sum, sumOfSquares, blocks)) as tf.Tensor2D,
      blocks:
        blocks === 1
          ? []
          : tf.unstack(all).map((block) => {
              const without = squares(
                tf.sub(sum, block),
                tf.sub(sumOfSquares, tf.square(block)),
                blocks - 1,
              );
              return tf.matMul(first(normWeights), without);
            }),
    };
    return {
      trace: estimates(trace, N, t, false),
      norm: estimates(norm, N, t, true),
    } as unknown as tf.TensorContainer;
  }) as unknown as SketchedKernel;
}

/** The first row: with every probe. */
const first = (weights: tf.Tensor2D): tf.Tensor2D => tf.slice(weights, [0, 0], [1, -1]);

/** Weights with every random probe, then without each of them. */
const leavingOut = (
  random: number,
  weight: (kept: readonly number[]) => readonly number[],
): tf.Tensor2D => {
  const every = Array.from({ length: random }, (_, i) => i);
  const without = every.map((left) => every.filter((i) => i !== left));
  return tf.tensor2d([every, ...without].map((kept) => [...weight(kept)]));
};

/** `[P]`. */
const traceWeight = ({ exact, random }: ProbeCounts, kept: readonly number[]): number[] =>
  Array.from({ length: exact + random }, (_, i) => {
    if (i < exact) return 1;
    return kept.includes(i - exact) ? 1 / kept.length : 0;
  });

/** `[P P]`. */
function normWeight(counts: ProbeCounts, kept: readonly number[]): number[] {
  const { exact } = counts;
  const weights = traceWeight(counts, kept);
  return weights.flatMap((a, i) =>
    weights.map((b, j) => {
      if (i < exact || j < exact) return a * b;
      return i === j ? 0 : (a * b * kept.length) / (kept.length - 1);
    }),
  );
}

/** Estimates with all, and without each probe and each block. */
interface Replicates {
  /** `[1 + m, N N]`. */
  readonly probes: tf.Tensor2D;
  /** `[1, N N]` each. */
  readonly blocks: readonly tf.Tensor[];
}

/**
 * What is a sum of squares (a squared norm, the trace of a kernel of a sequence with itself) has its interval on the scale of cube roots, on
 * which such sums are nearly normal (Wilson and Hilferty 1931); a trace of two sequences may have either sign and has it as it is.
 *
 * @param positive - squared norms, which are shown as norms; otherwise traces
 */
function estimates(
  { probes, blocks }: Replicates,
  N: number,
  t: number,
  positive: boolean,
): PairEstimates {
  const show = (x: number): number => (positive ? Math.sqrt(Math.max(0, x)) : x);
  const [all = [], ...withoutProbe] = probes.arraySync();
  const withoutBlock = blocks.length < 2 ? [] : (tf.concat([...blocks]) as tf.Tensor2D).arraySync();
  const interval = (of: (pairs: readonly number[]) => number, signed: boolean): Interval => {
    const scaled = (pairs: readonly number[]): number =>
      signed ? of(pairs) : Math.cbrt(of(pairs));
    const variance = jackknife(withoutProbe.map(scaled)) + jackknife(withoutBlock.map(scaled));
    const [centre, half] = [scaled(all), t * Math.sqrt(variance)];
    const at = (x: number): number => show(signed ? x : x ** 3);
    return { value: show(of(all)), low: at(centre - half), high: at(centre + half) };
  };
  const signedAt = (self: boolean): boolean => !positive && !self;
  const each = all.map((_, pair) =>
    interval((pairs) => pairs[pair]!, signedAt(Math.floor(pair / N) === pair % N)),
  );
  const table = (of: (interval: Interval) => number): number[][] =>
    Array.from({ length: N }, (_, c) => each.slice(c * N, (c + 1) * N).map(of));
  const over = (self: boolean): Interval =>
    interval((pairs) => {
      const some = pairs.filter((_, pair) => (Math.floor(pair / N) === pair % N) === self);
      return some.reduce((sum, x) => sum + x, 0) / some.length;
    }, signedAt(self));
  return {
    value: table(({ value }) => value),
    low: table(({ low }) => low),
    high: table(({ high }) => high),
    self: over(true),
    others: N === 1 ? null : over(false),
  };
}

/** Variance of a statistic from its values without each of `n` observations: `(n - 1) / n sum (x_i - mean)^2`; Efron and Stein 1981. */
function jackknife(values: readonly number[]): number {
  const n = values.length;
  if (n === 0) return 0;
  const mean = values.reduce((sum, x) => sum + x, 0) / n;
  return ((n - 1) / n) * values.reduce((sum, x) => sum + (x - mean) ** 2, 0);
}

/** The 97.5 % point of Student's t, by its expansion about the normal one: Abramowitz and Stegun 1964, 26.7.5. */
export function studentT95(degrees: number): number {
  const z = 1.959963984540054;
  const terms = [
    (z ** 3 + z) / 4,
    (5 * z ** 5 + 16 * z ** 3 + 3 * z) / 96,
    (3 * z ** 7 + 19 * z ** 5 + 17 * z ** 3 - 15 * z) / 384,
    (79 * z ** 9 + 776 * z ** 7 + 1482 * z ** 5 - 1920 * z ** 3 - 945 * z) / 92160,
  ];
  return terms.reduce((sum, term, i) => sum + term / degrees ** (i + 1), z);
}

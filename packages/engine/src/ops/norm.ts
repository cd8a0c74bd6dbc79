import * as tf from '@tensorflow/tfjs-core';

import { MOST_FLOAT32, checkInRange, checkShape } from '../check.js';
import { columnSum } from './column-sum.js';
import { noted, notesUses } from '../gradients/use-scope.js';
import { recalledUnary, withGradient } from './with-gradient.js';

const rowMean = (x: tf.Tensor): tf.Tensor => tf.mean(x, -1, true);

/** Rows scaled to a mean square of 1 (nearly), and what they were multiplied by. */
interface Normalized {
  readonly xhat: tf.Tensor;
  readonly inverse: tf.Tensor;
}

/** `centring`: layer norm centres rows before it scales them, RMS norm does not. */
function normalize(x: tf.Tensor, epsilon: number, centring: boolean): Normalized {
  const centred = centring ? tf.sub(x, rowMean(x)) : x;
  const inverse = tf.rsqrt(tf.add(rowMean(tf.square(centred)), epsilon));
  return { xhat: tf.mul(centred, inverse), inverse };
}

/** The cotangent of `x` for that of `xhat`: `r (g - [mean g] - xhat mean(g xhat))`. */
function normalizeGradient(g: tf.Tensor, { xhat, inverse }: Normalized, centring: boolean) {
  const along = tf.mul(xhat, rowMean(tf.mul(g, xhat)));
  return tf.mul(inverse, tf.sub(g, centring ? tf.add(along, rowMean(g)) : along));
}

/** {@link normalize} as it was computed, in a gradient that may itself be differentiated. */
function recalledNormalized(x: tf.Tensor, kept: Normalized, centring: boolean): Normalized {
  return {
    xhat: recalledUnary(kept.xhat, x, (dy, input) =>
      normalizeGradient(dy, recalledNormalized(input, kept, centring), centring),
    ),
    // d r / d x = -r^2 xhat / D
    inverse: recalledUnary(kept.inverse, x, (dy, input) => {
      const { xhat, inverse } = recalledNormalized(input, kept, centring);
      return tf.mul(tf.div(tf.mul(dy, tf.square(inverse)), -x.shape[1]!), xhat);
    }),
  };
}

function norm(
  x: tf.Tensor,
  gain: tf.Tensor,
  bias: tf.Tensor | undefined,
  epsilon: number,
  centring: boolean,
): tf.Tensor {
  return tf.tidy(() => {
    let normed: tf.Tensor | undefined;
    const result = withGradient({
      inputs: bias === undefined ? [x, gain] : [x, gain, bias],
      save: [x, gain],
      value: () => {
        const { xhat, inverse } = normalize(x, epsilon, centring);
        if (notesUses()) normed = tf.keep(tf.clone(xhat)); // it outlives this scope
        const scaled = tf.mul(xhat, gain);
        return { value: bias ? tf.add(scaled, bias) : scaled, kept: [xhat, inverse] };
      },
      gradient: (dy, [input, scale], [xhat, inverse]) => {
        const kept = recalledNormalized(input!, { xhat: xhat!, inverse: inverse! }, centring);
        const dx = normalizeGradient(tf.mul(dy, scale!), kept, centring);
        const dGain = columnSum(tf.mul(dy, kept.xhat));
        return bias === undefined ? [dx, dGain] : [dx, dGain, columnSum(dy)];
      },
    });
    if (normed === undefined) return result;
    const seen = noted(result, [
      { weight: gain, kind: 'gain', input: normed },
      ...(bias === undefined ? [] : [{ weight: bias, kind: 'bias' as const }]),
    ]);
    normed.dispose();
    return seen;
  });
}

function checkRows(
  where: string,
  x: tf.Tensor,
  vectors: Readonly<Record<string, tf.Tensor>>,
  epsilon: number,
): void {
  checkInRange(`${where}: epsilon`, epsilon, 0, MOST_FLOAT32);
  checkShape(`${where}: x`, x, x.rank === 2, 'rows [N, D]');
  for (const [name, vector] of Object.entries(vectors)) {
    const fits = vector.rank === 1 && vector.size === x.shape[1];
    checkShape(`${where}: ${name}`, vector, fits, `[${x.shape[1]}]`);
  }
}

/**
 * RMS norm of rows.
 *
 *     rmsNorm(x) = x / sqrt(mean(x^2) + epsilon) * gain
 *
 * @param x - `[N, D]`, float32
 * @param gain - `[D]`
 * @returns `[N, D]`; the caller owns it
 * @throws RangeError if the shapes do not fit, or `epsilon` is negative or not finite
 * @see Zhang and Sennrich 2019, eq. 4, https://arxiv.org/abs/1910.07467
 *
 * @example
 * ```ts
 * import * as tf from '@tensorflow/tfjs-core';
 * rmsNorm(tf.tensor2d([[1, 7]]), tf.tensor1d([1, 2]), 0).arraySync(); // => [[0.2, 2.8]]
 * ```
 */
export function rmsNorm(x: tf.Tensor, gain: tf.Tensor, epsilon: number): tf.Tensor {
  checkRows('rmsNorm', x, { gain }, epsilon);
  return norm(x, gain, undefined, epsilon, false);
}

/**
 * Layer norm of rows: the RMS norm of the centred rows, plus a bias.
 *
 *     layerNorm(x) = (x - mean(x)) / sqrt(var(x) + epsilon) * gain + bias
 *
 * @param x - `[N, D]`, float32
 * @param gain - `[D]`
 * @param bias - `[D]`; undefined adds nothing
 * @returns `[N, D]`; the caller owns it
 * @throws RangeError if the shapes do not fit
 * @see Ba et al. 2016, eq. 4, https://arxiv.org/abs/1607.06450
 *
 * @example
 * ```ts
 * import * as tf from '@tensorflow/tfjs-core';
 * layerNorm(tf.tensor2d([[1, 3]]), tf.tensor1d([1, 2]), tf.tensor1d([0, 5]), 0).arraySync(); // => [[-1, 7]]
 * ```
 */
export function layerNorm(
  x: tf.Tensor,
  gain: tf.Tensor,
  bias: tf.Tensor | undefined,
  epsilon: number,
): tf.Tensor {
  checkRows('layerNorm', x, { gain, ...(bias && { bias }) }, epsilon);
  return norm(x, gain, bias, epsilon, true);
}

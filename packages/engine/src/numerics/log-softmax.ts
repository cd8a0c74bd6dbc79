import * as tf from '@tensorflow/tfjs-core';

/**
 * A tensor whose gradient is taken as zero.
 *
 * @param x - any float tensor
 * @returns a tensor equal to `x` that no gradient passes; the caller owns it
 *
 * @example
 * ```ts
 * import * as tf from '@tensorflow/tfjs-core';
 * const loss = ({ x }: Params) => tf.sum(tf.mul(x!, stopGradient(x!)));
 * valueAndGrad(loss)({ x: tf.tensor1d([2, 3]) }).grads.x!.arraySync(); // => [2, 3]
 * ```
 */
export function stopGradient<T extends tf.Tensor>(x: T): T {
  const stopped = tf.customGrad((...args) => {
    const { shape } = x;
    return { value: tf.clone(args[0] as T), gradFunc: () => [tf.zeros(shape)] };
  });
  return stopped(x) as T;
}

/** A function of one tensor whose gradient is stated in terms of its input, so that it can be differentiated again. */
function differentiable(
  forward: (x: tf.Tensor) => tf.Tensor,
  gradient: (dy: tf.Tensor, x: tf.Tensor) => tf.Tensor,
): (x: tf.Tensor) => tf.Tensor {
  return tf.customGrad((...args) => {
    const [x, save] = args as unknown as [tf.Tensor, tf.GradSaveFunc];
    save([x]);
    return { value: forward(x), gradFunc: (dy, saved) => [gradient(dy, saved[0]!)] };
  });
}

/** exp; TensorFlow.js' own gradient uses the result, and is lost to a second derivative. */
const exp = (x: tf.Tensor): tf.Tensor =>
  differentiable(tf.exp, (dy, input) => tf.mul(dy, exp(input)))(x);

/**
 * Log-probabilities from logits along the last axis; it can be differentiated twice.
 *
 *     logSoftmax(z)_v = z_v - max z - log sum_u exp(z_u - max z)
 *
 * @param logits - `[..., V]`, float32; `-Infinity` stands for an impossible token
 * @returns `[..., V]`, nats, at most 0; the caller owns it
 *
 * @example
 * ```ts
 * import * as tf from '@tensorflow/tfjs-core';
 * logSoftmax(tf.tensor1d([1000, 1000])).arraySync(); // => [-0.6931472, -0.6931472]
 * ```
 */
export function logSoftmax<T extends tf.Tensor>(logits: T): T {
  const forward = (z: tf.Tensor): tf.Tensor => {
    const shifted = tf.sub(z, tf.max(z, -1, true));
    return tf.sub(shifted, tf.log(tf.sum(tf.exp(shifted), -1, true)));
  };
  const gradient = (dy: tf.Tensor, z: tf.Tensor): tf.Tensor =>
    tf.sub(dy, tf.mul(exp(logSoftmax(z)), tf.sum(dy, -1, true)));
  return tf.tidy(() => differentiable(forward, gradient)(logits) as T);
}

/**
 * The log-probability of one given token at every position.
 *
 *     gatherLogProbs(z, y) = logSoftmax(z)_y
 *
 * @param logits - `[..., V]`, float32
 * @param tokens - `[...]`, int32, in `[0, V)`
 * @returns `[...]`, nats, at most 0; the caller owns it
 * @throws RangeError if the shapes do not fit
 *
 * @example
 * ```ts
 * import * as tf from '@tensorflow/tfjs-core';
 * gatherLogProbs(tf.zeros([2, 4]), tf.tensor1d([0, 3], 'int32')).arraySync(); // => [-1.3862944, -1.3862944]
 * ```
 */
export function gatherLogProbs(logits: tf.Tensor, tokens: tf.Tensor): tf.Tensor {
  if (!tf.util.arraysEqual(logits.shape.slice(0, -1), tokens.shape)) {
    throw new RangeError(
      `gatherLogProbs: tokens has shape [${tokens.shape.join(', ')}], expected ` +
        `[${logits.shape.slice(0, -1).join(', ')}] (logits without the last axis)`,
    );
  }
  return tf.tidy(() => {
    const vocabulary = logits.shape[logits.rank - 1]!;
    const taken = tf.cast(tf.oneHot(tf.cast(tokens, 'int32'), vocabulary), 'bool');
    const logProbs = logSoftmax(logits);
    return tf.sum(tf.where(taken, logProbs, tf.zerosLike(logProbs)), -1);
  });
}

/**
 * Shannon entropy of the softmax of logits along the last axis.
 *
 *     H = -sum_v p_v log p_v
 *
 * @param logits - `[..., V]`, float32; `-Infinity` stands for an impossible token and adds 0
 * @returns `[...]`, nats, in `[0, log V]`; the caller owns it
 *
 * @example
 * ```ts
 * import * as tf from '@tensorflow/tfjs-core';
 * softmaxEntropy(tf.tensor2d([[0, 0], [0, -Infinity]])).arraySync(); // => [0.6931472, 0]
 * ```
 */
export function softmaxEntropy(logits: tf.Tensor): tf.Tensor {
  return tf.tidy(() => {
    const logProbs = logSoftmax(logits);
    const possible = tf.isFinite(logProbs);
    const safe = tf.where(possible, logProbs, tf.zerosLike(logProbs));
    const terms = tf.mul(exp(logProbs), safe);
    return tf.neg(tf.sum(terms, -1));
  });
}

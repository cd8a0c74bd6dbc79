import { gatherLogProbs, logSoftmax, showValue, softmaxEntropy } from '@cfrl/engine';
import * as tf from '@tensorflow/tfjs-core';

/** A number that is asked of every context, and differentiated: `f(c)` of the logits there. */
export interface Functional {
  /** What it is called in tables. */
  readonly name: string;
  /** Its unit, `nats` say; empty for pure numbers. */
  readonly unit: string;
  /** Whether it looks at the token that follows the context in its sequence: then the last position of a sequence is none of its contexts. */
  readonly ofNextToken: boolean;
  /** From logits `[R, V]` and following tokens `[R]` int32 (-1 where none follows) to `[R]`, differentiable in the logits. */
  readonly values: (logits: tf.Tensor2D, next: tf.Tensor1D) => tf.Tensor1D;
}

/** Refuses what is no functional. */
export function checkFunctional(where: string, functional: Functional): void {
  if (typeof functional?.values !== 'function') {
    throw new TypeError(
      `${where}: functional is ${showValue(functional)}, expected { name, unit, ofNextToken, values }, as entropyFunctional() gives`,
    );
  }
}

/**
 * The entropy of the next token, `H = - sum_v pi_v log pi_v`, nats.
 *
 * @returns the functional
 *
 * @example
 * ```ts
 * import * as tf from '@tensorflow/tfjs-core';
 * entropyFunctional().values(tf.zeros([1, 2]), tf.tensor1d([-1], 'int32')).arraySync(); // => [0.693147]
 * ```
 */
export const entropyFunctional = (): Functional => ({
  name: 'entropy',
  unit: 'nats',
  ofNextToken: false,
  values: (logits) => softmaxEntropy(logits) as tf.Tensor1D,
});

/**
 * The log-probability of the token that follows in the sequence, `log pi(y | c)`, nats.
 *
 * @returns the functional
 *
 * @example
 * ```ts
 * import * as tf from '@tensorflow/tfjs-core';
 * logProbFunctional().values(tf.zeros([1, 2]), tf.tensor1d([1], 'int32')).arraySync(); // => [-0.693147]
 * ```
 */
export const logProbFunctional = (): Functional => ({
  name: 'log-probability',
  unit: 'nats',
  ofNextToken: true,
  // Rows that no context is at have no next token, and no weight.
  values: (logits, next) => tf.tidy(() => gatherLogProbs(logits, tf.relu(next)) as tf.Tensor1D),
});

/**
 * The confidence, the largest probability, `max_v pi_v`. Its gradient is that of the token that is largest.
 *
 * @returns the functional
 *
 * @example
 * ```ts
 * import * as tf from '@tensorflow/tfjs-core';
 * confidenceFunctional().values(tf.tensor2d([[0, 0, -1e9]]), tf.tensor1d([-1], 'int32')).arraySync(); // => [0.5]
 * ```
 */
export const confidenceFunctional = (): Functional => ({
  name: 'confidence',
  unit: '',
  ofNextToken: false,
  values: (logits) =>
    tf.tidy(() => {
      const logProbs = logSoftmax(logits);
      const largest = tf.argMax(logProbs, -1) as tf.Tensor1D;
      return tf.exp(gatherLogProbs(logits, largest)) as tf.Tensor1D;
    }),
});

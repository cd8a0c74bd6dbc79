import * as tf from '@tensorflow/tfjs-core';

import { checkFiniteResults } from '../check.js';
import type { Decomposition } from './decompose.js';

/** The components of the kernel written out, each `[N, V, M, V]`. */
export interface AssembledKernels {
  /** `R`. */
  readonly representation: tf.Tensor4D;
  /** `G`. */
  readonly gradient: tf.Tensor4D;
  /** `C`; there exactly when the model is tied. */
  readonly cross?: tf.Tensor4D;
  /** `C'`; there exactly when the model is tied. */
  readonly crossMirror?: tf.Tensor4D;
  /** `K`, the sum of the others. */
  readonly ntk: tf.Tensor4D;
}

/**
 * Writes the components of {@link decompose} out as `V x V` blocks, and adds them up to the kernel
 * of the logits. For small vocabularies: it takes `N M V^2` numbers a component.
 *
 *     R = <phi, phi'> I_V,  G = W A W^T,  C = B W^T,  C' = W B'^T,  ntk = R + G (+ C + C')
 *
 * @param decomposition - of {@link decompose}
 * @param classifier - `W`, `[V, D]`, of the same model
 * @returns kernels of shape `[N, V, M, V]`; the caller owns them
 * @throws RangeError if the classifier's shape does not fit the decomposition
 *
 * @example
 * ```ts
 * import * as tf from '@tensorflow/tfjs-core';
 * const head = tf.tensor2d([[1, 0], [0, 1], [1, 1]]);
 * const model = {
 *   params: { scale: tf.tensor1d([2, 3]), head },
 *   classifier: 'head',
 *   tied: false,
 *   features: ({ scale }, contexts) => tf.mul(tf.tensor2d(contexts), scale),
 * };
 * const { representation, gradient } = assemble(decompose(model, [[1, 1]]), head);
 * [tf.squeeze(representation).arraySync(), tf.squeeze(gradient).arraySync()];
 * // => [[[13, 0, 0], [0, 13, 0], [0, 0, 13]], [[1, 0, 1], [0, 1, 1], [1, 1, 2]]]
 * ```
 */
export function assemble(decomposition: Decomposition, classifier: tf.Tensor2D): AssembledKernels {
  const { representationKernel: inner, gradientKernel: A, cross } = decomposition;
  const [N, M, D] = A.shape;
  const [V, width] = classifier.shape;
  if (width !== D || (cross !== undefined && cross.factor.shape[2] !== V)) {
    throw new RangeError(
      `assemble: classifier has shape [${classifier.shape.join(', ')}], expected ` +
        `[${cross?.factor.shape[2] ?? 'V'}, ${D}]`,
    );
  }
  if (classifier.rank !== 2 || !tf.util.arraysEqual(A.shape, [N, M, D, D])) {
    throw new RangeError(
      `assemble: gradientKernel has shape [${A.shape.join(', ')}] and classifier ` +
        `[${classifier.shape.join(', ')}], expected [N, M, D, D] and [V, D]`,
    );
  }
  if (!tf.util.arraysEqual(inner.shape, [N, M])) {
    throw new RangeError(
      `assemble: representationKernel has shape [${inner.shape.join(', ')}], expected [${N}, ${M}]`,
    );
  }
  return tf.tidy((): AssembledKernels & tf.TensorContainerObject => {
    const toPairs = (x: tf.Tensor) => tf.transpose(x, [0, 2, 1, 3]) as tf.Tensor4D; // [N, V, M, V]
    const timesW = (x: tf.Tensor, rows: number) =>
      // x W^T on the last axis
      tf.reshape(tf.matMul(tf.reshape(x, [N * M * rows, D]), tf.transpose(classifier)), [
        N,
        M,
        rows,
        V,
      ]);
    const flip = (x: tf.Tensor) => tf.transpose(x, [0, 1, 3, 2]);

    const identity = tf.reshape(tf.eye(V), [1, V, 1, V]);
    const representation = tf.mul(tf.reshape(inner, [N, 1, M, 1]), identity) as tf.Tensor4D;
    const gradient = toPairs(flip(timesW(flip(timesW(A, D)), V)));
    const sum = tf.add(representation, gradient) as tf.Tensor4D;
    if (cross === undefined) {
      return checkFiniteResults('assemble', { representation, gradient, ntk: sum });
    }
    const direct = toPairs(timesW(cross.factor, V));
    const crossMirror = toPairs(flip(timesW(cross.mirrorFactor, V)));
    const ntk = tf.addN([sum, direct, crossMirror]);
    const parts = { representation, gradient, cross: direct, crossMirror, ntk };
    return checkFiniteResults('assemble', parts);
  }) as AssembledKernels;
}

import { countParams, resolveOptions, selectParams } from '@cfrl/engine';
import * as tf from '@tensorflow/tfjs-core';

import { checkFiniteResults, checkSelection } from '../check.js';
import { type CrossTerms, crossFactors, crossTerms } from './cross-terms.js';
import { type NtkOptions, kernelsOf } from './kernels.js';
import { listed } from '../uses/examples.js';
import { type SharedOptions, shared } from '../options.js';
import { type SplitModel, classifierOf, reachesFeatures, untiedFeatures } from '../split-model.js';

/** Options of {@link decompose}. */
export interface DecomposeOptions extends Pick<SharedOptions, 'maxBytes' | 'batchSize'> {
  /**
   * Which parameters the kernel is over; the others are constants. Without the classifier `R` (and the cross terms) are 0, without
   * any other `G` is: then it takes no backward pass. @defaultValue every parameter
   */
  readonly select?: (name: string) => boolean;
}

/**
 * The components of the kernel of the logits, for every pair of `N` and `M` contexts, without any
 * `V x V` matrix. {@link assemble} writes them out.
 */
export interface Decomposition {
  /** `[N, M]`, `<phi, phi'>`; `R` is that times `I_V`. */
  readonly representationKernel: tf.Tensor2D;
  /** `[N, M, D, D]`, `A = J_phi J_phi'^T`; `G = W A W^T`. */
  readonly gradientKernel: tf.Tensor4D;
  /** `[N, M]`, Frobenius norm of `R`, `|<phi, phi'>| sqrt(V)`. */
  readonly representationNorm: tf.Tensor2D;
  /** `[N, M]`, Frobenius norm of `G`. */
  readonly gradientNorm: tf.Tensor2D;
  /** `[N, M]`, trace of `R`. */
  readonly representationTrace: tf.Tensor2D;
  /** `[N, M]`, trace of `G`. */
  readonly gradientTrace: tf.Tensor2D;
  /** The cross terms `C` and `C'`; there exactly when the model is tied. */
  readonly cross?: CrossTerms;
}

/**
 * Splits the kernel of the logits into its components.
 *
 *     K = R + G             R = <phi, phi'> I_V     G = W A W^T,  A = J_phi J_phi'^T
 *     K = R + G + C + C'    when W is also the input embedding; G then has W's path through phi
 *     ||G||_F^2 = tr(A^T S A S),  tr G = tr(A S),  S = W^T W
 *
 * It takes `D` backward passes a context, not `V`.
 *
 * @param model - the model, its classifier named
 * @param contexts - `N` contexts
 * @param contexts2 - `M` contexts; left out, they are `contexts`
 * @returns the components; the caller owns the tensors, and `tf.dispose(result)` frees them all
 * @throws RangeError if the classifier is unknown or not `[V, D]`, the features are not `[n, D]` or
 *   not finite, a list is empty or has what the model cannot read, `select` keeps nothing, `maxBytes` cannot hold two rows, or an
 *   untied model's features depend on the classifier
 * @see Tomihari 2026, https://arxiv.org/abs/2601.04670
 *
 * @example
 * ```ts
 * import * as tf from '@tensorflow/tfjs-core';
 * const model = {
 *   params: { scale: tf.tensor1d([2, 3]), head: tf.tensor2d([[1, 0], [0, 1], [1, 1]]) },
 *   classifier: 'head',
 *   tied: false,
 *   features: ({ scale }, contexts) => tf.mul(tf.tensor2d(contexts), scale),
 * };
 * const { representationKernel, gradientKernel } = decompose(model, [[1, 1]]);
 * [representationKernel.arraySync(), gradientKernel.arraySync()];
 * // => [[[13]], [[[[1, 0], [0, 1]]]]]
 * ```
 */
export function decompose<X>(
  model: SplitModel<X>,
  contexts: readonly X[],
  contexts2?: readonly X[],
  options: DecomposeOptions = {},
): Decomposition {
  const table = shared('select', 'maxBytes', 'batchSize');
  const { select, maxBytes, batchSize } = resolveOptions('decompose', options, table);
  classifierOf('decompose', model);
  checkSelection('decompose', model.params, select);
  return tf.tidy((): Decomposition & tf.TensorContainerObject => {
    const W = classifierOf('decompose', model);
    const phi = untiedFeatures('decompose', 'contexts', model, contexts, batchSize);
    const phi2 =
      contexts2 === undefined
        ? phi
        : untiedFeatures('decompose', 'contexts2', model, contexts2, batchSize);
    const gradientKernel = featureKernel(model, contexts, contexts2, {
      select: reachesFeatures(model, select),
      maxBytes,
    });
    const direct = select(model.classifier);
    const inner = tf.matMul(phi, tf.transpose(phi2)) as tf.Tensor2D;
    const representationKernel = direct ? inner : tf.zerosLike(inner);
    const V = W.shape[0];
    const parts = {
      representationKernel,
      gradientKernel,
      representationNorm: tf.mul(tf.abs(representationKernel), Math.sqrt(V)) as tf.Tensor2D,
      representationTrace: tf.mul(representationKernel, V) as tf.Tensor2D,
      ...gradientSizes(gradientKernel, W),
    };
    checkFiniteResults('decompose', parts);
    if (!model.tied) return parts;
    const factors = (left: tf.Tensor2D, right: readonly X[]): tf.Tensor4D =>
      direct
        ? crossFactors(model, left, right)
        : tf.zeros([left.shape[0], right.length, ...(W.shape as [number, number])]);
    const factor = factors(phi, contexts2 ?? contexts);
    const mirrored = contexts2 === undefined ? factor : factors(phi2, contexts);
    const cross = { ...crossTerms(factor, tf.transpose(mirrored, [1, 0, 2, 3]), W) };
    return { ...parts, cross: checkFiniteResults('decompose: cross', cross) };
  }) as Decomposition;
}

/** `A`, `[N, M, D, D]`; 0 where none of the features' parameters is selected. */
function featureKernel<X>(
  model: SplitModel<X>,
  contexts: readonly X[],
  contexts2: readonly X[] | undefined,
  options: NtkOptions & Required<Pick<NtkOptions, 'select'>>,
): tf.Tensor4D {
  const { features, params, classifier } = model;
  if (countParams(selectParams(params, options.select)) === 0) {
    const D = params[classifier]!.shape[1]!;
    return tf.zeros([contexts.length, (contexts2 ?? contexts).length, D, D]);
  }
  const all = kernelsOf({
    where: 'decompose',
    params,
    left: listed(features, contexts),
    right: contexts2 ? listed(features, contexts2) : null,
    entries: 'full',
    layerOf: () => 'all',
    options,
  });
  return tf.transpose(all['all'] as tf.Tensor4D, [0, 2, 1, 3]); // [N, D, M, D] -> [N, M, D, D]
}

/** Norm and trace of `W A W^T` through `A S`, `[D, D]`. */
function gradientSizes(A: tf.Tensor4D, W: tf.Tensor2D) {
  const [N, M, D] = A.shape;
  const S = tf.matMul(tf.transpose(W), W);
  const timesS = (x: tf.Tensor) => tf.reshape(tf.matMul(tf.reshape(x, [N * M * D, D]), S), A.shape);
  const AS = timesS(A);
  const transposedAS = timesS(tf.transpose(A, [0, 1, 3, 2]));
  // tr(A^T S A S) = sum_ij (A^T S)_ij (A S)_ji
  const squared = tf.sum(tf.mul(transposedAS, tf.transpose(AS, [0, 1, 3, 2])), [2, 3]);
  return {
    gradientNorm: tf.sqrt(tf.relu(squared)) as tf.Tensor2D, // relu: rounding may fall below 0
    gradientTrace: tf.sum(tf.mul(AS, tf.eye(D)), [2, 3]) as tf.Tensor2D,
  };
}

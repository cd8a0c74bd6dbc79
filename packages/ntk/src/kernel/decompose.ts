import {
  checkFunction,
  countParams,
  mapParams,
  option,
  resolveOptions,
  selectParams,
} from '@cfrl/engine';
import * as tf from '@tensorflow/tfjs-core';

import { checkFiniteResults, checkSelection } from '../check.js';
import { type SharedOptions, shared } from '../options.js';
import type { Sequence, SequenceModel } from '../sequences/sequence-model.js';
import { type SplitModel, classifierOf, reachesFeatures } from '../split-model.js';
import type { Examples } from '../uses/examples.js';
import { type CrossTerms, crossFactors, crossTerms } from './cross-terms.js';
import { type FeatureSide, contextSide, isSequenceModel, sequenceSide } from './feature-sides.js';
import { type NtkOptions, kernelTable, kernelsOf } from './kernels.js';

/** Options of {@link decompose}. */
export interface DecomposeOptions
  extends Pick<SharedOptions, 'maxBytes' | 'batchSize'>, Pick<NtkOptions, 'method' | 'onFallback'> {
  /**
   * Which parameters the kernel is over; the others are constants. Without the classifier `R` (and the cross terms) are 0, without
   * any other `G` is: then it takes no backward pass. @defaultValue every parameter
   */
  readonly select?: (name: string) => boolean;
  /** The layer that a parameter's share of `G` belongs to, `layerOfParam` or `kindOfParam` say. @defaultValue no shares are told apart */
  readonly layerOf?: (name: string) => string;
}

/** The component `G`, or a layer's share of it. */
export interface GradientComponent {
  /** `[N, M, D, D]`, `A = J_phi J_phi'^T`; `G = W A W^T`. */
  readonly gradientKernel: tf.Tensor4D;
  /** `[N, M]`, Frobenius norm of `G`. */
  readonly gradientNorm: tf.Tensor2D;
  /** `[N, M]`, trace of `G`. */
  readonly gradientTrace: tf.Tensor2D;
}

/**
 * The components of the kernel of the logits, for every pair of `N` and `M` contexts, without any
 * `V x V` matrix. {@link assemble} writes them out.
 */
export interface Decomposition extends GradientComponent {
  /** `[N, M]`, `<phi, phi'>`; `R` is that times `I_V`. */
  readonly representationKernel: tf.Tensor2D;
  /** `[N, M]`, Frobenius norm of `R`, `|<phi, phi'>| sqrt(V)`. */
  readonly representationNorm: tf.Tensor2D;
  /** `[N, M]`, trace of `R`. */
  readonly representationTrace: tf.Tensor2D;
  /** What each layer has of `G`; there exactly when `layerOf` is given. */
  readonly layers?: Readonly<Record<string, GradientComponent>>;
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
 * It takes `D` backward passes a context, not `V`; many of them are one, and no gradient is formed, where the features are made of the
 * engine's layers: `method` of {@link empiricalNtk}. Of a {@link SequenceModel} the contexts are positions of sequences, one sequence after
 * the other.
 *
 * @param model - the model, its classifier named
 * @param contexts - `N` contexts; or sequences, with `N` positions in all
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
  options?: DecomposeOptions,
): Decomposition;
export function decompose(
  model: SequenceModel,
  contexts: readonly Sequence[],
  contexts2?: readonly Sequence[],
  options?: DecomposeOptions,
): Decomposition;
export function decompose<X>(
  given: SplitModel<X> | SequenceModel,
  contexts: readonly X[] | readonly Sequence[],
  contexts2?: readonly X[] | readonly Sequence[],
  options: DecomposeOptions = {},
): Decomposition {
  const { select, layerOf, batchSize, ...rest } = resolveOptions('decompose', options, {
    ...kernelTable,
    ...shared('batchSize'),
    layerOf: option<DecomposeOptions['layerOf']>(undefined, (where, own) =>
      checkFunction(where, own, 'write layerOfParam'),
    ),
  });
  const how = rest as Required<Pick<NtkOptions, 'maxBytes' | 'method'>>;
  const model = given as SplitModel<X>; // what both have
  classifierOf('decompose', model);
  checkSelection('decompose', model.params, select);
  return tf.tidy((): Decomposition & tf.TensorContainerObject => {
    const W = classifierOf('decompose', model);
    const sideOf = (name: string, list: readonly unknown[]): FeatureSide =>
      isSequenceModel(given)
        ? sequenceSide(`decompose: ${name}`, given, list as readonly Sequence[], batchSize)
        : contextSide(name, given, list as readonly X[], batchSize);
    const left = sideOf('contexts', contexts);
    const right = contexts2 === undefined ? null : sideOf('contexts2', contexts2);
    const { phi: phi2 } = right ?? left;
    const kernels = featureKernels(model, left.examples, right && right.examples, {
      select: reachesFeatures(model, select),
      layerOf: layerOf ?? (() => 'all'),
      options: how,
    });
    const gradientKernel = sumOf(Object.values(kernels), [left.phi.shape[0], phi2.shape[0], W.shape[1]]); // prettier-ignore
    const direct = select(model.classifier);
    const inner = tf.matMul(left.phi, tf.transpose(phi2)) as tf.Tensor2D;
    const representationKernel = direct ? inner : tf.zerosLike(inner);
    const V = W.shape[0];
    const parts = {
      representationKernel,
      representationNorm: tf.mul(tf.abs(representationKernel), Math.sqrt(V)) as tf.Tensor2D,
      representationTrace: tf.mul(representationKernel, V) as tf.Tensor2D,
      ...component(gradientKernel, W),
    };
    checkFiniteResults('decompose', parts);
    const layers = layerOf && {
      layers: Object.fromEntries(
        Object.entries(kernels).map(([layer, kernel]) => [layer, { ...component(kernel, W) }]),
      ),
    };
    if (!model.tied) return { ...parts, ...layers };
    const factors = (phi: tf.Tensor2D, { examples }: FeatureSide): tf.Tensor4D =>
      direct
        ? crossFactors(model, phi, examples, how)
        : tf.zeros([phi.shape[0], examples.count, ...(W.shape as [number, number])]);
    const factor = factors(left.phi, right ?? left);
    const mirrored = right === null ? factor : factors(phi2, left);
    const cross = { ...crossTerms(factor, tf.transpose(mirrored, [1, 0, 2, 3]), W) };
    checkFiniteResults('decompose: cross', cross);
    return { ...parts, ...layers, cross };
  }) as Decomposition;
}

/** `A` by layer, `[N, M, D, D]`; nothing where none of the features' parameters is selected. */
function featureKernels(
  { params }: Pick<SplitModel<unknown>, 'params'>,
  left: Examples,
  right: Examples | null,
  {
    select,
    layerOf,
    options,
  }: {
    readonly select: (name: string) => boolean;
    readonly layerOf: (name: string) => string;
    readonly options: NtkOptions;
  },
): Record<string, tf.Tensor4D> {
  if (countParams(selectParams(params, select)) === 0) return {};
  const kernels = kernelsOf({
    where: 'decompose',
    params,
    left,
    right,
    entries: 'full',
    layerOf,
    options: { ...options, select },
  });
  const inPairs = (kernel: tf.Tensor): tf.Tensor => tf.transpose(kernel, [0, 2, 1, 3]);
  return mapParams(kernels, inPairs) as Record<string, tf.Tensor4D>; // [N, D, M, D] -> [N, M, D, D]
}

const sumOf = (kernels: readonly tf.Tensor4D[], [N, M, D]: readonly number[]): tf.Tensor4D => {
  if (kernels.length === 0) return tf.zeros([N!, M!, D!, D!]);
  return kernels.length === 1 ? tf.clone(kernels[0]!) : tf.addN([...kernels]);
};

/** Norm and trace of `G` under another classifier: what it makes of the same `A`. */
const component = (A: tf.Tensor4D, W: tf.Tensor2D): GradientComponent => ({
  gradientKernel: A,
  ...gradientSizes(A, W),
});

/**
 * The component `G` under another classifier on the same features: what shaping the classifier does to it, while `A` and `R` stay.
 *
 *     G' = W' A W'^T,  ||G'||_F^2 = tr(A^T S' A S'),  tr G' = tr(A S'),  S' = W'^T W'
 *
 * @param decomposition - of {@link decompose}, or one of its `layers`; borrowed
 * @param classifier - `W'`, `[V, D]`, of any number of rows
 * @returns norms and traces, `[N, M]`; the caller owns them
 * @throws RangeError if the classifier's width does not fit, or numbers come out that are not finite
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
 * const { gradientTrace } = underClassifier(decompose(model, [[1, 1]]), tf.tensor2d([[2, 0]]));
 * gradientTrace.arraySync(); // => [[4]]
 * ```
 */
export function underClassifier(
  decomposition: Pick<GradientComponent, 'gradientKernel'>,
  classifier: tf.Tensor2D,
): Omit<GradientComponent, 'gradientKernel'> {
  const { gradientKernel: A } = decomposition;
  if (classifier.rank !== 2 || classifier.shape[1] !== A.shape[2]) {
    throw new RangeError(
      `underClassifier: classifier has shape [${classifier.shape.join(', ')}], expected [V, ${A.shape[2]}]`,
    );
  }
  return tf.tidy(() => checkFiniteResults('underClassifier', gradientSizes(A, classifier))) as Omit<
    GradientComponent,
    'gradientKernel'
  >;
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

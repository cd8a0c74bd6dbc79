import type { Params } from '@cfrl/engine';
import * as tf from '@tensorflow/tfjs-core';

import type { SharedOptions } from '../options.js';
import type { ExampleBatch, Examples } from '../uses/examples.js';
import type { Entries } from './route.js';
import type { KernelCost } from './cost.js';
import { type NtkOptions, kernelsOf, prepare, problemOf } from './kernels.js';

/** Options of {@link layerNtk}. */
export type LayerNtkOptions = NtkOptions & Pick<SharedOptions, 'layerOf'>;

/** Options of {@link explainCost}. */
export interface ExplainCostOptions extends LayerNtkOptions {
  /** Which entries of the kernel: `full` of {@link empiricalNtk}, `diagonal` of {@link diagonalNtk}, `trace` of {@link traceNtk}. @defaultValue 'full' */
  readonly entries?: Entries;
}

const all = (): string => 'all';

/**
 * The empirical neural tangent kernel: the inner products of the gradients of all outputs.
 *
 *     ntk[n, k, m, l] = < d apply(x_n)_k / d params, d apply(x'_m)_l / d params >
 *
 * @param apply - differentiable, `n` examples to `[n, O]`; row `i` depends on example `i` alone. It is called with runs of the examples,
 *   some of them several times over
 * @param params - record of float32 tensors, where to differentiate
 * @param examples - `N` inputs of `apply`: a list, or a tensor (a record of tensors) with a row for each, of which `apply` gets rows:
 *   then one graph serves all of them
 * @param examples2 - `M` inputs; left out, they are `examples`, and half of the work is saved
 * @returns `[N, O, M, O]`, in squared output units per squared parameter unit; the caller owns it
 * @throws RangeError if a list is empty, `select` keeps nothing, `maxBytes` cannot hold two rows,
 *   `apply` returns another shape than `[1, O]`, or numbers are not finite
 * @see Jacot et al. 2018, eq. 4, https://arxiv.org/abs/1806.07572; Novak et al. 2022 for the
 *   contraction's cost, https://arxiv.org/abs/2206.08720
 *
 * @example
 * ```ts
 * import * as tf from '@tensorflow/tfjs-core';
 * const apply = ({ w }, xs) => tf.matMul(tf.tensor2d(xs), w); // a linear layer: <x, x'>
 * empiricalNtk(apply, { w: tf.tensor2d([[1], [2]]) }, [[3, 4], [1, 0]]).arraySync();
 * // => [[[[25], [3]]], [[[3], [1]]]]
 * ```
 */
export function empiricalNtk<E extends ExampleBatch>(
  apply: (params: Params, examples: E) => tf.Tensor2D,
  params: Params,
  examples: E,
  examples2?: E,
  options: NtkOptions = {},
): tf.Tensor4D {
  const problem = problemOf('empiricalNtk', apply, params, examples, examples2);
  return kernelsOf({ ...problem, entries: 'full', layerOf: all, options })['all'] as tf.Tensor4D;
}

/**
 * The empirical neural tangent kernel, layer by layer. The sum over the layers is
 * {@link empiricalNtk}.
 *
 *     layerNtk[layer] = sum over the layer's parameters p of J_p(x) J_p(x')^T
 *
 * @param apply - differentiable, `n` examples to `[n, O]`; row `i` depends on example `i` alone. It is called with runs of the examples,
 *   some of them several times over
 * @param params - record of float32 tensors, where to differentiate
 * @param examples - `N` inputs of `apply`: a list, or a tensor (a record of tensors) with a row for each, of which `apply` gets rows:
 *   then one graph serves all of them
 * @param examples2 - `M` inputs; left out, they are `examples`, and half of the work is saved
 * @returns layer -> `[N, O, M, O]`; the caller owns the tensors
 * @throws as {@link empiricalNtk}
 *
 * @example
 * ```ts
 * import * as tf from '@tensorflow/tfjs-core';
 * const apply = ({ w, b }, xs) => tf.add(tf.matMul(tf.tensor2d(xs), w), b);
 * const { w, b } = layerNtk(apply, { w: tf.tensor2d([[1], [2]]), b: tf.zeros([1]) }, [[3, 4]]);
 * [w.arraySync(), b.arraySync()]; // => [[[[[25]]]], [[[[1]]]]]
 * ```
 */
export function layerNtk<E extends ExampleBatch>(
  apply: (params: Params, examples: E) => tf.Tensor2D,
  params: Params,
  examples: E,
  examples2?: E,
  { layerOf = (name) => name, ...options }: LayerNtkOptions = {},
): Record<string, tf.Tensor4D> {
  const problem = problemOf('layerNtk', apply, params, examples, examples2);
  return kernelsOf({ ...problem, entries: 'full', layerOf, options }) as Record<
    string,
    tf.Tensor4D
  >;
}

/**
 * The trace of the kernel over its outputs, divided by their number: what is left of the kernel
 * when outputs are averaged (`trace_axes` of neural-tangents).
 *
 *     traceNtk[n, m] = (1/O) sum_k ntk[n, k, m, k]
 *
 * @param apply - differentiable, `n` examples to `[n, O]`; row `i` depends on example `i` alone. It is called with runs of the examples,
 *   some of them several times over
 * @param params - record of float32 tensors, where to differentiate
 * @param examples - `N` inputs of `apply`: a list, or a tensor (a record of tensors) with a row for each, of which `apply` gets rows:
 *   then one graph serves all of them
 * @param examples2 - `M` inputs; left out, they are `examples`, and half of the work is saved
 * @returns `[N, M]`; the caller owns it
 * @throws as {@link empiricalNtk}
 *
 * @example
 * ```ts
 * import * as tf from '@tensorflow/tfjs-core';
 * const apply = ({ w }, xs) => tf.matMul(tf.tensor2d(xs), w); // two outputs: <x, x'> I
 * traceNtk(apply, { w: tf.ones([2, 2]) }, [[3, 4], [1, 0]]).arraySync(); // => [[25, 3], [3, 1]]
 * ```
 */
export function traceNtk<E extends ExampleBatch>(
  apply: (params: Params, examples: E) => tf.Tensor2D,
  params: Params,
  examples: E,
  examples2?: E,
  options: NtkOptions = {},
): tf.Tensor2D {
  const problem = problemOf('traceNtk', apply, params, examples, examples2);
  return kernelsOf({ ...problem, entries: 'trace', layerOf: all, options })['all'] as tf.Tensor2D;
}

/**
 * The kernel of each output with itself (`diagonal_axes` of neural-tangents).
 *
 *     diagonalNtk[n, m, k] = ntk[n, k, m, k]
 *
 * @param apply - as of {@link empiricalNtk}
 * @param params - record of float32 tensors, where to differentiate
 * @param examples - `N` inputs of `apply`, as of {@link empiricalNtk}
 * @param examples2 - `M` inputs; left out, they are `examples`, and half of the work is saved
 * @returns `[N, M, O]`; the caller owns it
 * @throws as {@link empiricalNtk}
 *
 * @example
 * ```ts
 * import * as tf from '@tensorflow/tfjs-core';
 * const apply = ({ w }, xs) => tf.mul(tf.tensor2d(xs), w); // a scale for each of two outputs
 * diagonalNtk(apply, { w: tf.ones([2]) }, [[3, 4], [1, 0]]).arraySync(); // => [[[9, 16], [3, 0]], [[3, 0], [1, 0]]]
 * ```
 */
export function diagonalNtk<E extends ExampleBatch>(
  apply: (params: Params, examples: E) => tf.Tensor2D,
  params: Params,
  examples: E,
  examples2?: E,
  options: NtkOptions = {},
): tf.Tensor3D {
  const problem = problemOf('diagonalNtk', apply, params, examples, examples2);
  return kernelsOf({ ...problem, entries: 'diagonal', layerOf: all, options })[
    'all'
  ] as tf.Tensor3D;
}

/**
 * The kernel of the outputs' sum: one backward pass an example in place of one for each output, and near {@link traceNtk} in wide networks.
 *
 *     pseudoNtk[n, m] = (1/O) sum_{k, l} ntk[n, k, m, l]
 *
 * @param apply - as of {@link empiricalNtk}
 * @param params - record of float32 tensors, where to differentiate
 * @param examples - `N` inputs of `apply`, as of {@link empiricalNtk}
 * @param examples2 - `M` inputs; left out, they are `examples`, and half of the work is saved
 * @returns `[N, M]`; the caller owns it
 * @throws as {@link empiricalNtk}
 * @see Mohamadi, Bae and Sutherland 2023, eq. 3, https://arxiv.org/abs/2206.12543
 *
 * @example
 * ```ts
 * import * as tf from '@tensorflow/tfjs-core';
 * const apply = ({ w }, xs) => tf.matMul(tf.tensor2d(xs), w); // two outputs: <x, x'> I
 * pseudoNtk(apply, { w: tf.ones([2, 2]) }, [[3, 4], [1, 0]]).arraySync(); // => [[25, 3], [3, 1]]
 * ```
 */
export function pseudoNtk<E extends ExampleBatch>(
  apply: (params: Params, examples: E) => tf.Tensor2D,
  params: Params,
  examples: E,
  examples2?: E,
  options: Omit<NtkOptions, 'directions' | 'directions2'> = {},
): tf.Tensor2D {
  const problem = problemOf('pseudoNtk', apply, params, examples, examples2);
  return tf.tidy(() => {
    const summed = {
      ...problem,
      left: outputSum(problem.left),
      right: problem.right && outputSum(problem.right),
    };
    return kernelsOf({ ...summed, entries: 'trace', layerOf: all, options })['all'] as tf.Tensor2D;
  });
}

/** The outputs' sum, over the root of their number. */
const outputSum = (examples: Examples): Examples => ({
  ...examples,
  apply: (...given) =>
    tf.tidy(() => {
      const outputs = examples.apply(...given);
      return tf.div(tf.sum(outputs, 1, true), Math.sqrt(outputs.shape[1])) as tf.Tensor2D;
    }),
});

/**
 * What a kernel costs by each method, estimated from shapes, layer by layer, and which of them `auto` takes. It looks at how the function
 * uses its parameters, by three passes over the examples, and computes nothing else.
 *
 * @param apply - as of {@link empiricalNtk}
 * @param params - record of float32 tensors, where to differentiate
 * @param examples - `N` inputs of `apply`, as of {@link empiricalNtk}
 * @param examples2 - `M` inputs; left out, they are `examples`
 * @returns plain numbers; `fallback` names the parameters that only the reference knows
 * @throws as {@link empiricalNtk}
 *
 * @example
 * ```ts
 * import * as tf from '@tensorflow/tfjs-core';
 * import { dense } from '@cfrl/engine';
 * const apply = ({ w, b }, xs) => tf.mul(dense(tf.tensor2d(xs), w, 'in-out'), b);
 * const { method, fallback } = explainCost(apply, { w: tf.ones([2, 3]), b: tf.ones([3]) }, [[1, 2]]);
 * [method, fallback]; // => ["jacobian", ["b"]]
 * ```
 */
export function explainCost<E extends ExampleBatch>(
  apply: (params: Params, examples: E) => tf.Tensor2D,
  params: Params,
  examples: E,
  examples2?: E,
  { entries = 'full', layerOf = (name) => name, ...options }: ExplainCostOptions = {},
): KernelCost {
  const problem = problemOf('explainCost', apply, params, examples, examples2);
  if (!['full', 'diagonal', 'trace'].includes(entries)) {
    throw new RangeError(
      `explainCost: entries is ${String(entries)}, expected one of full, diagonal, trace`,
    );
  }
  return prepare({ ...problem, entries, layerOf, options }).cost;
}

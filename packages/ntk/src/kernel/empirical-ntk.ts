import { type Params, mapParams, resolveOptions } from '@cfrl/engine';
import * as tf from '@tensorflow/tfjs-core';

import { checkFiniteTensor, checkNotEmpty, checkOutputs, checkSelection } from '../check.js';
import { oneHotRows } from '../one-hot.js';
import { type SharedOptions, shared } from '../options.js';
import { gram, rowsWithin } from './gram.js';
import { type Apply, gradientRows, jacobianRows } from './gradient-rows.js';

/** Options of {@link empiricalNtk}. Rows of `examples2` are computed once for each block of `examples` that fits `maxBytes`. */
export type NtkOptions = Pick<SharedOptions, 'select' | 'maxBytes'>;

/** Options of {@link layerNtk}. */
export type LayerNtkOptions = NtkOptions & Pick<SharedOptions, 'layerOf'>;

/**
 * The empirical neural tangent kernel by contracting Jacobians: the reference that every faster
 * route must equal.
 *
 *     ntk[n, k, m, l] = < d apply(x_n)_k / d params, d apply(x'_m)_l / d params >
 *
 * @param apply - differentiable, `n` examples to `[n, O]`; called with one example at a time
 * @param params - record of float32 tensors, where to differentiate
 * @param examples - `N` inputs of `apply`
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
export function empiricalNtk<X>(
  apply: Apply<X>,
  params: Params,
  examples: readonly X[],
  examples2?: readonly X[],
  options: NtkOptions = {},
): tf.Tensor4D {
  return kernels('empiricalNtk', apply, params, examples, examples2, options)['all']!;
}

/**
 * The empirical neural tangent kernel, layer by layer. The sum over the layers is
 * {@link empiricalNtk}.
 *
 *     layerNtk[layer] = sum over the layer's parameters p of J_p(x) J_p(x')^T
 *
 * @param apply - differentiable, `n` examples to `[n, O]`; called with one example at a time
 * @param params - record of float32 tensors, where to differentiate
 * @param examples - `N` inputs of `apply`
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
export function layerNtk<X>(
  apply: Apply<X>,
  params: Params,
  examples: readonly X[],
  examples2?: readonly X[],
  { layerOf = (name) => name, ...options }: LayerNtkOptions = {},
): Record<string, tf.Tensor4D> {
  return kernels('layerNtk', apply, params, examples, examples2, options, layerOf);
}

/**
 * The trace of the kernel over its outputs, divided by their number: what is left of the kernel
 * when outputs are averaged (`trace_axes` of neural-tangents).
 *
 *     traceNtk[n, m] = (1/O) sum_k ntk[n, k, m, k]
 *
 * @param apply - differentiable, `n` examples to `[n, O]`; called with one example at a time
 * @param params - record of float32 tensors, where to differentiate
 * @param examples - `N` inputs of `apply`
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
export function traceNtk<X>(
  apply: Apply<X>,
  params: Params,
  examples: readonly X[],
  examples2?: readonly X[],
  options: NtkOptions = {},
): tf.Tensor2D {
  return tf.tidy(() => {
    const plan = prepare('traceNtk', apply, params, examples, examples2, options);
    const shares = Array.from({ length: plan.outputs }, (_, k) => {
      const rows = (list: readonly X[]) => {
        const cotangents = oneHotRows(new Array<number>(list.length).fill(k), plan.outputs);
        return gradientRows(apply, params, plan.select, list, cotangents);
      };
      return gram(rows(examples), examples2 ? rows(examples2) : null, plan)['all']!;
    });
    const kernel = tf.div(tf.addN(shares), plan.outputs) as tf.Tensor2D;
    return checkFiniteTensor('traceNtk: the kernel', kernel);
  });
}

function prepare<X>(
  where: string,
  apply: Apply<X>,
  params: Params,
  examples: readonly X[],
  examples2: readonly X[] | undefined,
  options: NtkOptions,
) {
  const { select, maxBytes } = resolveOptions(where, options, shared('select', 'maxBytes'));
  checkNotEmpty(`${where}: examples`, examples);
  if (examples2 !== undefined) checkNotEmpty(`${where}: examples2`, examples2);
  const rowsPerBlock = rowsWithin(where, maxBytes, checkSelection(where, params, select));
  const outputs = checkOutputs(where, apply, params, [...examples, ...(examples2 ?? [])]);
  return { select, rowsPerBlock, outputs, layerOf: () => 'all' };
}

/** The kernel by layers; one that is called `all` where none are named. */
export function kernels<X>(
  where: string,
  apply: Apply<X>,
  params: Params,
  examples: readonly X[],
  examples2: readonly X[] | undefined,
  options: NtkOptions,
  layerOf?: (name: string) => string,
): Record<string, tf.Tensor4D> {
  return tf.tidy(() => {
    const plan = prepare(where, apply, params, examples, examples2, options);
    const { outputs } = plan;
    const rows = (list: readonly X[]) => jacobianRows(apply, params, plan.select, list, outputs);
    const right = examples2 ? rows(examples2) : null;
    const shape = [examples.length, outputs, (examples2 ?? examples).length, outputs];
    const layers = gram(rows(examples), right, { ...plan, ...(layerOf && { layerOf }) });
    return mapParams(layers, (kernel) =>
      tf.reshape(checkFiniteTensor(`${where}: the kernel`, kernel), shape),
    ) as Record<string, tf.Tensor4D>;
  });
}

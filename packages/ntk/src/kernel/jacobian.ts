import { type Params, mapParams, resolveOptions } from '@cfrl/engine';
import * as tf from '@tensorflow/tfjs-core';

import { checkFiniteResults, checkNotEmpty, checkSelection } from '../check.js';
import { type SharedOptions, shared } from '../options.js';
import { checkOutputs } from '../uses/check-outputs.js';
import { listed } from '../uses/examples.js';
import { type Apply, jacobianRows } from './gradient-rows.js';

/** Options of {@link jacobian}. */
export type JacobianOptions = Pick<SharedOptions, 'select'>;

/**
 * The Jacobian of a function's outputs with respect to its parameters, one backward pass per
 * example and output.
 *
 *     jacobian[name][n, k, p] = d apply(params, [examples[n]])[0, k] / d params[name] (flat)[p]
 *
 * @param apply - differentiable, `n` examples to `[n, O]`; called with one example at a time
 * @param params - record of float32 tensors, where to differentiate
 * @param examples - `N` inputs of `apply`
 * @returns name -> `[N, O, size]`, for the selected parameters, zeros where one is unused; the
 *   caller owns the tensors
 * @throws RangeError if `examples` is empty, `select` keeps nothing, or `apply` returns another
 *   shape than `[1, O]` or numbers that are not finite
 *
 * @example
 * ```ts
 * import * as tf from '@tensorflow/tfjs-core';
 * const apply = ({ w }, xs) => tf.matMul(tf.tensor2d(xs), w); // two inputs, one output
 * const { w } = jacobian(apply, { w: tf.tensor2d([[1], [2]]) }, [[3, 4]]);
 * w.arraySync(); // => [[[3, 4]]]
 * ```
 */
export function jacobian<X>(
  apply: Apply<X>,
  params: Params,
  examples: readonly X[],
  options: JacobianOptions = {},
): Record<string, tf.Tensor3D> {
  const { select } = resolveOptions('jacobian', options, shared('select'));
  checkNotEmpty('jacobian: examples', examples);
  checkSelection('jacobian', params, select);
  return tf.tidy(() => {
    const outputs = checkOutputs('jacobian', listed(apply, examples), params);
    const source = jacobianRows(apply, params, select, examples, outputs);
    const rows = checkFiniteResults('jacobian', source.rows(0, source.count));
    return mapParams(rows, (tensor, name) =>
      tf.reshape(tensor, [examples.length, outputs, params[name]!.size]),
    ) as Record<string, tf.Tensor3D>;
  });
}

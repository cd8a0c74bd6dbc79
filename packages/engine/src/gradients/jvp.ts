import * as tf from '@tensorflow/tfjs-core';

import { checkSameShape, showNames } from '../check.js';
import { type Params, selectParams } from '../params.js';
import { valueAuxAndGrad } from './grad.js';

/** A function's value and how it changes along a direction. A type, since `tf.tidy` returns no interface. */
export type ValueAndTangent = {
  /** `f(params)`. */
  readonly value: tf.Tensor;
  /** `J tangent`, of the value's shape. */
  readonly tangent: tf.Tensor;
};

/**
 * Jacobian-vector product: how the value changes along a direction of the parameters, to first order and without a difference quotient.
 * `u -> J^T u` is linear, so that the gradient of `<J^T u, tangent>` with respect to `u` is `J tangent`: one forward and two backward passes.
 *
 *     jvp(f, params, tangent) = J(params) tangent = d/dt f(params + t tangent) at t = 0
 *
 * It can be compiled, and differentiated with respect to the tangent.
 *
 * @param f - function of the parameters to a tensor of any shape; its operations must be differentiable twice, as those of this package are
 * @param params - where to differentiate; borrowed
 * @param tangent - the direction, of the parameters' shapes; a parameter that it does not name stays
 * @returns `value` and `tangent`, of one shape; the caller owns both
 * @throws RangeError if the tangent is empty, has a name that is no parameter's, or another shape than its parameter
 * @see Townsend 2017, https://j-towns.github.io/2017/06/12/A-new-trick.html
 *
 * @example
 * ```ts
 * import * as tf from '@tensorflow/tfjs-core';
 * const f = ({ x }: Params) => tf.mul(x!, x!);
 * jvp(f, { x: tf.tensor1d([1, 2]) }, { x: tf.tensor1d([1, 10]) }).tangent.arraySync(); // => [2, 40]
 * ```
 */
export function jvp(
  f: (params: Params) => tf.Tensor,
  params: Params,
  tangent: Params,
): ValueAndTangent {
  const directions = Object.entries(tangent);
  if (directions.length === 0)
    throw new RangeError('jvp: tangent is empty, expected at least one direction');
  for (const [name, direction] of directions) {
    if (params[name] === undefined) {
      throw new RangeError(
        `jvp: tangent has '${name}', expected only ${showNames(Object.keys(params))}`,
      );
    }
    checkSameShape(`jvp: tangent '${name}'`, direction, params[name], 'its parameter');
  }
  const found: tf.Tensor[] = [];
  /** `u`: whatever it is, `J^T u` is linear in it. Its gradient is what is looked for; the gate is there for the way to lead past it. */
  const cotangent = (gate: tf.Tensor, shape: number[]): tf.Tensor =>
    tf.customGrad(() => ({
      value: tf.zeros(shape),
      gradFunc: (dy: tf.Tensor) => {
        found.push(tf.keep(tf.clone(dy)));
        return [tf.scalar(0)];
      },
    }))(gate);
  try {
    return tf.tidy((): ValueAndTangent => {
      const moving = selectParams(params, (name) => name in tangent);
      const { aux: value } = valueAuxAndGrad(({ gate }) => {
        const { aux, grads } = valueAuxAndGrad((moved) => {
          const result = f({ ...params, ...moved });
          return { value: tf.sum(tf.mul(result, cotangent(gate!, result.shape))), aux: result };
        })(moving);
        const products = Object.entries(grads).map(([name, grad]) =>
          tf.sum(tf.mul(grad, tangent[name]!)),
        );
        return { value: products.reduce((sum, each) => tf.add(sum, each), tf.scalar(0)), aux };
      })({ gate: tf.scalar(0) });
      return { value, tangent: tf.addN([tf.zerosLike(value), ...found]) };
    });
  } finally {
    tf.dispose(found);
  }
}

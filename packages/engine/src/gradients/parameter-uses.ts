import * as tf from '@tensorflow/tfjs-core';

import type { WeightLayout } from '../ops/weight-layout.js';
import type { Params } from '../params.js';
import { vjp } from './grad.js';
import { type OpenUse, withUses } from './use-scope.js';

/** One place where a function uses a parameter in an affine way, and what the gradient knows there. */
export interface ParameterUse {
  /** The parameter's name in the record. */
  readonly name: string;
  /**
   * How it is used: a weight of `dense`, a table of `embedding`, the gain of a norm, or what is added to rows (the bias of `dense` and of
   * layer norm).
   */
  readonly kind: 'dense' | 'embedding' | 'gain' | 'bias';
  /** How the parameter stands against the operation: `in-out` is `[in, out]` (a table `[V, D]`), `out-in` is transposed. */
  readonly layout: WeightLayout;
  /** `dense`: rows `[R, in]`; `embedding`: int32 ids `[R]`; `gain`: normed rows `[R, D]`; `bias`: absent. */
  readonly input?: tf.Tensor;
  /** `[R, out]`, the gradient with respect to the operation's result. */
  readonly cotangent: tf.Tensor2D;
}

/** A function's value, and all uses of its parameters. */
export interface ParameterUses {
  /** The function's value. */
  readonly value: tf.Tensor;
  /** In the order in which the function made them; a parameter may have several, or none. */
  readonly uses: readonly ParameterUse[];
}

/**
 * One backward pass that forms no gradient of a parameter: at each place where `dense`, `embedding`, `rmsNorm` or `layerNorm` uses one, it
 * keeps what went in and the cotangent of what came out. The gradient is a sum over their rows, and so are its inner products with other
 * gradients and with changes of the parameters, sequence by sequence and position by position:
 *
 *     d <cotangent, f> / d W = sum_r a_r delta_r^T     (dense, 'in-out')
 *     embedding: sum_r e_(id_r) delta_r^T     gain: sum_r xhat_r * delta_r     bias: sum_r delta_r
 *
 * A parameter is recognised as itself, with a number added, or transposed. One that `f` uses in any other way has no entry; one that
 * it uses in both ways has an incomplete one: compare with {@link vjp}, once a function.
 *
 * @param f - differentiable; without {@link rematerialize}
 * @param params - where to differentiate; borrowed
 * @param cotangent - of the value's shape
 * @returns the value and the uses; the caller owns all tensors
 * @throws RangeError if the cotangent has another shape than the value
 *
 * @example
 * ```ts
 * import * as tf from '@tensorflow/tfjs-core';
 * const x = tf.tensor2d([[1, 2], [3, 4]]);
 * const { uses } = parameterUses(({ w }) => dense(x, w, 'in-out'), { w: tf.ones([2, 1]) }, tf.tensor2d([[1], [10]]));
 * const [{ name, input, cotangent }] = uses;
 * [name, input.arraySync(), cotangent.arraySync()]; // => ["w", [[1, 2], [3, 4]], [[1], [10]]]
 * ```
 */
export function parameterUses(
  f: (params: Params) => tf.Tensor,
  params: Params,
  cotangent: tf.Tensor,
): ParameterUses {
  const open: OpenUse[] = [];
  try {
    return tf.tidy((): ParameterUses & tf.TensorContainerObject => {
      const gate = tf.scalar(0);
      const names = new Map(Object.entries(params).map(([name, { id }]) => [id, name]));
      const { value } = vjp(
        () => withUses({ names, gate, open }, () => f(params)),
        { gate },
        cotangent,
      );
      // Without a cotangent the value does not depend on it.
      const uses = open.flatMap(({ cotangents: [rows], input, ...use }): ParameterUse[] =>
        rows === undefined
          ? []
          : [
              {
                ...use,
                ...(input && { input: tf.clone(input) }),
                cotangent: tf.clone(rows) as tf.Tensor2D,
              },
            ],
      );
      return { value, uses: uses as never };
    });
  } finally {
    for (const { input, cotangents } of open)
      tf.dispose([...(input ? [input] : []), ...cotangents]);
  }
}

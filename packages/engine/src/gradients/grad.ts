import * as tf from '@tensorflow/tfjs-core';

import { checkShape, shapeOf } from '../check.js';
import { type Flat, flatten } from '../compile/structure.js';
import { type Params, selectParams } from '../params.js';

/** A scalar and its gradient with respect to a record. */
export interface ValueAndGrad {
  /** The function's value. */
  readonly value: tf.Scalar;
  /** One gradient a parameter, under the parameter's name and of its shape. */
  readonly grads: Params;
}

/** Under gradients that are being recorded: what they are taken with respect to, as ids of tensors. */
const variables: ReadonlySet<number>[] = [];

/**
 * The parameters that a gradient which is being recorded asks for: those that it is taken with respect to, and what has been
 * computed from them. All, if TensorFlow.js was asked for the gradient without us.
 */
export function differentiated(params: Params): Params {
  const { activeTape, gradientDepth, kernelDepth } = tf.engine().state;
  if (gradientDepth === 0 || kernelDepth > 0) return {};
  const asked = new Set(variables.flatMap((ids) => [...ids]));
  for (const { inputs, outputs } of activeTape) {
    if (Object.values(inputs).some(({ id }) => asked.has(id)))
      outputs.forEach(({ id }) => asked.add(id));
  }
  const foreign = variables.length < gradientDepth;
  return selectParams(params, (name) => {
    const { id, dtype } = params[name]!;
    return dtype === 'float32' && (foreign || asked.has(id));
  });
}

/**
 * Runs a gradient. It may be part of another one's backward pass, whose tape TensorFlow.js would forget; and when it throws,
 * what its own tape has kept is freed (TensorFlow.js would keep it for ever).
 */
function withOwnTape<T>(gradient: () => T): T {
  const { state } = tf.engine();
  if (state.gradientDepth > 0) return gradient();
  const outer = state.activeTape;
  try {
    return gradient();
  } catch (error) {
    const failed = state.activeTape === outer ? [] : (state.activeTape ?? []);
    for (const { saved } of failed) tf.dispose(saved ?? []);
    throw error;
  } finally {
    state.activeTape = outer;
  }
}

/** Gradients that the tape does not have (unused parameters) are zeros of the parameter's shape. */
function gradients(
  f: (params: Params) => tf.Tensor,
  params: Params,
  cotangent?: tf.Tensor,
): { value: tf.Tensor; grads: Record<string, tf.Tensor> } {
  return tf.tidy(() => {
    const inputs = Object.values(params);
    const taped = (): tf.Tensor => {
      variables.push(new Set(inputs.map(({ id }) => id)));
      try {
        return f(params);
      } finally {
        variables.pop();
      }
    };
    const { value, grads } = withOwnTape(() =>
      tf.engine().gradients(taped, inputs, cotangent, true),
    );
    const named = Object.keys(params).map((name, i) => [
      name,
      grads[i] ?? tf.zerosLike(inputs[i]!),
    ]);
    return { value, grads: Object.fromEntries(named) as Record<string, tf.Tensor> };
  });
}

/**
 * A function's value together with its gradient over a record of parameters. A parameter that the
 * function does not use has the gradient 0.
 *
 * @param loss - differentiable function to a scalar
 * @returns a function of the parameters; the caller owns `value` and `grads`
 * @throws RangeError (from the returned function) if the result is not a scalar
 *
 * @example
 * ```ts
 * import * as tf from '@tensorflow/tfjs-core';
 * const square = valueAndGrad(({ x }) => tf.sum(tf.square(x)));
 * const { value, grads } = square({ x: tf.tensor1d([1, 2]), unused: tf.scalar(5) });
 * [value.arraySync(), grads.x.arraySync(), grads.unused.arraySync()]; // => [5, [2, 4], 0]
 * ```
 */
export function valueAndGrad(
  loss: (params: Params) => tf.Tensor,
): (params: Params) => ValueAndGrad {
  const scalarLoss = (params: Params): tf.Tensor => {
    const value = loss(params);
    const expected = 'a scalar; reduce it with tf.sum or tf.mean';
    checkShape('valueAndGrad: loss', value, value.rank === 0, expected);
    return value;
  };
  return (params) => {
    const { value, grads } = gradients(scalarLoss, params);
    return { value: value as tf.Scalar, grads };
  };
}

/** A scalar, its gradient, and what was computed on the way. */
export interface ValueAuxAndGrad<A> extends ValueAndGrad {
  /** What the function gave besides; its tensors are the caller's. */
  readonly aux: A;
}

/**
 * As {@link valueAndGrad}, for a function that has more to tell than its value: metrics of the same forward pass.
 *
 * @param loss - differentiable function to a scalar `value`, and `aux`: tensors that gradients do not look at, in arrays and plain
 *   records of any depth, beside plain values
 * @returns a function of the parameters; the caller owns `value`, `grads` and `aux`
 * @throws RangeError (from the returned function) if the value is not a scalar
 *
 * @example
 * ```ts
 * import * as tf from '@tensorflow/tfjs-core';
 * const loss = ({ x }: Params) => {
 *   const squares = tf.square(x!);
 *   return { value: tf.sum(squares), aux: { largest: tf.max(squares) } };
 * };
 * const { grads, aux } = valueAuxAndGrad(loss)({ x: tf.tensor1d([1, 2]) });
 * [grads.x!.arraySync(), aux.largest.arraySync()]; // => [[2, 4], 4]
 * ```
 */
export function valueAuxAndGrad<A>(
  loss: (params: Params) => { readonly value: tf.Tensor; readonly aux: A },
): (params: Params) => ValueAuxAndGrad<A> {
  return (params) => {
    let kept: tf.Tensor[] = [];
    let rebuild: Flat['rebuild'] | undefined;
    try {
      const { value, grads } = valueAndGrad((p) => {
        const result = loss(p);
        const flat = flatten('valueAuxAndGrad: aux', result.aux);
        // The scopes around this function end before there is somebody to own these.
        kept = flat.tensors.map((tensor) => tf.keep(tf.clone(tensor)));
        rebuild = flat.rebuild;
        return result.value;
      })(params);
      return { value, grads, aux: rebuild!(kept.map((tensor) => tf.clone(tensor))) as A };
    } finally {
      tf.dispose(kept);
    }
  };
}

/**
 * Vector-Jacobian product: the gradient of `<cotangent, f(params)>`.
 *
 *     vjp(f, params, u) = J(params)^T u
 *
 * @param f - differentiable function of the parameters to a tensor of any shape
 * @param cotangent - `u`, of the shape of the function's value
 * @returns `value` and one gradient a parameter (0 where unused); the caller owns both
 * @throws RangeError if the cotangent's shape is not the value's
 *
 * @example
 * ```ts
 * import * as tf from '@tensorflow/tfjs-core';
 * const f = ({ x }: Params) => tf.mul(x!, x!);
 * vjp(f, { x: tf.tensor1d([1, 2]) }, tf.tensor1d([1, 10])).grads.x!.arraySync(); // => [2, 40]
 * ```
 */
export function vjp(
  f: (params: Params) => tf.Tensor,
  params: Params,
  cotangent: tf.Tensor,
): { readonly value: tf.Tensor; readonly grads: Params } {
  const checked = (p: Params): tf.Tensor => {
    const value = f(p);
    const fits = tf.util.arraysEqual(value.shape, cotangent.shape);
    checkShape('vjp: cotangent', cotangent, fits, `the value's shape ${shapeOf(value)}`);
    return value;
  };
  return gradients(checked, params, cotangent);
}

import * as tf from '@tensorflow/tfjs-core';

/** A value together with what was computed on the way and is worth keeping for the gradient. */
interface Computed {
  readonly value: tf.Tensor;
  readonly kept: readonly tf.Tensor[];
}

/** An operation whose gradient is written by hand. */
interface HandWritten {
  /** The tensors that gradients flow to. */
  readonly inputs: readonly tf.Tensor[];
  /** What the gradient needs of the operation's arguments, constants included. */
  readonly save: readonly tf.Tensor[];
  /** The result; or the result and what is {@link recalled} in the gradient. */
  readonly value: () => tf.Tensor | Computed;
  /** One gradient an input, from the output's cotangent, the saved tensors, and the kept ones. */
  readonly gradient: (
    cotangent: tf.Tensor,
    saved: readonly tf.Tensor[],
    kept: readonly tf.Tensor[],
  ) => tf.Tensor[];
}

/** Runs an operation with a gradient of its own: fewer operations than the tape would record. */
export function withGradient({ inputs, save, value, gradient }: HandWritten): tf.Tensor {
  return tf.customGrad((...args) => {
    const keep = args[args.length - 1] as tf.GradSaveFunc;
    const result = value();
    const computed = result instanceof tf.Tensor ? { value: result, kept: [] } : result;
    keep([...save, ...computed.kept]);
    return {
      value: computed.value,
      gradFunc: (dy: tf.Tensor, saved: tf.Tensor[]) =>
        gradient(dy, saved.slice(0, save.length), saved.slice(save.length)),
    };
  })(...inputs);
}

/** A value that its own gradient needs. */
export const keptValue = (compute: () => tf.Tensor) => (): Computed => {
  const value = compute();
  return { value, kept: [value] };
};

/**
 * A tensor that an operation kept, as a function of the operation's inputs again. While a gradient is itself being
 * differentiated it has a gradient of its own; otherwise it costs nothing.
 *
 * @param gradient - one gradient an input, from the cotangent, the inputs and the kept tensor
 */
export function recalled(
  kept: tf.Tensor,
  inputs: readonly tf.Tensor[],
  gradient: (cotangent: tf.Tensor, inputs: readonly tf.Tensor[], kept: tf.Tensor) => tf.Tensor[],
): tf.Tensor {
  if (tf.engine().state.gradientDepth === 0) return kept;
  return withGradient({
    inputs,
    save: [...inputs, kept],
    value: () => tf.clone(kept),
    gradient: (dy, saved) => gradient(dy, saved.slice(0, -1), saved[saved.length - 1]!),
  });
}

/** {@link withGradient} for one input, which the gradient needs; `kept` is undefined where nothing else was worth keeping. */
export const unary = (
  x: tf.Tensor,
  value: () => tf.Tensor | Computed,
  gradient: (cotangent: tf.Tensor, x: tf.Tensor, kept: tf.Tensor) => tf.Tensor,
): tf.Tensor =>
  withGradient({
    inputs: [x],
    save: [x],
    value,
    gradient: (dy, [input], [kept]) => [gradient(dy, input!, kept!)],
  });

/** {@link recalled} for one input. */
export const recalledUnary = (
  kept: tf.Tensor,
  x: tf.Tensor,
  gradient: (cotangent: tf.Tensor, x: tf.Tensor, kept: tf.Tensor) => tf.Tensor,
): tf.Tensor => recalled(kept, [x], (dy, [input], again) => [gradient(dy, input!, again)]);

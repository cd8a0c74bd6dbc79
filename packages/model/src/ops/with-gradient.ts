import * as tf from '@tensorflow/tfjs-core';

/** An operation whose gradient is written by hand. */
export interface HandWritten {
  /** The tensors that gradients flow to. */
  readonly inputs: readonly tf.Tensor[];
  /**
   * What the gradient needs: inputs of the operation, never something computed from them. So a
   * gradient can be differentiated again, and the activations in between are not kept in memory.
   */
  readonly save: readonly tf.Tensor[];
  readonly value: () => tf.Tensor;
  /** One gradient an input, from the output's cotangent and the saved tensors. */
  readonly gradient: (cotangent: tf.Tensor, saved: readonly tf.Tensor[]) => tf.Tensor[];
}

/** Runs an operation with a gradient of its own: fewer operations than the tape would record. */
export function withGradient({ inputs, save, value, gradient }: HandWritten): tf.Tensor {
  return tf.customGrad((...args) => {
    const keep = args[args.length - 1] as tf.GradSaveFunc;
    keep([...save]);
    return { value: value(), gradFunc: gradient };
  })(...inputs);
}

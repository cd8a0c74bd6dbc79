import * as tf from '@tensorflow/tfjs-core';

import { nativeBackend } from '../compile/binding.js';
import type { Attribute } from '../compile/graph.js';
import { typeAttribute } from '../compile/nodes.js';

const backendName = 'tensorflow';

/** Whether TensorFlow computes natively, so that its own operations are there. */
export const isNative = (): boolean => tf.getBackend() === backendName;

const channelsLast = (): Attribute => ({
  name: 'data_format',
  type: nativeBackend().binding.TF_ATTR_STRING,
  value: 'NHWC',
});

/** TensorFlow operations on float32 that TensorFlow.js does not use, and their attributes beside the type. */
const operations = {
  BiasAdd: () => [channelsLast()],
  BiasAddGrad: () => [channelsLast()],
  L2Loss: () => [],
  LogSoftmax: () => [],
  /** Only in what XLA compiles. */
  XlaDynamicUpdateSlice: () => [typeAttribute('Tindices', nativeBackend().binding.TF_INT32)],
} as const satisfies Readonly<Record<string, () => readonly Attribute[]>>;

/**
 * Runs one of TensorFlow's own operations, registered as a kernel so that tidy scopes and tapes see
 * it. It has no gradient: call it inside of an operation that has one.
 */
export function runNative(kernelName: keyof typeof operations, ...inputs: tf.Tensor[]): tf.Tensor {
  if (tf.getKernel(kernelName, backendName) === undefined) {
    const kernelFunc: tf.KernelFunc = ({ inputs: operands }) => {
      const float = typeAttribute('T', nativeBackend().binding.TF_FLOAT);
      const attributes = [float, ...operations[kernelName]()];
      const tensors = Object.values(operands) as tf.TensorInfo[];
      return nativeBackend().executeSingleOutput(kernelName, attributes, tensors);
    };
    tf.registerKernel({ kernelName, backendName, kernelFunc });
  }
  return tf.engine().runKernel(kernelName, Object.fromEntries(inputs.entries()));
}

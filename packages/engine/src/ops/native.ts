import * as tf from '@tensorflow/tfjs-core';

/** The parts of the native backend that are used here. */
interface NativeBackend extends tf.KernelBackend {
  readonly binding: Readonly<Record<string, number>>;
  executeSingleOutput(op: string, attributes: unknown[], inputs: tf.TensorInfo[]): tf.Tensor;
}

const backendName = 'tensorflow';

/** Whether TensorFlow computes natively, so that its own operations are there. */
export const isNative = (): boolean => tf.getBackend() === backendName;

type Attributes = (binding: NativeBackend['binding']) => unknown[];

const float: Attributes = (b) => [{ name: 'T', type: b['TF_ATTR_TYPE'], value: b['TF_FLOAT'] }];

const channelsLast: Attributes = (b) => [
  ...float(b),
  { name: 'data_format', type: b['TF_ATTR_STRING'], value: 'NHWC' },
];

/** TensorFlow operations on float32 that TensorFlow.js does not use. */
const operations = {
  BiasAdd: channelsLast,
  BiasAddGrad: channelsLast,
  L2Loss: float,
  LogSoftmax: float,
  /** Only in what XLA compiles. */
  XlaDynamicUpdateSlice: (b) => [
    ...float(b),
    { name: 'Tindices', type: b['TF_ATTR_TYPE'], value: b['TF_INT32'] },
  ],
} as const satisfies Readonly<Record<string, Attributes>>;

/**
 * Runs one of TensorFlow's own operations, registered as a kernel so that tidy scopes and tapes see
 * it. It has no gradient: call it inside of an operation that has one.
 */
export function runNative(name: keyof typeof operations, ...inputs: tf.Tensor[]): tf.Tensor {
  if (tf.getKernel(name, backendName) === undefined) register(name);
  return tf.engine().runKernel(name, Object.fromEntries(inputs.entries()));
}

function register(kernelName: keyof typeof operations): void {
  tf.registerKernel({
    kernelName,
    backendName,
    kernelFunc: ({ inputs, backend }) => {
      const native = backend as NativeBackend;
      const attributes = operations[kernelName](native.binding);
      const operands = Object.values(inputs) as tf.TensorInfo[];
      return native.executeSingleOutput(kernelName, attributes, operands);
    },
  });
}

import * as tf from '@tensorflow/tfjs-core';

import { nativeBackend } from '../compile/binding.js';
import { typeAttribute, typeNumber } from '../compile/nodes.js';

/**
 * Replaces tfjs-node's kernel for `gather`, which reads all indices back into JavaScript to check them: that waits for
 * the device, and cannot be compiled. TensorFlow's own kernel refuses indices out of range on the processor.
 */
export function replaceKernels(): void {
  tf.unregisterKernel(tf.GatherV2, 'tensorflow');
  tf.registerKernel({ kernelName: tf.GatherV2, backendName: 'tensorflow', kernelFunc: gather });
}

function gather({ inputs, attrs }: Parameters<tf.KernelFunc>[0]): tf.TensorInfo {
  const { x, indices } = inputs as unknown as Record<'x' | 'indices', tf.Tensor>;
  const { axis, batchDims } = attrs as unknown as tf.GatherV2Attrs;
  const { TF_ATTR_INT, TF_INT32 } = nativeBackend().binding;
  const attributes = [
    { name: 'batch_dims', type: TF_ATTR_INT, value: batchDims },
    typeAttribute('Tparams', typeNumber(x.dtype)),
    typeAttribute('Tindices', typeNumber(indices.dtype)),
    typeAttribute('Taxis', TF_INT32),
  ];
  const axisTensor = tf.scalar(axis, 'int32');
  try {
    return nativeBackend().executeSingleOutput('GatherV2', attributes, [x, indices, axisTensor]);
  } finally {
    axisTensor.dispose();
  }
}

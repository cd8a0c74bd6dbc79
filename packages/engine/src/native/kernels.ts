import * as tf from '@tensorflow/tfjs-core';

import type { NativeBackend } from '../compile/binding.js';

/**
 * Replaces tfjs-node's kernel for `gather`, which reads all indices back into JavaScript to check them: that waits for
 * the device, and cannot be compiled. TensorFlow's own kernel refuses indices out of range on the processor.
 */
export function replaceKernels(): void {
  tf.unregisterKernel(tf.GatherV2, 'tensorflow');
  tf.registerKernel({ kernelName: tf.GatherV2, backendName: 'tensorflow', kernelFunc: gather });
}

function gather({ inputs, attrs, backend }: Parameters<tf.KernelFunc>[0]): tf.TensorInfo {
  const { x, indices } = inputs as unknown as Record<'x' | 'indices', tf.Tensor>;
  const { axis, batchDims } = attrs as unknown as tf.GatherV2Attrs;
  const native = backend as NativeBackend;
  const { TF_ATTR_INT, TF_ATTR_TYPE, TF_INT32, TF_FLOAT, TF_BOOL } = native.binding;
  const dtypes: Readonly<Record<string, number>> = {
    float32: TF_FLOAT,
    int32: TF_INT32,
    bool: TF_BOOL,
  };
  const axisTensor = tf.scalar(axis, 'int32');
  try {
    return native.executeSingleOutput(
      'GatherV2',
      [
        { name: 'batch_dims', type: TF_ATTR_INT, value: batchDims },
        { name: 'Tparams', type: TF_ATTR_TYPE, value: dtypes[x.dtype] },
        { name: 'Tindices', type: TF_ATTR_TYPE, value: dtypes[indices.dtype] },
        { name: 'Taxis', type: TF_ATTR_TYPE, value: TF_INT32 },
      ],
      [x, indices, axisTensor],
    );
  } finally {
    axisTensor.dispose();
  }
}

import * as tf from '@tensorflow/tfjs-core';

import { einsum } from './einsum.js';

/** The parts of the WebAssembly backend that are used here. */
interface WasmBackend extends tf.KernelBackend {
  makeOutput(shape: readonly number[], dtype: tf.DataType): tf.TensorInfo;
  typedArrayFromHeap(info: tf.TensorInfo): Float32Array | Int32Array | Uint8Array;
}

/**
 * Registers the kernels that the WebAssembly backend lacks and language models need: `UnsortedSegmentSum` (the gradient
 * of `gather`) and `Einsum`. A kernel that a later TensorFlow.js brings itself is left alone.
 */
export function registerMissingWasmKernels(): void {
  for (const { kernelName, kernelFunc } of [unsortedSegmentSum, einsumKernel]) {
    if (tf.getKernel(kernelName, 'wasm') !== undefined) continue;
    tf.registerKernel({ kernelName, backendName: 'wasm', kernelFunc });
  }
}

/** Adds row i of `x` to row `segmentIds[i]` of the result; rows with an id outside `[0, numSegments)` are left out. */
const unsortedSegmentSum = {
  kernelName: tf.UnsortedSegmentSum,
  kernelFunc: ({ inputs, attrs, backend }: Parameters<tf.KernelFunc>[0]): tf.TensorInfo => {
    const { x, segmentIds } = inputs as unknown as Record<'x' | 'segmentIds', tf.TensorInfo>;
    const { numSegments } = attrs as unknown as tf.UnsortedSegmentSumAttrs;
    const wasm = backend as WasmBackend;
    const inner = x.shape.slice(segmentIds.shape.length);
    const width = tf.util.sizeFromShape(inner);
    const result = wasm.makeOutput([numSegments, ...inner], x.dtype);
    // Views only after all memory is there: it may move when it grows.
    const sums = wasm.typedArrayFromHeap(result).fill(0);
    const rows = wasm.typedArrayFromHeap(x);
    const ids = wasm.typedArrayFromHeap(segmentIds);
    for (let row = 0; row < ids.length; row++) {
      const id = ids[row]!;
      if (id < 0 || id >= numSegments) continue;
      for (let k = 0; k < width; k++) sums[id * width + k]! += rows[row * width + k]!;
    }
    return result;
  },
};

const einsumKernel = {
  kernelName: tf.Einsum,
  kernelFunc: ({ inputs, attrs }: Parameters<tf.KernelFunc>[0]): tf.TensorInfo => {
    const operands = inputs as unknown as Record<string, tf.Tensor>;
    const { equation } = attrs as unknown as tf.EinsumAttrs;
    return einsum(equation, Object.values(operands));
  },
};

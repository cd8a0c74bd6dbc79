import * as tf from '@tensorflow/tfjs-core';

import { einsum } from './einsum.js';
import type { WasmBackend } from './wasm-backend.js';
import { fastGather, fastReverse, fastSplit, fastSum } from './wasm-copies.js';
import { fastFusedMatMul, fastMatMul } from './wasm-matmul.js';

const faster: Readonly<Record<string, (original: tf.KernelFunc) => tf.KernelFunc>> = {
  [tf.BatchMatMul]: fastMatMul,
  [tf._FusedMatMul]: fastFusedMatMul,
  [tf.Reverse]: fastReverse,
  [tf.SplitV]: fastSplit,
  [tf.Sum]: fastSum,
  [tf.GatherV2]: fastGather,
};

const replacements = new WeakSet<tf.KernelFunc>();

/** Puts faster kernels in the place of the backend's own, which they call for what they do not cover. */
export function replaceSlowWasmKernels(): void {
  for (const [kernelName, make] of Object.entries(faster)) {
    const config = tf.getKernel(kernelName, 'wasm');
    if (config === undefined || replacements.has(config.kernelFunc)) continue;
    const kernelFunc = make(config.kernelFunc);
    replacements.add(kernelFunc);
    tf.unregisterKernel(kernelName, 'wasm');
    tf.registerKernel({ ...config, kernelFunc });
  }
}

/** Adds row i of `x` to row `segmentIds[i]` of the result; rows with an id outside `[0, numSegments)` are left out. */
const unsortedSegmentSum: tf.KernelFunc = ({ inputs, attrs, backend }) => {
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
};

/** Kernels that the backend lacks and language models need; the first is the gradient of `gather`. */
const missing: Readonly<Record<string, tf.KernelFunc>> = {
  [tf.UnsortedSegmentSum]: unsortedSegmentSum,
  [tf.Einsum]: ({ inputs, attrs }) =>
    einsum(
      (attrs as unknown as tf.EinsumAttrs).equation,
      Object.values(inputs) as unknown as tf.Tensor[],
    ),
};

/** Registers kernels that the backend lacks; one that a later TensorFlow.js brings itself is left alone. */
export function registerMissingWasmKernels(): void {
  for (const [kernelName, kernelFunc] of Object.entries(missing)) {
    if (tf.getKernel(kernelName, 'wasm') !== undefined) continue;
    tf.registerKernel({ kernelName, backendName: 'wasm', kernelFunc });
  }
}

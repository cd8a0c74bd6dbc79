import * as tf from '@tensorflow/tfjs-core';

import type { WasmBackend } from './wasm-backend.js';

type Kernel = tf.KernelFunc;

/** The memory of tensors. Ask after all of them are made: it may move when it grows. */
const views = (backend: WasmBackend, infos: readonly tf.TensorInfo[]) =>
  infos.map((info) => backend.typedArrayFromHeap(info));

/** `SplitV` that copies rows of all trailing axes at once; the backend's kernel copies the last axis' rows. */
export const fastSplit =
  (original: Kernel): Kernel =>
  (args) => {
    const { x } = args.inputs as unknown as Record<'x', tf.TensorInfo>;
    const { numOrSizeSplits, axis } = args.attrs as unknown as tf.SplitVAttrs;
    if (x.dtype === 'string' || x.dtype === 'complex64') return original(args);
    const backend = args.backend as WasmBackend;
    const [along] = tf.util.parseAxisParam(axis, x.shape) as [number];
    const tensor = { shape: x.shape } as tf.Tensor;
    const sizes = tf.backend_util.prepareSplitSize(tensor, numOrSizeSplits, along);
    const pieces = sizes.map((size) =>
      backend.makeOutput(
        x.shape.map((length, i) => (i === along ? size : length)),
        x.dtype,
      ),
    );
    const outer = tf.util.sizeFromShape(x.shape.slice(0, along));
    const inner = tf.util.sizeFromShape(x.shape.slice(along + 1));
    const width = x.shape[along]! * inner;
    const [from, ...to] = views(backend, [x, ...pieces]);
    let offset = 0;
    to.forEach((piece, i) => {
      const length = sizes[i]! * inner;
      for (let row = 0; row < outer; row++) {
        const start = row * width + offset;
        piece.set(from!.subarray(start, start + length), row * length);
      }
      offset += length;
    });
    return pieces;
  };

/** `Sum` over the leading axes, which adds rows up; the backend's kernel transposes first. */
export const fastSum =
  (original: Kernel): Kernel =>
  (args) => {
    const { x } = args.inputs as unknown as Record<'x', tf.TensorInfo>;
    const { axis, keepDims } = args.attrs as unknown as tf.SumAttrs;
    const axes = tf.util.parseAxisParam(axis, x.shape).sort((a, b) => a - b);
    const leading = axes.length < x.shape.length && axes.every((each, i) => each === i);
    if (!leading || x.dtype !== 'float32' || axes.length === 0) return original(args);
    const backend = args.backend as WasmBackend;
    const kept = x.shape.slice(axes.length);
    const width = tf.util.sizeFromShape(kept);
    const shape = keepDims ? [...axes.map(() => 1), ...kept] : kept;
    const result = backend.makeOutput(shape, 'float32');
    const [values, out] = views(backend, [x, result]);
    out!.set(rowSums(values as Float32Array, width));
    return result;
  };

/** The sum of rows of some width, in double precision. */
function rowSums(values: Float32Array, width: number): Float64Array {
  const sums = new Float64Array(width);
  for (let start = 0; start < values.length; start += width) {
    for (let i = 0; i < width; i++) sums[i]! += values[start + i]!;
  }
  return sums;
}

/** `GatherV2` along the first axis, which copies rows; the backend's kernel computes each entry's place. */
export const fastGather =
  (original: Kernel): Kernel =>
  (args) => {
    const { x, indices } = args.inputs as unknown as Record<'x' | 'indices', tf.TensorInfo>;
    const { axis, batchDims } = args.attrs as unknown as tf.GatherV2Attrs;
    const backend = args.backend as WasmBackend;
    const plain = axis === 0 && batchDims === 0 && indices.dtype === 'int32';
    if (!plain || x.dtype === 'string' || x.dtype === 'complex64') return original(args);
    const width = tf.util.sizeFromShape(x.shape.slice(1));
    const result = backend.makeOutput([...indices.shape, ...x.shape.slice(1)], x.dtype);
    const [from, ids, to] = views(backend, [x, indices, result]);
    ids!.forEach((id, row) => {
      if (id < 0 || id >= x.shape[0]!) {
        throw new RangeError(`gather: index is ${id}, expected an integer in [0, ${x.shape[0]})`);
      }
      if (width === 1) to![row] = from![id]!;
      else to!.set(from!.subarray(id * width, (id + 1) * width), row * width);
    });
    return result;
  };

/** `Reverse` along one axis, which copies runs of the axes behind it; the backend's kernel computes each entry's place. */
export const fastReverse =
  (original: Kernel): Kernel =>
  (args) => {
    const { x } = args.inputs as unknown as Record<'x', tf.TensorInfo>;
    const { dims } = args.attrs as unknown as tf.ReverseAttrs;
    const axes = tf.util.parseAxisParam(dims, x.shape);
    if (axes.length !== 1 || x.dtype === 'string' || x.dtype === 'complex64') return original(args);
    const backend = args.backend as WasmBackend;
    const length = x.shape[axes[0]!]!;
    const run = tf.util.sizeFromShape(x.shape.slice(axes[0]! + 1));
    const result = backend.makeOutput(x.shape, x.dtype);
    const [from, to] = views(backend, [x, result]) as [Float32Array, Float32Array];
    for (let block = 0; block < from.length; block += length * run) {
      for (let i = 0; i < length; i++) {
        const source = block + i * run;
        const target = block + (length - 1 - i) * run;
        for (let k = 0; k < run; k++) to[target + k] = from[source + k]!;
      }
    }
    return result;
  };

import * as tf from '@tensorflow/tfjs-core';

import type { WasmBackend } from './wasm-backend.js';
import {
  type Matrix,
  type ProductKernel,
  multiplyInto,
  productKernel,
  productRoom,
} from './wasm-product.js';

type Kernel = tf.KernelFunc;

const matrixOf = (shape: readonly number[]): [number, number] => [
  shape[shape.length - 2]!,
  shape[shape.length - 1]!,
];

const batchOf = (shape: readonly number[]): number => tf.util.sizeFromShape(shape.slice(0, -2));

/**
 * `BatchMatMul` by a kernel of our own, for all flags and stacks. The backend's own is 20 to 50 times slower for
 * products with transposition and for stacks of small matrices, as in attention; it stays for other types, and for
 * machines without vectors.
 */
export const fastMatMul =
  (original: Kernel): Kernel =>
  (args) => {
    const { a, b } = args.inputs as unknown as Record<'a' | 'b', tf.TensorInfo>;
    if (a.dtype !== 'float32' || b.dtype !== 'float32') return original(args);
    const workshop = workshopOf(args.backend as WasmBackend);
    if (workshop === undefined) return original(args);
    return products(workshop, a, b, args.attrs as unknown as tf.BatchMatMulAttrs);
  };

/** The kernel on the memory of a backend, with room to work in. */
interface Workshop {
  readonly backend: WasmBackend;
  readonly kernel: ProductKernel;
  readonly room: number;
}

const workshops = new WeakMap<WasmBackend, Workshop | undefined>();

function workshopOf(backend: WasmBackend): Workshop | undefined {
  if (workshops.has(backend)) return workshops.get(backend);
  const { memory, malloc } = backend.wasm.asm;
  const kernel = productKernel(memory);
  const room = kernel && malloc(productRoom + 16);
  const workshop = room ? { backend, kernel, room: (room + 15) & -16 } : undefined;
  workshops.set(backend, workshop);
  return workshop;
}

const outerShape = (a: tf.TensorInfo, b: tf.TensorInfo): number[] =>
  tf.broadcast_util.assertAndGetBroadcastShape(a.shape.slice(0, -2), b.shape.slice(0, -2));

/**
 * `_FusedMatMul` (a product with bias and activation), which is given its matrices without transpose flags, for the same reason.
 */
export const fastFusedMatMul =
  (original: Kernel): Kernel =>
  (args) => {
    const { a, b } = args.inputs as unknown as Record<'a' | 'b', tf.Tensor>;
    const { transposeA, transposeB } = args.attrs as unknown as tf.BatchMatMulAttrs;
    const flagged = transposeA || transposeB;
    if (!flagged || batchOf(a.shape) !== 1 || batchOf(b.shape) !== 1) return original(args);
    const matrix = (x: tf.Tensor, turn: boolean): tf.Tensor => {
      const flat = tf.reshape(x, [1, ...matrixOf(x.shape)]);
      return turn ? tf.transpose(flat, [0, 2, 1]) : flat;
    };
    return tf.tidy(() => {
      const product = original({
        ...args,
        inputs: { ...args.inputs, a: matrix(a, transposeA), b: matrix(b, transposeB) },
        attrs: { ...args.attrs, transposeA: false, transposeB: false },
      }) as tf.TensorInfo;
      const shape = [...outerShape(a, b), ...matrixOf(product.shape)];
      return { ...product, shape } as unknown as tf.Tensor;
    });
  };

/** A matrix of a stack, seen as it is multiplied. */
const matrixAt = (at: number, shape: readonly number[], transposed: boolean): Matrix => {
  const [row, column] = [4 * shape[shape.length - 1]!, 4];
  return transposed
    ? { at, rowStride: column, columnStride: row }
    : { at, rowStride: row, columnStride: column };
};

function products(
  { backend, kernel, room }: Workshop,
  a: tf.TensorInfo,
  b: tf.TensorInfo,
  { transposeA, transposeB }: tf.BatchMatMulAttrs,
): tf.TensorInfo {
  const [rows, inner] = transposeA ? [...matrixOf(a.shape)].reverse() : matrixOf(a.shape);
  const columns = matrixOf(b.shape)[transposeB ? 0 : 1];
  const outer = outerShape(a, b);
  const result = backend.makeOutput([...outer, rows!, columns], 'float32');
  // Views only after all memory is there: it may move when it grows.
  const [c, left, right] = [result, a, b].map((x) => backend.typedArrayFromHeap(x)) as [
    Float32Array,
    Float32Array,
    Float32Array,
  ];
  if (inner === 0) c.fill(0);
  if (c.length === 0 || inner === 0) return result;
  // A stack of matrices, times one, is a taller matrix times it.
  const tall = !transposeA && batchOf(b.shape) === 1;
  const startsA = tall ? [0] : matrixStarts(a.shape, outer);
  const startsB = tall ? [0] : matrixStarts(b.shape, outer);
  const height = tall ? c.length / columns : rows!;
  startsA.forEach((startA, i) => {
    multiplyInto(
      kernel,
      c.byteOffset + 4 * i * height * columns,
      matrixAt(left.byteOffset + 4 * startA, a.shape, transposeA),
      matrixAt(right.byteOffset + 4 * startsB[i]!, b.shape, transposeB),
      [height, columns, inner!],
      room,
    );
  });
  return result;
}

/** Where each matrix of a stack begins, when the stack is broadcast to an outer shape. */
function matrixStarts(shape: readonly number[], outer: readonly number[]): number[] {
  const [rows, columns] = matrixOf(shape);
  const own = [
    ...new Array<number>(outer.length - shape.length + 2).fill(1),
    ...shape.slice(0, -2),
  ];
  let indices = [0];
  own.forEach((size, axis) => {
    const count = outer[axis]!;
    indices = indices.flatMap((index) =>
      Array.from({ length: count }, (_, j) => index * size + (size === 1 ? 0 : j)),
    );
  });
  return indices.map((index) => index * rows! * columns!);
}

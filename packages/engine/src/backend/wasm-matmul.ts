import * as tf from '@tensorflow/tfjs-core';

import type { WasmBackend } from './wasm-backend.js';

type Kernel = tf.KernelFunc;
type KernelArguments = Parameters<Kernel>[0];

const matrixOf = (shape: readonly number[]): [number, number] => [
  shape[shape.length - 2]!,
  shape[shape.length - 1]!,
];

/** Number of matrices in a stack. */
const batchOf = (shape: readonly number[]): number => tf.util.sizeFromShape(shape.slice(0, -2));

/**
 * `BatchMatMul` that reaches a fast path whatever the flags. The backend's own kernel is fast for a
 * product of two matrices without transposition, and 20 to 50 times slower else. So matrices are
 * transposed before they are multiplied, a stack times one matrix is one product of taller matrices, and what
 * remains, stacks of small matrices as in attention, is multiplied here.
 *
 * @param original - the backend's kernel
 */
export const fastMatMul =
  (original: Kernel): Kernel =>
  (args) => {
    const { a, b } = args.inputs as unknown as Record<'a' | 'b', tf.TensorInfo>;
    const attributes = args.attrs as unknown as tf.BatchMatMulAttrs;
    const [stackA, stackB] = [batchOf(a.shape), batchOf(b.shape)];
    if (a.dtype !== 'float32' || b.dtype !== 'float32') return original(args);
    if (stackB === 1 && (stackA === 1 || !attributes.transposeA)) {
      return oneProduct(original, args, a, b, attributes);
    }
    return products(args.backend as WasmBackend, a, b, attributes);
  };

const outerShape = (a: tf.TensorInfo, b: tf.TensorInfo): number[] =>
  tf.broadcast_util.assertAndGetBroadcastShape(a.shape.slice(0, -2), b.shape.slice(0, -2));

/**
 * `_FusedMatMul` (a product with bias and activation) without transpose flags, for the same reason.
 *
 * @param original - the backend's kernel
 */
export const fastFusedMatMul =
  (original: Kernel): Kernel =>
  (args) => {
    const { a, b } = args.inputs as unknown as Record<'a' | 'b', tf.TensorInfo>;
    const attributes = args.attrs as unknown as tf.BatchMatMulAttrs;
    const flagged = attributes.transposeA || attributes.transposeB;
    return flagged && batchOf(a.shape) === 1 && batchOf(b.shape) === 1
      ? oneProduct(original, args, a, b, attributes)
      : original(args);
  };

/** The product of two matrices, or of a stack and a matrix, as one product without flags. */
function oneProduct(
  original: Kernel,
  { backend, inputs, attrs }: KernelArguments,
  a: tf.TensorInfo,
  b: tf.TensorInfo,
  { transposeA, transposeB }: tf.BatchMatMulAttrs,
): tf.TensorInfo {
  const made: tf.TensorInfo[] = [];
  const run = (name: string, x: tf.TensorInfo, attributes: object): tf.TensorInfo => {
    const { kernelFunc } = tf.getKernel(name, 'wasm')!;
    const result = kernelFunc({ inputs: { x }, backend, attrs: attributes as tf.NamedAttrMap });
    made.push(result as tf.TensorInfo);
    return result as tf.TensorInfo;
  };
  const matrix = (
    x: tf.TensorInfo,
    rows: number,
    columns: number,
    turn: boolean,
  ): tf.TensorInfo => {
    const flat = run(tf.Reshape, x, { shape: [1, rows, columns] });
    return turn ? run(tf.Transpose, flat, { perm: [0, 2, 1] }) : flat;
  };
  const [rowsA, columnsA] = matrixOf(a.shape);
  const left = matrix(a, batchOf(a.shape) * rowsA, columnsA, transposeA);
  const right = matrix(b, ...matrixOf(b.shape), transposeB);
  const product = original({
    inputs: { ...inputs, a: left, b: right } as tf.NamedTensorInfoMap,
    backend,
    attrs: { ...attrs, transposeA: false, transposeB: false },
  }) as tf.TensorInfo;
  for (const { dataId } of made) (backend as WasmBackend).disposeData(dataId);
  const matrixShape = [transposeA ? columnsA : rowsA, right.shape[2]!];
  return { ...product, shape: [...outerShape(a, b), ...matrixShape] };
}

/** Strides of a matrix inside of a flat array: of its rows and of its columns. */
const strides = (shape: readonly number[], transposed: boolean): [number, number] => {
  const columns = shape[shape.length - 1]!;
  return transposed ? [1, columns] : [columns, 1];
};

function products(
  backend: WasmBackend,
  a: tf.TensorInfo,
  b: tf.TensorInfo,
  { transposeA, transposeB }: tf.BatchMatMulAttrs,
): tf.TensorInfo {
  const [rows, inner] = transposeA ? [...matrixOf(a.shape)].reverse() : matrixOf(a.shape);
  const columns = matrixOf(b.shape)[transposeB ? 0 : 1];
  const outer = outerShape(a, b);
  const result = backend.makeOutput([...outer, rows!, columns], 'float32');
  // Views only after all memory is there: it may move when it grows.
  const [c, left, right] = [result, a, b].map(
    (x) => backend.typedArrayFromHeap(x) as Float32Array,
  ) as [Float32Array, Float32Array, Float32Array];
  const startsA = matrixStarts(a.shape, outer);
  const startsB = matrixStarts(b.shape, outer);
  const panelA = new Float64Array(Math.ceil(rows! / 4) * 4 * inner!);
  const panelB = new Float64Array(Math.ceil(columns / 4) * 4 * inner!);
  startsA.forEach((startA, i) => {
    if (i === 0 || startA !== startsA[i - 1]) {
      pack(panelA, left, startA, strides(a.shape, transposeA), rows!, inner!);
    }
    const [rowStrideB, columnStrideB] = strides(b.shape, transposeB);
    if (i === 0 || startsB[i] !== startsB[i - 1]) {
      pack(panelB, right, startsB[i]!, [columnStrideB, rowStrideB], columns, inner!);
    }
    multiplyPanels(c, i * rows! * columns, panelA, panelB, rows!, columns, inner!);
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

/** Lays vectors out in fours, `[ceil(n / 4), inner, 4]`, padded by zeros: the order they are read in. */
function pack(
  panel: Float64Array,
  x: Float32Array,
  start: number,
  [vectorStride, innerStride]: readonly [number, number],
  vectors: number,
  inner: number,
): void {
  for (let v = 0; v < vectors; v++) {
    const at = (v >> 2) * inner * 4 + (v & 3);
    const from = start + v * vectorStride;
    for (let k = 0; k < inner; k++) panel[at + k * 4] = x[from + k * innerStride]!;
  }
}

/** Four rows times four columns at a time, whose 16 sums stay in registers, in double precision. */
function multiplyPanels(
  c: Float32Array,
  start: number,
  a: Float64Array,
  b: Float64Array,
  rows: number,
  columns: number,
  inner: number,
): void {
  const step = inner * 4;
  const tile = new Float32Array(16);
  for (let i = 0; i < rows; i += 4) {
    for (let j = 0; j < columns; j += 4) {
      const at = start + i * columns + j;
      if (i + 4 <= rows && j + 4 <= columns) {
        multiplyTile(c, at, columns, a, i * inner, b, j * inner, step);
        continue;
      }
      multiplyTile(tile, 0, 4, a, i * inner, b, j * inner, step);
      for (let y = 0; y < Math.min(4, rows - i); y++) {
        for (let x = 0; x < Math.min(4, columns - j); x++)
          c[at + y * columns + x] = tile[y * 4 + x]!;
      }
    }
  }
}

function multiplyTile(
  c: Float32Array,
  at: number,
  stride: number,
  a: Float64Array,
  fromA: number,
  b: Float64Array,
  fromB: number,
  step: number,
): void {
  let s0 = 0;
  let s1 = 0;
  let s2 = 0;
  let s3 = 0;
  let s4 = 0;
  let s5 = 0;
  let s6 = 0;
  let s7 = 0;
  let s8 = 0;
  let s9 = 0;
  let s10 = 0;
  let s11 = 0;
  let s12 = 0;
  let s13 = 0;
  let s14 = 0;
  let s15 = 0;
  for (let k = 0; k < step; k += 4) {
    const b0 = b[fromB + k + 0]!;
    const b1 = b[fromB + k + 1]!;
    const b2 = b[fromB + k + 2]!;
    const b3 = b[fromB + k + 3]!;
    const a0 = a[fromA + k + 0]!;
    s0 += a0 * b0;
    s1 += a0 * b1;
    s2 += a0 * b2;
    s3 += a0 * b3;
    const a1 = a[fromA + k + 1]!;
    s4 += a1 * b0;
    s5 += a1 * b1;
    s6 += a1 * b2;
    s7 += a1 * b3;
    const a2 = a[fromA + k + 2]!;
    s8 += a2 * b0;
    s9 += a2 * b1;
    s10 += a2 * b2;
    s11 += a2 * b3;
    const a3 = a[fromA + k + 3]!;
    s12 += a3 * b0;
    s13 += a3 * b1;
    s14 += a3 * b2;
    s15 += a3 * b3;
  }
  c[at + 0 * stride + 0] = s0;
  c[at + 0 * stride + 1] = s1;
  c[at + 0 * stride + 2] = s2;
  c[at + 0 * stride + 3] = s3;
  c[at + 1 * stride + 0] = s4;
  c[at + 1 * stride + 1] = s5;
  c[at + 1 * stride + 2] = s6;
  c[at + 1 * stride + 3] = s7;
  c[at + 2 * stride + 0] = s8;
  c[at + 2 * stride + 1] = s9;
  c[at + 2 * stride + 2] = s10;
  c[at + 2 * stride + 3] = s11;
  c[at + 3 * stride + 0] = s12;
  c[at + 3 * stride + 1] = s13;
  c[at + 3 * stride + 2] = s14;
  c[at + 3 * stride + 3] = s15;
}

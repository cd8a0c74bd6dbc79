import { statSync } from 'node:fs';

import * as tf from '@tensorflow/tfjs-core';

import { type NativeBackend, nativeBackend } from '../compile/binding.js';
import { typeAttribute } from '../compile/nodes.js';
import { isNative } from '../ops/native.js';

/** Where the float32 numbers of a tensor lie in a file, little-endian. */
export interface FileSpan {
  /** The first byte. */
  readonly begin: number;
  readonly shape: readonly number[];
}

/** TensorFlow takes memory as it is only from addresses that are multiples of this. */
const ALIGNMENT = 64;

/** Files that are mapped, by what they are on the disk: TensorFlow's tensor of the whole file. */
const mapped = new Map<string, number>();

/** The backend, if it computes on the processor, whose memory files can be mapped into. */
function onProcessor(): NativeBackend | undefined {
  if (!isNative()) return undefined;
  const backend = nativeBackend();
  return (backend as { readonly isUsingGpuDevice?: boolean }).isUsingGpuDevice === true
    ? undefined
    : backend;
}

/**
 * Maps a file as one tensor of float32. It stays mapped until the process ends: a part that is the last
 * one of its memory could be written to in place, and mapped memory must not be.
 */
function mapFile({ binding }: NativeBackend, path: string): number {
  const { dev, ino, size, mtimeMs } = statSync(path);
  const key = [dev, ino, size, mtimeMs].join(' ');
  const known = mapped.get(key);
  if (known !== undefined) return known;
  const { TF_ATTR_SHAPE, TF_ATTR_STRING, TF_FLOAT } = binding;
  const attributes = [
    typeAttribute('dtype', TF_FLOAT),
    { name: 'shape', type: TF_ATTR_SHAPE, value: [Math.floor(size / 4)] },
    { name: 'memory_region_name', type: TF_ATTR_STRING, value: path },
  ];
  const [whole] = binding.executeOp('ImmutableConst', attributes, [], 1);
  mapped.set(key, whole!.id);
  return whole!.id;
}

/** A part of the whole file under its shape; no number is copied. */
function part(backend: NativeBackend, whole: number, { begin, shape }: FileSpan): tf.Tensor {
  const { binding } = backend;
  const { TF_FLOAT, TF_INT32 } = binding;
  const float = typeAttribute('T', TF_FLOAT);
  const size = tf.util.sizeFromShape([...shape]);
  const created: number[] = [];
  const integers = (...values: number[]): number => {
    created.push(binding.createTensor([values.length], TF_INT32, Int32Array.from(values)));
    return created.at(-1)!;
  };
  try {
    const inputs = [whole, integers(begin / 4), integers(size)];
    const slicing = [float, typeAttribute('Index', TF_INT32)];
    const [flat] = binding.executeOp('Slice', slicing, inputs, 1);
    created.push(flat!.id);
    const shaping = [float, typeAttribute('Tshape', TF_INT32)];
    const [shaped] = binding.executeOp('Reshape', shaping, [flat!.id, integers(...shape)], 1);
    return backend.createOutputTensor(shaped!);
  } finally {
    created.forEach((id) => binding.deleteTensor(id));
  }
}

/**
 * Tensors whose numbers stay in a file, which is mapped into memory: nothing is read before it is used.
 * The file must not be changed in place any more; to replace or to delete it is safe.
 *
 * @returns a tensor a span, which the caller owns, or nothing where that is not possible: a backend
 *   without mapped memory, a part that does not begin at a multiple of 64 bytes or is beyond what
 *   TensorFlow's indices reach
 * @throws the system's error if there is no such file
 */
export function mapTensors(
  path: string,
  spans: readonly FileSpan[],
): readonly (tf.Tensor | undefined)[] {
  const backend = onProcessor();
  const possible = ({ begin, shape }: FileSpan): boolean =>
    begin % ALIGNMENT === 0 && begin / 4 < 2 ** 31 && shape.length > 0 && !shape.includes(0);
  if (backend === undefined || !spans.some(possible)) return spans.map(() => undefined);
  const whole = mapFile(backend, path);
  return spans.map((span) => (possible(span) ? part(backend, whole, span) : undefined));
}

/**
 * Room for numbers that {@link copyToTensor} copies. It begins where TensorFlow does not take memory as it
 * is, since buffers begin at multiples of 8.
 */
export const copyRoom = (size: number): Float32Array =>
  new Float32Array(new ArrayBuffer(4 * size + 4), 4, size);

/**
 * A tensor with a copy of some numbers, made at once, so that their memory can be used again.
 *
 * @param numbers - borrowed; `tf.tensor` would keep them
 * @param shape - of as many numbers
 * @returns the tensor; the caller owns it
 */
export function copyToTensor(numbers: Float32Array, shape: readonly number[]): tf.Tensor {
  if (!isNative() || numbers.byteOffset % 8 !== 4 || numbers.length === 0) {
    return tf.tensor(numbers.slice(), [...shape], 'float32');
  }
  const backend = nativeBackend();
  const { TF_FLOAT } = backend.binding;
  const id = backend.binding.createTensor(shape, TF_FLOAT, numbers);
  return backend.createOutputTensor({ id, shape: [...shape], dtype: TF_FLOAT });
}

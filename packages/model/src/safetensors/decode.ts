import * as tf from '@tensorflow/tfjs-core';

import { foundInstead } from '../tensor-files/found-instead.js';
import { decodeNumbers } from '../tensor-files/number-format.js';
import { dataStart, parseHeader, PREFIX, unreadable } from './header.js';

/**
 * The tensors and the metadata of a safetensors file. F32 and I32 are read as they are, F16 and
 * BF16 become float32.
 *
 * @param bytes - the whole file
 * @returns `tensors`, in the order of the header, which the caller owns, and `metadata`
 * @throws RangeError if the file is truncated, its header is too long or malformed, a dtype is
 *   unknown, or offsets overlap, leave gaps or do not fit the shapes; no tensor exists then
 * @see https://github.com/huggingface/safetensors#format
 *
 * @example
 * ```ts
 * import * as tf from '@tensorflow/tfjs-core';
 * const bytes = encodeSafetensors({ w: tf.tensor1d([1, 2]) }, { step: '3' });
 * const { tensors, metadata } = decodeSafetensors(bytes);
 * [tensors.w.arraySync(), metadata.step]; // => [[1, 2], "3"]
 * ```
 */
export function decodeSafetensors(bytes: Uint8Array): {
  readonly tensors: Readonly<Record<string, tf.Tensor>>;
  readonly metadata: Readonly<Record<string, string>>;
} {
  const fail = (problem: string): never => {
    throw new RangeError(`decodeSafetensors: ${foundInstead(bytes) ?? problem}`);
  };
  const start = dataStart(bytes, bytes.length, fail);
  const { metadata, tensors } = parseHeader(bytes.subarray(PREFIX, start), bytes.length, fail);
  // All are looked at before any is made.
  const readable = tensors.map(({ format, ...rest }) => ({
    ...rest,
    format: format ?? fail(unreadable(rest.name, rest.dtype)),
  }));
  const read = readable.map(({ name, shape, format, begin, end }) => {
    const numbers = decodeNumbers(format, bytes.subarray(begin, end));
    return [name, tf.tensor(numbers, [...shape], format.kind)] as const;
  });
  return { tensors: Object.fromEntries(read), metadata };
}

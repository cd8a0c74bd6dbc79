import type { Params } from '@cfrl/engine';
import type * as tf from '@tensorflow/tfjs-core';

import { toBrainFloats, toHalves } from '../tensor-files/half-precision.js';

/** How float32 tensors are stored. */
export type StoredDtype = 'float32' | 'float16' | 'bfloat16';

const FLOATS: Readonly<Record<StoredDtype, { readonly name: string; readonly bytes: number }>> = {
  float32: { name: 'F32', bytes: 4 },
  float16: { name: 'F16', bytes: 2 },
  bfloat16: { name: 'BF16', bytes: 2 },
};

function formatOf(name: string, { dtype }: tf.Tensor, stored: StoredDtype) {
  if (dtype === 'float32') return FLOATS[stored];
  if (dtype === 'int32') return { name: 'I32', bytes: 4 };
  throw new TypeError(`encodeSafetensors: '${name}' is ${dtype}, expected float32 or int32`);
}

export const storedBytes = (name: string, tensor: tf.Tensor, dtype: StoredDtype): number =>
  formatOf(name, tensor, dtype).bytes * tensor.size;

/** The data begins at a multiple of this, so that it can be mapped into memory; the format asks for 8. */
const ALIGNMENT = 64;

/** Length of the header, and the header itself, padded with spaces so that the data is aligned. */
function encodeHeader(header: object): Uint8Array {
  const json = new TextEncoder().encode(JSON.stringify(header));
  const length = Math.ceil((json.length + 8) / ALIGNMENT) * ALIGNMENT - 8;
  const bytes = new Uint8Array(8 + length).fill(0x20);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(length), true);
  bytes.set(json, 8);
  return bytes;
}

function encodeNumbers(name: string, tensor: tf.Tensor, dtype: StoredDtype): Uint8Array {
  const numbers = tensor.dataSync();
  const stored =
    dtype === 'float32' || !(numbers instanceof Float32Array)
      ? numbers
      : dtype === 'bfloat16'
        ? toBrainFloats(numbers)
        : checkHalves(name, numbers, toHalves(numbers));
  return new Uint8Array(stored.buffer, stored.byteOffset, stored.byteLength);
}

function checkHalves(name: string, numbers: Float32Array, halves: Uint16Array): Uint16Array {
  for (let i = 0; i < halves.length; i++) {
    if ((halves[i]! & 0x7fff) === 0x7c00 && Number.isFinite(numbers[i])) {
      throw new RangeError(
        `encodeSafetensors: '${name}' has ${numbers[i]}, expected at most 65504 for float16; store it as bfloat16`,
      );
    }
  }
  return halves;
}

/** The bytes of a safetensors file in pieces, made when they are asked for, so that one tensor at a time is held twice. */
export function safetensorsChunks(
  record: Params,
  metadata: Readonly<Record<string, string>> = {},
  dtype: StoredDtype = 'float32',
): { readonly size: number; readonly chunks: Iterable<Uint8Array> } {
  const header: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(metadata)) {
    if (typeof value !== 'string') {
      throw new TypeError(
        `encodeSafetensors: metadata.${key} is ${String(value)}, expected a string`,
      );
    }
  }
  if (Object.keys(metadata).length > 0) header['__metadata__'] = metadata;
  let size = 0;
  for (const [name, tensor] of Object.entries(record)) {
    if (name === '__metadata__') {
      throw new RangeError("encodeSafetensors: record has '__metadata__', expected another name");
    }
    const format = formatOf(name, tensor, dtype);
    const end = size + format.bytes * tensor.size;
    header[name] = { dtype: format.name, shape: tensor.shape, data_offsets: [size, end] };
    size = end;
  }
  const head = encodeHeader(header);
  function* chunks(): Generator<Uint8Array> {
    yield head;
    for (const [name, tensor] of Object.entries(record)) yield encodeNumbers(name, tensor, dtype);
  }
  return { size: head.length + size, chunks: { [Symbol.iterator]: chunks } };
}

/**
 * A record of tensors as the bytes of a safetensors file.
 *
 * @param record - float32 and int32 tensors of any shape, in the order of the file; borrowed
 * @param metadata - text to store beside them; transformers asks for `{ format: 'pt' }`
 * @returns the file's bytes; equal records give equal bytes
 * @throws TypeError if a tensor or a metadata value is of another kind; RangeError if a tensor has
 *   the reserved name `__metadata__`
 * @see https://github.com/huggingface/safetensors#format
 *
 * @example
 * ```ts
 * import * as tf from '@tensorflow/tfjs-core';
 * const bytes = encodeSafetensors({ w: tf.tensor1d([1, 2]) });
 * new TextDecoder().decode(bytes.slice(8, 64)).trim(); // => '{"w":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}'
 * ```
 */
export function encodeSafetensors(
  record: Params,
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array {
  const { size, chunks } = safetensorsChunks(record, metadata);
  const bytes = new Uint8Array(size);
  let offset = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, offset);
    offset += chunk.length;
  }
  return bytes;
}

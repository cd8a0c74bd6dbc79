import type { Params } from '@cfrl/engine';
import type * as tf from '@tensorflow/tfjs-core';

const DTYPES: Readonly<Record<string, string>> = { float32: 'F32', int32: 'I32' };

function dtypeOf(name: string, { dtype }: tf.Tensor): string {
  const known = DTYPES[dtype];
  if (known === undefined) {
    throw new TypeError(`encodeSafetensors: '${name}' is ${dtype}, expected float32 or int32`);
  }
  return known;
}

/** Length of the header, the header itself, padded with spaces so that the data is aligned to 8. */
function encodeHeader(header: object): Uint8Array {
  const json = new TextEncoder().encode(JSON.stringify(header));
  const length = Math.ceil(json.length / 8) * 8;
  const bytes = new Uint8Array(8 + length).fill(0x20);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(length), true);
  bytes.set(json, 8);
  return bytes;
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
    const end = size + 4 * tensor.size;
    header[name] = { dtype: dtypeOf(name, tensor), shape: tensor.shape, data_offsets: [size, end] };
    size = end;
  }

  const head = encodeHeader(header);
  const bytes = new Uint8Array(head.length + size);
  bytes.set(head);
  let offset = head.length;
  for (const tensor of Object.values(record)) {
    const values = tensor.dataSync();
    bytes.set(new Uint8Array(values.buffer, values.byteOffset, values.byteLength), offset);
    offset += values.byteLength;
  }
  return bytes;
}

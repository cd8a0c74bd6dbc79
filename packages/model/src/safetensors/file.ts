import type { Params } from '@cfrl/engine';
import * as tf from '@tensorflow/tfjs-core';

import type { decodeSafetensors } from './decode.js';
import { safetensorsChunks } from './encode.js';
import { openSafetensors } from './open.js';
import { sizeOf } from '../tensor-files/stored-tensor.js';
import { writeFileAtomically } from '../checkpoint/write-files.js';

type Safetensors = ReturnType<typeof decodeSafetensors>;

/**
 * Writes a record of tensors to a safetensors file, replacing it at once. One tensor at a time is held
 * twice.
 *
 * @param path - the file; folders on the way are created
 * @param record - float32 and int32 tensors; borrowed
 * @param metadata - text to store beside them
 * @throws as `encodeSafetensors`; the file stays as it was
 *
 * @example
 * ```ts
 * import { readSafetensors, writeSafetensors } from '@cfrl/model/node';
 * import * as tf from '@tensorflow/tfjs-core';
 * import { mkdtemp } from 'node:fs/promises';
 * import { tmpdir } from 'node:os';
 * const path = `${await mkdtemp(`${tmpdir()}/cfrl-`)}/state.safetensors`;
 * await writeSafetensors(path, { w: tf.tensor1d([1, 2]) }, { step: '3' });
 * (await readSafetensors(path)).metadata; // => { "step": "3" }
 * ```
 */
export async function writeSafetensors(
  path: string,
  record: Params,
  metadata: Readonly<Record<string, string>> = {},
): Promise<void> {
  await writeFileAtomically('writeSafetensors', path, safetensorsChunks(record, metadata).chunks);
}

/**
 * Reads a safetensors file, one tensor after the other.
 *
 * @param path - the file
 * @returns `tensors`, which the caller owns, and `metadata`
 * @throws RangeError as `decodeSafetensors`, or if the file cannot be read
 *
 * @example
 * ```ts
 * import { readSafetensors, writeSafetensors } from '@cfrl/model/node';
 * import * as tf from '@tensorflow/tfjs-core';
 * import { mkdtemp } from 'node:fs/promises';
 * import { tmpdir } from 'node:os';
 * const path = `${await mkdtemp(`${tmpdir()}/cfrl-`)}/state.safetensors`;
 * await writeSafetensors(path, { w: tf.tensor1d([1, 2]) });
 * (await readSafetensors(path)).tensors.w.arraySync(); // => [1, 2]
 * ```
 */
export const readSafetensors = (path: string): Promise<Safetensors> =>
  readTensors(path, 'readSafetensors');

/** As {@link readSafetensors}, for a function that messages speak of. */
export async function readTensors(path: string, where: string): Promise<Safetensors> {
  const file = await openSafetensors(path, where);
  const read: [string, tf.Tensor][] = [];
  try {
    const unread = file.tensors.find(({ kind }) => kind === 'unread');
    if (unread !== undefined) {
      throw new RangeError(`${where}: ${unread.problem} ('${path}')`);
    }
    for (const { name, shape, kind, ...stored } of file.tensors) {
      const numbers = new (kind === 'int32' ? Int32Array : Float32Array)(sizeOf(shape));
      await stored.read(numbers);
      read.push([name, tf.tensor(numbers, [...shape], kind === 'int32' ? kind : 'float32')]);
    }
    return { tensors: Object.fromEntries(read), metadata: file.metadata };
  } catch (error) {
    tf.dispose(read.map(([, tensor]) => tensor));
    throw error;
  } finally {
    await file.close();
  }
}

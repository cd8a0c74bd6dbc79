import { open } from 'node:fs/promises';

import { type NumberFormat, type Numbers, byteLength, bytesOf } from './number-format.js';
import { reading } from './reading.js';
import type { StoredTensor } from './stored-tensor.js';

/** A file that is read in pieces. */
export interface DataFile {
  readonly path: string;
  readonly size: number;
  /** Fills `bytes` from a position on; throws if the file ends before. */
  readonly readInto: (bytes: Uint8Array, position: number) => Promise<void>;
  readonly close: () => Promise<void>;
  /** Room that a read has left for the next one. */
  spare: Uint8Array | undefined;
}

/** The result of an action with something open, which is closed if the action fails. */
export async function closingOnError<T>(
  { close }: Pick<DataFile, 'close'>,
  action: () => T | Promise<T>,
): Promise<T> {
  try {
    return await action();
  } catch (error) {
    await close();
    throw error;
  }
}

/** One call of the system reads less than 2 GB. */
const MAX_READ = 2 ** 30;

/** Opens a file; anything but a plain file is refused. */
export async function openDataFile(path: string, where: string): Promise<DataFile> {
  const handle = await reading(where, path, () => open(path, 'r'));
  const close = () => handle.close();
  const readInto: DataFile['readInto'] = async (bytes, position) => {
    for (let done = 0; done < bytes.length;) {
      const length = Math.min(bytes.length - done, MAX_READ);
      const { bytesRead } = await handle.read(bytes, done, length, position + done);
      if (bytesRead === 0) {
        throw new RangeError(
          `loadPretrained: '${path}' ends at ${position + done}, expected ${bytes.length - done} more bytes; it was cut while it was read`,
        );
      }
      done += bytesRead;
    }
  };
  return closingOnError({ close }, async () => {
    const info = await handle.stat();
    if (!info.isFile()) throw new RangeError(`${where}: '${path}' is no file`);
    return { path, size: info.size, readInto, close, spare: undefined };
  });
}

/** Numbers that need decoding pass through this many bytes at a time. */
const CHUNK = 2 ** 20;

/** Fills `numbers` from a position on. Beside them it holds at most {@link CHUNK} bytes. */
async function readNumbers(
  file: DataFile,
  format: NumberFormat,
  position: number,
  numbers: Numbers,
): Promise<void> {
  const { decode, bytes, values } = format;
  if (decode === undefined) return file.readInto(bytesOf(numbers), position);
  const total = byteLength(format, numbers.length);
  const step = Math.floor(CHUNK / bytes) * bytes;
  const buffer = file.spare ?? new Uint8Array(CHUNK);
  file.spare = undefined;
  for (let done = 0; done < total; done += step) {
    const chunk = buffer.subarray(0, Math.min(step, total - done));
    await file.readInto(chunk, position + done);
    decode(chunk, numbers as Float32Array, (done / bytes) * values);
  }
  file.spare = buffer;
}

/** A tensor that begins at a byte of a file. */
export const storedTensor = (
  file: DataFile,
  name: string,
  shape: readonly number[],
  format: NumberFormat,
  begin: number,
): StoredTensor => ({
  name,
  shape,
  kind: format.kind,
  read: (into, from = 0) => readNumbers(file, format, begin + byteLength(format, from), into),
  ...(format.name === 'F32' && { raw: { path: file.path, begin } }),
});

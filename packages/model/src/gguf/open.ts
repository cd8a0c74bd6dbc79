import {
  type DataFile,
  closingOnError,
  openDataFile,
  storedTensor,
} from '../tensor-files/data-file.js';
import type { Stored } from '../tensor-files/stored-tensor.js';
import { type Value, NeedMore } from './cursor.js';
import { type GgufHeader, parseGguf } from './header.js';

/** A GGUF file of which only the header has been read; its tensors have the names of the file. */
export interface OpenGguf extends Stored {
  readonly metadata: ReadonlyMap<string, Value>;
}

/** Headers hold the vocabulary: most fit into this many bytes. */
const FIRST = 4 * 2 ** 20;

async function readHeader(file: DataFile, fail: (problem: string) => never): Promise<GgufHeader> {
  for (let length = Math.min(FIRST, file.size); ; length = Math.min(4 * length, file.size)) {
    const bytes = new Uint8Array(length);
    await file.readInto(bytes, 0);
    try {
      return parseGguf(bytes, file.size, fail);
    } catch (error) {
      // The parser itself refuses a header that is longer than the file.
      if (!(error instanceof NeedMore)) throw error;
    }
  }
}

/** Opens a GGUF file. The header is checked completely; a tensor is read when it is asked for. */
export async function openGguf(path: string): Promise<OpenGguf> {
  const file = await openDataFile(path, 'loadPretrained');
  return closingOnError(file, async () => {
    const { metadata, tensors } = await readHeader(file, (problem) => {
      throw new RangeError(`loadPretrained: ${problem} ('${path}')`);
    });
    const stored = tensors.map(({ name, shape, format, begin }) =>
      storedTensor(file, name, shape, format, begin),
    );
    return { metadata, tensors: stored, close: file.close };
  });
}

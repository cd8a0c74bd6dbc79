import { type DataFile, openDataFile, readNumbers } from '../tensor-files/data-file.js';
import type { StoredTensor } from '../tensor-files/stored-tensor.js';
import { byteLength } from '../tensor-files/number-format.js';
import { type Value, NeedMore } from './cursor.js';
import { type GgufHeader, type GgufTensor, parseGguf } from './header.js';

/** A GGUF file of which only the header has been read. */
export interface OpenGguf {
  readonly metadata: ReadonlyMap<string, Value>;
  /** By the names of the file. */
  readonly tensors: readonly StoredTensor[];
  readonly close: () => Promise<void>;
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
  const file = await openDataFile(path);
  const stored = ({ name, shape, format, begin }: GgufTensor): StoredTensor => ({
    name,
    shape,
    kind: format.kind,
    read: (into, from = 0) => readNumbers(file, format, begin + byteLength(format, from), into),
    ...(format.name === 'F32' && { raw: { path, begin } }),
  });
  try {
    const { metadata, tensors } = await readHeader(file, (problem) => {
      throw new RangeError(`loadPretrained: ${problem} ('${path}')`);
    });
    return { metadata, tensors: tensors.map(stored), close: file.close };
  } catch (error) {
    await file.close();
    throw error;
  }
}

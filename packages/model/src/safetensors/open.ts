import { closingOnError, openDataFile, storedTensor } from '../tensor-files/data-file.js';
import { foundInstead } from '../tensor-files/found-instead.js';
import type { Stored, StoredTensor } from '../tensor-files/stored-tensor.js';
import { type Placed, PREFIX, dataStart, parseHeader, unreadable } from './header.js';

/** A safetensors file of which only the header has been read. */
export interface OpenSafetensors extends Stored {
  readonly metadata: Readonly<Record<string, string>>;
}

/** Opens a safetensors file. The header is checked completely; a tensor is read when it is asked for. */
export async function openSafetensors(path: string, where: string): Promise<OpenSafetensors> {
  const file = await openDataFile(path, where);
  const fail = (problem: string): never => {
    throw new RangeError(`${where}: ${problem} ('${path}')`);
  };
  const stored = ({ name, dtype, shape, format, begin }: Placed): StoredTensor => {
    if (format !== undefined) return storedTensor(file, name, shape, format, begin);
    const problem = unreadable(name, dtype);
    return { name, shape, kind: 'unread', problem, read: async () => fail(problem) };
  };
  return closingOnError(file, async () => {
    const prefix = new Uint8Array(Math.min(PREFIX, file.size));
    await file.readInto(prefix, 0);
    const failed = (problem: string): never => fail(foundInstead(prefix) ?? problem);
    const json = new Uint8Array(dataStart(prefix, file.size, failed) - PREFIX);
    await file.readInto(json, PREFIX);
    const { metadata, tensors } = parseHeader(json, file.size, failed);
    return { metadata, tensors: tensors.map(stored), close: file.close };
  });
}

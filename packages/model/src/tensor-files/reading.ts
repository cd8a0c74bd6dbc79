import { lstat } from 'node:fs/promises';

import { diskErrorMeaning } from '@cfrl/engine/node';

const MEANINGS: Readonly<Record<string, string>> = {
  EISDIR: 'is a folder, expected a file',
  ENOTDIR: 'is a file or lies below one, expected a folder',
  EACCES: 'must not be read by this user, expected a file that may; change its permissions',
  EPERM: 'must not be read by this user, expected a file that may; change its permissions',
};

/** Reads, and rethrows a file system's error as one that says what to do; without such a file it gives `otherwise`, if there is one. */
export async function reading<T>(
  where: string,
  path: string,
  read: () => Promise<T>,
  otherwise?: { readonly value: T },
): Promise<T> {
  try {
    return await read();
  } catch (error) {
    const meaning = diskErrorMeaning(error);
    if (meaning === undefined) throw error;
    const fail = (problem: string): never => {
      throw new RangeError(`${where}: '${path}' ${problem}`, { cause: error });
    };
    const code = (error as NodeJS.ErrnoException).code!;
    if (code !== 'ENOENT') return fail(MEANINGS[code] ?? `cannot be read (${meaning})`);
    const info = await lstat(path).catch(() => undefined);
    if (info?.isSymbolicLink()) {
      return fail('is a link to what is not there, expected a file or folder; download it again');
    }
    return otherwise === undefined ? fail('is not there, expected a file') : otherwise.value;
  }
}

/** Runs what reads the parts of a file, and says which file in its errors. */
export async function inFile<T>(path: string, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    if (!(error instanceof RangeError || error instanceof TypeError)) throw error;
    throw new RangeError(`${error.message} ('${path}')`, { cause: error });
  }
}

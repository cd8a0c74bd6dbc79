import { existsSync, mkdirSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';

const isFolder = (path: string): boolean => existsSync(path) && statSync(path).isDirectory();

/**
 * Makes a folder and its parents, one by one. (Node's recursive `mkdir` reports a read-only file system as a missing
 * one, and does not return at all where the system refuses with ENOENT, as below `/proc`.)
 *
 * @param path - of the folder, which may be there
 * @throws the file system's error if that is not possible
 *
 * @example
 * ```ts
 * import { existsSync, mkdtempSync } from 'node:fs';
 * import { tmpdir } from 'node:os';
 * import { makeFolder } from '@cfrl/engine/node';
 * const path = `${mkdtempSync(`${tmpdir()}/cfrl-`)}/runs/first`;
 * makeFolder(path);
 * existsSync(path); // => true
 * ```
 */
export function makeFolder(path: string): void {
  const make = (folder: string): void => {
    if (isFolder(folder)) return;
    if (dirname(folder) !== folder) make(dirname(folder));
    try {
      mkdirSync(folder);
    } catch (error) {
      // Another process may just have made it.
      if (!isFolder(folder)) throw error;
    }
  };
  make(resolve(path));
}

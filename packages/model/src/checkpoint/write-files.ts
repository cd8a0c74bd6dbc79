import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';

import { type Contents, diskErrorMeaning, writeFolder, writeLarge } from '@cfrl/engine/node';

export type { Contents };

/** Rethrows a file system's error as one that says what to do; `where` is the function that people called. */
async function onDisk(where: string, path: string, action: Promise<void>): Promise<void> {
  try {
    await action;
  } catch (error) {
    const meaning = diskErrorMeaning(error);
    if (meaning === undefined) throw error;
    throw new Error(`${where}: could not write ${path} (${meaning})`, { cause: error });
  }
}

/** Replaces one file at once, as `writeLarge` of the engine. */
export const writeFileAtomically = (where: string, path: string, contents: Contents) =>
  onDisk(where, path, writeLarge(path, contents));

/** Writes a folder's files, as `writeFolder` of the engine; one that lies where a folder is is refused before anything is written. */
export async function writeFolderAtomically(
  where: string,
  folder: string,
  files: Readonly<Record<string, Contents>>,
  outdated?: (name: string) => boolean,
  signal?: AbortSignal,
): Promise<void> {
  if (folder === '') {
    throw new RangeError(`${where}: folder is '', expected a path; '.' is the current folder`);
  }
  for (const path of Object.keys(files).map((name) => join(folder, name))) {
    if (!existsSync(path) || !statSync(path).isDirectory()) continue;
    throw new RangeError(
      `${where}: '${path}' is a folder, expected a file or nothing there; remove it`,
    );
  }
  await onDisk(where, folder, writeFolder(folder, files, outdated, signal));
}

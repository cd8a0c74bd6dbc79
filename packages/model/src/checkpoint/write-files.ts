import { type Contents, diskErrorMeaning, writeFolder, writeLarge } from '@cfrl/engine/node';

export type { Contents };

/** A function that writes to a path, with a message for people where it fails: `where` is the function that they called. */
const saying =
  <A extends unknown[]>(write: (path: string, ...args: A) => Promise<void>) =>
  async (where: string, path: string, ...args: A): Promise<void> => {
    try {
      await write(path, ...args);
    } catch (error) {
      const meaning = diskErrorMeaning(error);
      if (meaning === undefined) throw error;
      throw new Error(`${where}: could not write ${path} (${meaning})`, { cause: error });
    }
  };

/** Replaces one file at once, as `writeLarge` of the engine. */
export const writeFileAtomically = saying(writeLarge);

/** Writes a folder's files, as `writeFolder` of the engine. */
export const writeFolderAtomically = saying(writeFolder);

import { randomUUID } from 'node:crypto';
import { open, readdir, readlink, realpath, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';

import { yieldToEventLoop } from '@cfrl/engine';
import { diskErrorMeaning, makeFolder } from '@cfrl/engine/node';

/** What a file will hold; pieces are written one after the other. */
export type Contents = Uint8Array | string | Iterable<Uint8Array>;

/** Forces a file's or a folder's contents to the disk. */
async function sync(path: string): Promise<void> {
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function writeSynced(path: string, contents: Contents, signal?: AbortSignal): Promise<void> {
  const handle = await open(path, 'wx');
  try {
    const whole = typeof contents === 'string' || contents instanceof Uint8Array;
    // Each call goes on where the one before has stopped.
    for (const piece of whole ? [contents] : contents) {
      await yieldToEventLoop(signal);
      await handle.writeFile(piece);
    }
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Rethrows a file system's error as one that says what to do. */
async function onDisk(where: string, path: string, action: () => Promise<void>): Promise<void> {
  try {
    await action();
  } catch (error) {
    const meaning = diskErrorMeaning(error);
    if (meaning === undefined) throw error;
    throw new Error(`${where}: could not write ${path} (${meaning})`, { cause: error });
  }
}

const temporaryName = (path: string): string =>
  join(dirname(path), `.${basename(path)}.${randomUUID()}.tmp`);

/**
 * Replaces one file at once: a reader sees the old contents or the new ones, also after a crash.
 * Folders on the way are created.
 */
export async function writeFileAtomically(
  where: string,
  path: string,
  contents: Contents,
): Promise<void> {
  const target = resolve(path);
  const temporary = temporaryName(target);
  await onDisk(where, path, async () => {
    makeFolder(dirname(target));
    try {
      await writeSynced(temporary, contents);
      await rename(temporary, target);
    } finally {
      await rm(temporary, { force: true });
    }
    await sync(dirname(target));
  });
}

/**
 * Writes a folder's files: a new folder appears at once with all of them. In a folder that has
 * contents each file is replaced at once, in the given order, and other files stay, but for those that
 * `outdated` names: they are removed at last. A signal that aborts while files are written leaves everything as it was.
 */
export async function writeFolder(
  where: string,
  folder: string,
  files: Readonly<Record<string, Contents>>,
  outdated: (name: string) => boolean = () => false,
  signal?: AbortSignal,
): Promise<void> {
  if (folder === '') {
    throw new RangeError(`${where}: folder is '', expected a path; '.' is the current folder`);
  }
  const target = await behindLink(resolve(folder));
  await checkNames(where, target, Object.keys(files));
  const exists = await isFolder(target);
  // Beside a folder there may be another disk, or no permission, as where a container has a volume.
  const stage = exists ? temporaryName(join(target, 'new')) : temporaryName(target);
  await onDisk(where, folder, async () => {
    makeFolder(dirname(target));
    try {
      makeFolder(stage);
      for (const [name, contents] of Object.entries(files)) {
        await writeSynced(join(stage, name), contents, signal);
      }
      await sync(stage);
      await moveInto(stage, target, Object.keys(files));
      await removeOutdated(target, (name) => !Object.hasOwn(files, name) && outdated(name));
    } finally {
      await rm(stage, { recursive: true, force: true });
    }
    if (!exists) await sync(dirname(target));
  });
}

/** Where a folder is that may be a link, as to another disk; one whose end is not there yet counts too. */
async function behindLink(folder: string): Promise<string> {
  try {
    return await realpath(folder);
  } catch {
    return readlink(folder).then(
      (to) => resolve(dirname(folder), to),
      () => folder,
    );
  }
}

const isFolder = (path: string): Promise<boolean> =>
  stat(path).then(
    (info) => info.isDirectory(),
    () => false,
  );

/** Refuses a folder where a file will lie, before anything is written. */
async function checkNames(where: string, folder: string, names: readonly string[]): Promise<void> {
  for (const name of names) {
    if (!(await isFolder(join(folder, name)))) continue;
    throw new RangeError(
      `${where}: '${join(folder, name)}' is a folder, expected a file or nothing there; remove it`,
    );
  }
}

async function removeOutdated(folder: string, outdated: (name: string) => boolean): Promise<void> {
  const names = (await readdir(folder)).filter(outdated);
  for (const name of names) await rm(join(folder, name), { recursive: true });
}

async function moveInto(stage: string, target: string, names: readonly string[]): Promise<void> {
  try {
    await rename(stage, target);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'ENOTEMPTY' && code !== 'EEXIST' && code !== 'EINVAL') throw error;
    for (const name of names) await rename(join(stage, name), join(target, name));
    await sync(target);
  }
}

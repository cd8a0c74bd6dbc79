import { randomUUID } from 'node:crypto';
import {
  closeSync,
  existsSync,
  fsyncSync,
  lstatSync,
  openSync,
  readdirSync,
  readlinkSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { readdir, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';

import { yieldToEventLoop } from '../event-loop.js';
import { makeFolder } from './make-folder.js';

/** What a file will hold; pieces are written one after the other. */
export type Contents = Uint8Array | string | Iterable<Uint8Array>;

/** Beside the final name, so that it can be renamed; hidden, so that nobody reads it; new, so that two writers do not meet. */
const temporaryName = (path: string): string =>
  join(dirname(path), `.${basename(path)}.${randomUUID()}.tmp`);

/** Waits until the names in a folder are on the disk. */
function syncFolder(path: string): void {
  const handle = openSync(path, 'r');
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}

/**
 * Gives a finished file or folder its final name at once, also after a crash.
 *
 * @param from - what was written, and is on the disk
 * @param to - where it shall be; a file there is replaced, a folder must be empty
 * @throws the file system's error
 */
export function publish(from: string, to: string): void {
  renameSync(from, to);
  syncFolder(dirname(to));
}

/**
 * Replaces a file at once: a reader, or what runs after a crash, sees the old text or the new one.
 *
 * @param path - of the file, in a folder that is there
 * @param text - all that it shall hold
 * @throws the file system's error; the old file is intact then
 *
 * @example
 * ```ts
 * import { mkdtempSync, readFileSync, readdirSync } from 'node:fs';
 * import { tmpdir } from 'node:os';
 * import { writeText } from '@cfrl/engine/node';
 * const folder = mkdtempSync(`${tmpdir()}/cfrl-`);
 * for (const text of ['first', 'second']) writeText(`${folder}/a.txt`, text);
 * [readFileSync(`${folder}/a.txt`, 'utf8'), readdirSync(folder)]; // => ['second', ['a.txt']]
 * ```
 */
export function writeText(path: string, text: string): void {
  const temporary = temporaryName(path);
  try {
    writeFileSync(temporary, text, { flag: 'wx', flush: true });
    publish(temporary, path);
  } finally {
    rmSync(temporary, { force: true });
  }
}

/** Writes a new file to the disk; other work of the program goes on between the pieces. */
async function writeNew(path: string, contents: Contents, signal?: AbortSignal): Promise<void> {
  const pieces = async function* (): AsyncGenerator<Uint8Array | string> {
    const whole = typeof contents === 'string' || contents instanceof Uint8Array;
    for (const piece of whole ? [contents] : contents) {
      await yieldToEventLoop(signal);
      yield piece;
    }
  };
  await writeFile(path, pieces(), { flag: 'wx', flush: true });
}

/**
 * As {@link writeText}, for large contents. Folders on the way are made.
 *
 * @throws the file system's error; the old file is intact then
 */
export async function writeLarge(path: string, contents: Contents): Promise<void> {
  const temporary = temporaryName(path);
  makeFolder(dirname(path));
  try {
    await writeNew(temporary, contents);
    publish(temporary, path);
  } finally {
    await rm(temporary, { force: true });
  }
}

/**
 * Writes a folder's files: a new folder appears at once with all of them. In a folder that is there each file is
 * replaced at once, in the given order, and other files stay, but for outdated ones: they are removed at last.
 *
 * @param folder - made, with its parents, if it is not there; it may be a link to one
 * @param outdated - of the names of other files and folders: whether they go
 * @param signal - when it aborts while files are written, everything stays as it was
 * @throws the file system's error; the signal's reason
 */
export async function writeFolder(
  folder: string,
  files: Readonly<Record<string, Contents>>,
  outdated: (name: string) => boolean = () => false,
  signal?: AbortSignal,
): Promise<void> {
  const target = behindLink(resolve(folder));
  const isThere = statSync(target, { throwIfNoEntry: false })?.isDirectory() ?? false;
  // Beside a folder there may be another disk, or no permission, as where a container has a volume.
  const stage = temporaryName(isThere ? join(target, 'new') : target);
  makeFolder(dirname(target));
  try {
    makeFolder(stage);
    for (const [name, contents] of Object.entries(files)) {
      await writeNew(join(stage, name), contents, signal);
    }
    syncFolder(stage);
    moveInto(stage, target, Object.keys(files));
    for (const name of await readdir(target)) {
      if (Object.hasOwn(files, name) || !outdated(name)) continue;
      await rm(join(target, name), { recursive: true });
    }
  } finally {
    await rm(stage, { recursive: true, force: true });
  }
  if (!isThere) syncFolder(dirname(target));
}

/** Where a folder is that may be a link, as to another disk; one whose end is not there yet counts too. */
function behindLink(folder: string): string {
  if (existsSync(folder)) return realpathSync(folder);
  const isLink = lstatSync(folder, { throwIfNoEntry: false })?.isSymbolicLink();
  return isLink ? resolve(dirname(folder), readlinkSync(folder)) : folder;
}

function moveInto(stage: string, folder: string, names: readonly string[]): void {
  try {
    renameSync(stage, folder);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    // EINVAL: it lies inside of the folder.
    if (code !== 'ENOTEMPTY' && code !== 'EEXIST' && code !== 'EINVAL') throw error;
    for (const name of names) renameSync(join(stage, name), join(folder, name));
    syncFolder(folder);
  }
}

/**
 * Removes what a killed process was writing: the temporary files and folders below a folder.
 *
 * @param folder - that no process writes into now
 * @throws the file system's error
 */
export function removeUnfinished(folder: string): void {
  for (const name of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
    if (/\.[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\.tmp$/.test(name)) {
      rmSync(join(folder, name), { recursive: true, force: true });
    }
  }
}

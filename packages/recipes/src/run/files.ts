import { randomUUID } from 'node:crypto';
import {
  closeSync,
  existsSync,
  fsyncSync,
  openSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { dirname, join } from 'node:path';

import { diskErrorMeaning, makeFolder as makeFolders } from '@cfrl/engine/node';

/** Rethrows a file system error as one message that says what was lost (nothing) and how to go on. */
export function onDisk<T>(doing: string, path: string, action: () => T): T {
  try {
    return action();
  } catch (error) {
    const meaning = diskErrorMeaning(error) ?? String(error);
    // In a place where nothing can be written, the same command does not help.
    const again = meaning.endsWith('choose another folder')
      ? ''
      : '; what was written before is intact: give the same command again to go on from the last checkpoint';
    throw new Error(`run: could not ${doing} ${path} (${meaning})${again}`, { cause: error });
  }
}

function sync(path: string): void {
  const handle = openSync(path, 'r');
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}

function writeAll(handle: number, text: string): void {
  const bytes = Buffer.from(text, 'utf8');
  for (let at = 0; at < bytes.length;) at += writeSync(handle, bytes, at);
}

function writeSynced(path: string, flag: 'a' | 'wx', text: string): void {
  const handle = openSync(path, flag);
  try {
    writeAll(handle, text);
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}

/** Makes a folder and its parents. */
export function makeFolder(path: string): void {
  onDisk('make the folder', path, () => makeFolders(path));
}

/** Writes a file so that a reader, or a crash, sees the old text or the new one, never a part. */
export function writeAtomic(path: string, text: string): void {
  const temporary = `${path}.${randomUUID()}.tmp`;
  onDisk('write', path, () => {
    try {
      writeSynced(temporary, 'wx', text);
      renameSync(temporary, path);
    } finally {
      rmSync(temporary, { force: true });
    }
    sync(dirname(path));
  });
}

/** Removes the temporary files and folders that a killed process left below a folder. */
export function removeUnfinished(folder: string): void {
  onDisk('clear', folder, () => {
    for (const name of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
      if (/\.[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\.tmp$/.test(name)) {
        rmSync(join(folder, name), { recursive: true, force: true });
      }
    }
  });
}

/** Moves a finished folder to its final name. */
export function publishFolder(from: string, to: string): void {
  onDisk('write', to, () => {
    sync(from);
    renameSync(from, to);
    sync(dirname(to));
  });
}

/** Adds one row to a JSONL file and waits until it is on the disk. */
export function appendRow(path: string, row: object): void {
  onDisk('append to', path, () => writeSynced(path, 'a', `${JSON.stringify(row)}\n`));
}

/** The object in a JSON file. */
export function readObject(path: string): Record<string, unknown> {
  const text = onDisk('read', path, () => readFileSync(path, 'utf8'));
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    // Said below.
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
    return value as Record<string, unknown>;
  }
  throw new Error(`run: ${path} holds no JSON object; the file was damaged: restore it`);
}

/**
 * The rows of a JSONL file; none if there is no file. A last line without its newline is what a
 * killed process left behind, and is not a row.
 */
export function readRows<T>(path: string): T[] {
  if (!existsSync(path)) return [];
  const lines = onDisk('read', path, () => readFileSync(path, 'utf8')).split('\n');
  return lines.slice(0, -1).map((line, i) => {
    try {
      return JSON.parse(line) as T;
    } catch {
      throw new Error(
        `run: line ${i + 1} of ${path} is not JSON; the file was damaged: restore it`,
      );
    }
  });
}

/** Keeps the rows that satisfy a predicate, and drops a torn last line. */
export function keepRows<T>(path: string, keep: (row: T) => boolean): void {
  if (!existsSync(path)) return;
  const rows = readRows<T>(path).filter(keep);
  writeAtomic(path, rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
}

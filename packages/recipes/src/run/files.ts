import { randomUUID } from 'node:crypto';
import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import { dirname, join, resolve } from 'node:path';

/** Rethrows a file system error as one message that says what was lost (nothing) and how to go on. */
export function onDisk<T>(doing: string, path: string, action: () => T): T {
  try {
    return action();
  } catch (error) {
    const { code = 'unknown', message } = error as NodeJS.ErrnoException;
    const mend: Readonly<Record<string, string>> = {
      ENOSPC: 'the disk is full; free some space',
      EACCES: 'no permission; choose another folder',
      EPERM: 'no permission; choose another folder',
      EROFS: 'the disk is read-only; choose another folder',
      ENOENT: 'nothing can be made there; choose another folder',
      EEXIST: 'a part of the path is a file; choose another folder',
      ENOTDIR: 'a part of the path is a file; choose another folder',
    };
    throw new Error(
      `run: could not ${doing} ${path} (${code}: ${mend[code] ?? message}); what was written ` +
        'before is intact: give the same command again to go on from the last checkpoint',
      { cause: error },
    );
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

/** Makes a folder and its parents, one by one: Node's own recursion does not return where the system refuses with ENOENT. */
export function makeFolder(path: string): void {
  const make = (folder: string): void => {
    if (existsSync(folder) && statSync(folder).isDirectory()) return;
    if (dirname(folder) !== folder) make(dirname(folder));
    try {
      mkdirSync(folder);
    } catch (error) {
      // Another process may just have made it.
      if (!existsSync(folder) || !statSync(folder).isDirectory()) throw error;
    }
  };
  onDisk('make the folder', path, () => make(resolve(path)));
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

import { appendFileSync, existsSync, readFileSync } from 'node:fs';

import * as disk from '@cfrl/engine/node';

/** Rethrows a file system error as one message that says what was lost (nothing) and how to go on. */
export function onDisk<T>(doing: string, path: string, action: () => T): T {
  try {
    return action();
  } catch (error) {
    const meaning = disk.diskErrorMeaning(error) ?? String(error);
    // In a place where nothing can be written, the same command does not help.
    const again = meaning.endsWith('choose another folder')
      ? ''
      : '; what was written before is intact: give the same command again to go on from the last checkpoint';
    throw new Error(`run: could not ${doing} ${path} (${meaning})${again}`, { cause: error });
  }
}

/** Makes a folder and its parents. */
export function makeFolder(path: string): void {
  onDisk('make the folder', path, () => disk.makeFolder(path));
}

/** Writes a file so that a reader, or a crash, sees the old text or the new one, never a part. */
export function writeAtomic(path: string, text: string): void {
  onDisk('write', path, () => disk.writeText(path, text));
}

/** Removes the temporary files and folders that a killed process left below a folder. */
export function removeUnfinished(folder: string): void {
  onDisk('clear', folder, () => disk.removeUnfinished(folder));
}

/** Rows as the text of a JSONL file. */
export const jsonLines = (rows: readonly unknown[]): string =>
  rows.map((row) => `${JSON.stringify(row)}\n`).join('');

/** Adds one row to a JSONL file and waits until it is on the disk. */
export function appendRow(path: string, row: object): void {
  onDisk('append to', path, () => appendFileSync(path, jsonLines([row]), { flush: true }));
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
  writeAtomic(path, jsonLines(readRows<T>(path).filter(keep)));
}

import { accessSync, constants, existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

import {
  appendRow,
  keepRows,
  makeFolder,
  onDisk,
  readObject,
  readRows,
  removeUnfinished,
  writeAtomic,
} from './files.js';
import { isLock, lockFolder } from './lock.js';

/**
 * What a run is: every resolved option. Two runs with equal configs have equal numbers. The entry
 * `versions` is for the record: a run may be continued with others.
 */
export type RunConfig = Readonly<Record<string, unknown>>;

/** A row of one of a run's JSONL files. */
export interface Row {
  /** The step after which the row was written; 0 is before the first. */
  readonly step: number;
}

/** A run on disk, open for writing by this process. */
export interface RunFolder {
  /** The folder. */
  readonly path: string;
  /** Adds a row to `NAME.jsonl` and waits until it is on the disk. */
  append(name: string, row: Row): void;
  /** The rows of `NAME.jsonl`. */
  rows<T extends Row>(name: string): T[];
  /** Drops every row of `NAME.jsonl` after a step: what a killed process wrote past its last checkpoint. */
  rewind(name: string, step: number): void;
  /** Gives the folder back to other processes. */
  close(): void;
}

const CONFIG = 'config.json';

function compare(path: string, config: RunConfig): void {
  const file = join(path, CONFIG);
  const stored = readObject(file);
  const wanted = JSON.parse(JSON.stringify(config)) as Record<string, unknown>;
  const all = [...Object.keys(stored), ...Object.keys(wanted)];
  const names = [...new Set(all)].filter((name) => name !== 'versions');
  const show = (value: unknown): string => JSON.stringify(value) ?? 'nothing';
  const different = names.filter((name) => show(stored[name]) !== show(wanted[name]));
  if (different.length > 0) {
    const list = different.map((n) => `${n} ${show(stored[n])} there, ${show(wanted[n])} here`);
    throw new Error(
      `run: ${path} holds another run (${list.join('; ')}), expected this run or an empty folder; ` +
        'choose another folder, or give the same options to go on with that run',
    );
  }
}

/** Makes a run folder if it is not there, and refuses one that cannot be written or holds other files. */
export function checkRunFolder(path: string): void {
  if (path === '') throw new Error("run: the folder is '', expected a path; name a folder");
  makeFolder(path);
  onDisk('write', path, () => accessSync(path, constants.W_OK));
  const contents = onDisk('read', path, () => readdirSync(path)).filter((name) => !isLock(name));
  if (contents.includes(CONFIG) || !contents.some((name) => !name.endsWith('.tmp'))) return;
  throw new Error(
    `run: ${path} holds other files (${contents.slice(0, 3).join(', ')}), expected a run or an ` +
      'empty folder; choose another folder',
  );
}

/**
 * Opens a run folder: a new or empty one gets the config; one that holds the same run is continued.
 *
 * @param path - the folder; made if it is not there
 * @param config - what the run is; stored as `config.json`
 * @returns the open folder; close it when done
 * @throws Error if the folder holds another run or other files, is in use, or cannot be written;
 *   nothing in it is changed then
 *
 * @example
 * ```ts
 * import { mkdtempSync } from 'node:fs';
 * import { tmpdir } from 'node:os';
 * const run = openRun(mkdtempSync(`${tmpdir()}/cfrl-`), { seed: 0 });
 * run.append('steps', { step: 1 });
 * run.rows('steps'); // => [{ "step": 1 }]
 * run.close();
 * ```
 */
export function openRun(path: string, config: RunConfig): RunFolder {
  checkRunFolder(path);
  const file = (name: string): string => join(path, `${name}.jsonl`);
  if (existsSync(join(path, CONFIG))) compare(path, config);
  const unlock = lockFolder(path);
  try {
    removeUnfinished(path);
    if (!existsSync(join(path, CONFIG))) {
      writeAtomic(join(path, CONFIG), `${JSON.stringify(config, null, 2)}\n`);
    }
  } catch (error) {
    unlock();
    throw error;
  }
  return {
    path,
    append: (name, row) => appendRow(file(name), row),
    rows: (name) => readRows(file(name)),
    rewind: (name, step) => keepRows<Row>(file(name), (row) => row.step <= step),
    close: unlock,
  };
}

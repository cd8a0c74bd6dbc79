import { join } from 'node:path';

import { takeLock } from '@cfrl/engine/node';

import { onDisk } from './files.js';

const LOCK = 'lock';

/** Whether a file of a run folder belongs to its lock. */
export const isLock = (name: string): boolean => name === LOCK || name.startsWith(`${LOCK}.`);

/**
 * Makes this call the only one that writes into a run folder. The lock of a process that died,
 * however it died, does not count.
 *
 * @returns a function that gives the folder back
 */
export function lockFolder(folder: string): () => void {
  const path = join(folder, LOCK);
  const attempt = onDisk('lock', path, () => takeLock(path));
  if ('release' in attempt) return attempt.release;
  const { pid, host } = attempt.holder;
  const who = pid === process.pid && host === undefined ? 'this process' : `process ${pid}`;
  const there =
    host === undefined ? '' : ` on ${host} (if it is not there any more, remove ${path})`;
  throw new Error(
    `run: ${folder} is in use by ${who}${there}, expected one writer a folder; ` +
      'wait for it, stop it, or choose another folder',
  );
}

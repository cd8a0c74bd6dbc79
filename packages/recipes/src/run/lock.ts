import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { onDisk } from './files.js';

const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
};

/**
 * Makes this process the only one that writes into a run folder. The lock of a process that died,
 * however it died, does not count.
 *
 * @returns a function that gives the folder back
 */
export function lockFolder(folder: string): () => void {
  const path = join(folder, 'lock');
  for (let tries = 0; ; tries++) {
    try {
      writeFileSync(path, String(process.pid), { flag: 'wx' });
      return () => rmSync(path, { force: true });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST' || tries > 0) {
        return onDisk('lock', path, () => {
          throw error;
        });
      }
      const pid = Number(readFileSync(path, 'utf8'));
      if (Number.isSafeInteger(pid) && pid > 0 && pid !== process.pid && isAlive(pid)) {
        throw new Error(
          `run: ${folder} is in use by process ${pid}, expected one process a folder; ` +
            'wait for it, stop it, or choose another folder',
        );
      }
      rmSync(path, { force: true });
    }
  }
}

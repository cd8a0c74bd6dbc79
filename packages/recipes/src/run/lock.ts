import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { onDisk } from './files.js';

/**
 * When a process started, in the system's own units, so that another process that was given its number later is not taken
 * for it. A process that has ended but was not collected yet is not there any more; where the system tells no times, every
 * process that is there has started at 'unknown'.
 */
function startOf(pid: number): string | undefined {
  try {
    process.kill(pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') return undefined;
  }
  try {
    // After the name, which is in parentheses and may hold anything: the state, and 19 fields on the time.
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
      .replace(/^.*\)\s/s, '')
      .split(' ');
    return fields[0] === 'Z' || fields[0] === 'X' ? undefined : fields[19];
  } catch {
    return 'unknown';
  }
}

/** Whether the process that wrote a lock is still at work. */
function holds(lock: string): boolean {
  const [number, start] = lock.split(' ');
  const pid = Number(number);
  if (!Number.isSafeInteger(pid) || pid <= 0 || pid === process.pid) return false;
  const now = startOf(pid);
  return now !== undefined && (start === undefined || start === now);
}

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
      writeFileSync(path, `${process.pid} ${startOf(process.pid)}`, { flag: 'wx' });
      return () => rmSync(path, { force: true });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST' || tries > 0) {
        return onDisk('lock', path, () => {
          throw error;
        });
      }
      const lock = readFileSync(path, 'utf8');
      if (holds(lock)) {
        throw new Error(
          `run: ${folder} is in use by process ${lock.split(' ')[0]}, expected one process a folder; ` +
            'wait for it, stop it, or choose another folder',
        );
      }
      rmSync(path, { force: true });
    }
  }
}

import { join } from 'node:path';

import { takeLock } from './process-lock.js';

/** For how long another process is waited for, milliseconds. */
const LONGEST = 30 * 60_000;

/**
 * Runs a function while no other process does so in the same folder; one that was killed does not count.
 *
 * @param folder - Must exist.
 * @param onWait - Called once if another process is at work.
 * @throws Error if the other process is at work for more than half an hour.
 */
export async function withLock<T>(
  folder: string,
  onWait: () => void,
  work: () => Promise<T>,
): Promise<T> {
  const path = join(folder, '.process-lock');
  const deadline = Date.now() + LONGEST;
  for (let waited = false; ; waited = true) {
    const attempt = takeLock(path);
    if ('release' in attempt) {
      try {
        return await work();
      } finally {
        attempt.release();
      }
    }
    if (Date.now() > deadline) {
      const { pid, host } = attempt.holder;
      const there = host === undefined ? '' : ` on ${host}`;
      throw new Error(
        `process ${pid}${there} is at work in ${folder}, and does not end; if it is not there any more, remove ${path}`,
      );
    }
    if (!waited) onWait();
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

import { createHash, randomUUID } from 'node:crypto';
import {
  linkSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { hostname } from 'node:os';
import { basename, dirname, join } from 'node:path';

/** Who holds a lock. */
export interface LockHolder {
  /** Number of the process. */
  readonly pid: number;
  /** Name of its machine; `undefined` if it is this one. */
  readonly host?: string;
}

/** A lock that was taken, or who has it. */
export type LockAttempt = { readonly release: () => void } | { readonly holder: LockHolder };

/** Locks that this process holds: where the system tells no start times, this tells them from those of a process before it. */
const ours = new Set<string>();

const codeOf = (error: unknown): string => (error as NodeJS.ErrnoException).code ?? '';

const read = (path: string): string | undefined => {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
};

/**
 * When a process started, in the system's own units and within which boot of it, so that another process that was given its
 * number later is not taken for it. A process that has ended but was not collected yet is not there any more; where the
 * system tells no times, every process that is there has started at 'unknown'.
 */
function startOf(pid: number): string | undefined {
  try {
    process.kill(pid, 0);
  } catch (error) {
    if (codeOf(error) !== 'EPERM') return undefined;
  }
  try {
    // After the name, which is in parentheses and may hold anything: the state, and 19 fields on the time.
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
      .replace(/^.*\)\s/s, '')
      .split(' ');
    if (fields[0] === 'Z' || fields[0] === 'X') return undefined;
    return `${fields[19]}@${readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()}`;
  } catch {
    return 'unknown';
  }
}

/** The process that wrote a lock, if it is still at work: `PID START ID HOST`, of which the number must be there. */
function holderOf(lock: string): LockHolder | undefined {
  const [number, start, id, host] = lock.split(' ');
  const pid = Number(number);
  if (!Number.isSafeInteger(pid) || pid <= 0) return undefined;
  // Nothing can be known of a process on another machine.
  if (host !== undefined && host !== hostname()) return { pid, host };
  const now = startOf(pid);
  const known = start !== undefined && start !== 'unknown' && now !== 'unknown';
  if (now === undefined || (known && start !== now)) return undefined;
  if (pid === process.pid && !known) {
    return ours.has(id ?? '') ? { pid } : undefined;
  }
  return { pid };
}

/**
 * Takes a lock, which is a file, for this process; no other process gets it, nor this one a second time, until it is released
 * or the process ends, however it ends: the lock of a process that was killed counts no more from that moment on.
 *
 * A dead lock is not removed, since what is removed may by then be somebody else's. It is followed: the file `PATH.DIGEST`, with
 * the digest of the dead lock, can be made by one process only, which renames it over the dead lock. Whoever looked at the dead
 * lock before that, and makes the same file after it, finds that the lock is not the one it followed any more.
 *
 * @param path - of the lock; its folder must exist, and names that begin with `path.` are the lock's own
 * @returns how to give it back, or who has it
 * @throws the file system's error if no file can be made there
 *
 * @example
 * ```ts
 * import { mkdtempSync } from 'node:fs';
 * import { tmpdir } from 'node:os';
 * import { takeLock } from '@cfrl/engine/node';
 * const path = `${mkdtempSync(`${tmpdir()}/cfrl-`)}/lock`;
 * const first = takeLock(path);
 * 'release' in first; // => true
 * 'holder' in takeLock(path); // => true
 * if ('release' in first) first.release();
 * 'release' in takeLock(path); // => true
 * ```
 */
export function takeLock(path: string): LockAttempt {
  const id = randomUUID();
  const own = `${process.pid} ${startOf(process.pid)} ${id} ${hostname()}`;
  for (;;) {
    const head = read(path);
    if (head === undefined) {
      if (!create(path, own, id)) continue;
    } else {
      // The lock, or the last of those that processes died with which were following it.
      let [last, lastPath] = [head, path];
      for (let next: string | undefined = head; next !== undefined;) {
        last = next;
        lastPath = `${path}.${digest(last)}`;
        next = read(lastPath);
      }
      const holder = holderOf(last);
      if (holder !== undefined) return { holder };
      if (!create(lastPath, own, id)) continue;
      if (read(path) !== head) {
        // Another process was first; it may have removed this already.
        rmSync(lastPath, { force: true });
        continue;
      }
      renameSync(lastPath, path);
    }
    ours.add(id);
    removeFollowers(path);
    return {
      release: () => {
        // Once, and never the lock of another.
        if (ours.delete(id) && read(path) === own) unlinkSync(path);
      },
    };
  }
}

const digest = (lock: string): string =>
  createHash('sha256').update(lock).digest('hex').slice(0, 32);

/** Makes a file with its contents in one step; false if it is there. */
function create(path: string, text: string, id: string): boolean {
  const draft = `${path}.${id}.draft`;
  writeFileSync(draft, text);
  try {
    linkSync(draft, path);
    return true;
  } catch (error) {
    // ENOENT: whoever has the lock cleared the draft away.
    if (['EEXIST', 'ENOENT'].includes(codeOf(error))) return false;
    if (!['EPERM', 'ENOTSUP', 'ENOSYS'].includes(codeOf(error))) throw error;
  } finally {
    rmSync(draft, { force: true });
  }
  // A file system that knows no links.
  try {
    writeFileSync(path, text, { flag: 'wx' });
    return true;
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false;
    throw error;
  }
}

/** What processes left that died while they took the lock, or are about to find that they were late. */
function removeFollowers(path: string): void {
  for (const name of readdirSync(dirname(path))) {
    if (name.startsWith(`${basename(path)}.`)) rmSync(join(dirname(path), name), { force: true });
  }
}

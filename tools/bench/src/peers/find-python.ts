import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

/** A Python of this machine. */
export interface Python {
  readonly program: string;
  /** For example `3.11`. */
  readonly version: string;
}

/** The oldest that the peers run on. */
const OLDEST = [3, 10] as const;

/** Whether the peers run on a version such as `3.11`. */
export function recentEnough(version: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  return major > OLDEST[0] || (major === OLDEST[0] && minor >= OLDEST[1]);
}

const ASK = 'import sys, venv, ensurepip; print("%d.%d" % sys.version_info[:2])';

/**
 * The first Python on the path that is recent enough and can make environments.
 *
 * @throws Error if there is none
 */
export async function findPython(): Promise<Python> {
  const seen: string[] = [];
  for (const program of ['python3', 'python']) {
    try {
      const { stdout } = await promisify(execFile)(program, ['-c', ASK]);
      const version = stdout.trim();
      if (recentEnough(version)) return { program, version };
      seen.push(`${program} is ${version}`);
    } catch {
      seen.push(`${program} is not there, or lacks venv`);
    }
  }
  throw new Error(
    `bench: found no Python for the peers (${seen.join('; ')}), expected ${OLDEST.join('.')} or newer with ` +
      'venv; install one, or name one that has the peers in CFRL_BENCH_PYTHON',
  );
}

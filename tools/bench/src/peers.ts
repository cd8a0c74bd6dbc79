import { execFile, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

import { cacheFolder } from '@cfrl/engine/node';

const requirements = fileURLToPath(new URL('../requirements.txt', import.meta.url));

/** The oldest Python that the peers run on. */
const OLDEST = [3, 10] as const;

/** Whether the peers run on a version such as `3.11`. */
export function recentEnough(version: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  return major > OLDEST[0] || (major === OLDEST[0] && minor >= OLDEST[1]);
}

/** The first Python on the path that is recent enough and can make environments. */
async function findPython(): Promise<{ program: string; version: string }> {
  const ask = 'import sys, venv, ensurepip; print("%d.%d" % sys.version_info[:2])';
  const seen: string[] = [];
  for (const program of ['python3', 'python']) {
    try {
      const { stdout } = await promisify(execFile)(program, ['-c', ask]);
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

/** The name of the environment's folder: another one for other requirements or another Python. */
export const environmentName = (requirementsText: string, pythonVersion: string): string =>
  `bench-${createHash('sha256').update(`${pythonVersion}\n${requirementsText}`).digest('hex').slice(0, 12)}`;

/** The interpreter inside of an environment. */
export const interpreterOf = (folder: string, platform: NodeJS.Platform): string =>
  platform === 'win32' ? join(folder, 'Scripts', 'python.exe') : join(folder, 'bin', 'python');

/**
 * Runs a program that shows its own progress; all that it prints goes to standard error.
 *
 * @throws Error with `advice` if it fails
 */
export async function runVisibly(
  doing: string,
  program: string,
  args: readonly string[],
  advice: string,
  options: { readonly cwd?: string; readonly env?: NodeJS.ProcessEnv } = {},
): Promise<void> {
  process.stderr.write(`bench: ${doing}\n`);
  const status = await new Promise((done, reject) => {
    const child = spawn(program, args, { ...options, stdio: ['ignore', 2, 2], windowsHide: true });
    child.on('error', reject);
    child.on('close', done);
  });
  if (status === 0) return;
  throw new Error(
    `bench: ${doing} ended with status ${status}, expected 0; see what it printed above. ${advice}`,
  );
}

/**
 * A Python with the peers, in an environment of its own in the user's cache folder; made when it is not there.
 *
 * @returns the interpreter
 * @throws Error if there is no Python, or the installation fails
 */
export async function peersPython(): Promise<string> {
  const given = process.env['CFRL_BENCH_PYTHON'];
  if (given !== undefined && given !== '') return given;
  const { program, version } = await findPython();
  const folder = join(cacheFolder(), environmentName(readFileSync(requirements, 'utf8'), version));
  const interpreter = interpreterOf(folder, process.platform);
  // Written last: an environment without it is not complete.
  const stamp = join(folder, 'complete.json');
  if (existsSync(stamp) && existsSync(interpreter)) return interpreter;
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  const advice = 'To use a Python that has the peers already, name it in CFRL_BENCH_PYTHON';
  await runVisibly(`making ${folder} (once)`, program, ['-m', 'venv', folder], advice);
  const install = ['-m', 'pip', '--disable-pip-version-check', 'install', '-r', requirements];
  await runVisibly('installing the peers, several GB', interpreter, install, advice);
  await writeFile(stamp, JSON.stringify({ python: version }));
  return interpreter;
}

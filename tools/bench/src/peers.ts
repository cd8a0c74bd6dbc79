import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

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
function findPython(): { program: string; version: string } {
  const ask = 'import sys, venv, ensurepip; print("%d.%d" % sys.version_info[:2])';
  const seen: string[] = [];
  for (const program of ['python3', 'python']) {
    const { status, stdout } = spawnSync(program, ['-c', ask], { encoding: 'utf8' });
    const version = status === 0 ? stdout.trim() : undefined;
    if (version !== undefined && recentEnough(version)) return { program, version };
    seen.push(version ? `${program} is ${version}` : `${program} is not there, or lacks venv`);
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

/** Runs a program that shows its own progress; all that it prints goes to standard error. */
export function runVisibly(
  doing: string,
  program: string,
  args: readonly string[],
  hint: string,
  env: NodeJS.ProcessEnv = {},
): void {
  process.stderr.write(`bench: ${doing}\n`);
  const options = { env: { ...process.env, ...env }, stdio: ['ignore', 2, 2], windowsHide: true };
  const { status } = spawnSync(program, args, options as object);
  if (status === 0) return;
  throw new Error(
    `bench: ${doing} ended with status ${status}, expected 0; see what it printed above. ${hint}`,
  );
}

/**
 * A Python with the peers, in an environment of its own in the user's cache folder; made when it is not there.
 *
 * @returns the interpreter
 * @throws Error if there is no Python, or the installation fails
 */
export function peersPython(): string {
  const given = process.env['CFRL_BENCH_PYTHON'];
  if (given !== undefined && given !== '') return given;
  const { program, version } = findPython();
  const folder = join(cacheFolder(), environmentName(readFileSync(requirements, 'utf8'), version));
  const interpreter = interpreterOf(folder, process.platform);
  // Written last: an environment without it is not complete.
  const stamp = join(folder, 'complete.json');
  if (existsSync(stamp) && existsSync(interpreter)) return interpreter;
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const hint = 'To use a Python that has the peers already, name it in CFRL_BENCH_PYTHON';
  const install = ['-m', 'pip', '--disable-pip-version-check', 'install', '-r', requirements];
  runVisibly(`making the environment ${folder} (once)`, program, ['-m', 'venv', folder], hint);
  runVisibly('installing the peers, several GB', interpreter, install, hint);
  writeFileSync(stamp, JSON.stringify({ python: version }));
  return interpreter;
}

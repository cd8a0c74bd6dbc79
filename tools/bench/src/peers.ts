import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { cacheFolder } from '@cfrl/engine/node';

const requirements = fileURLToPath(new URL('../requirements.txt', import.meta.url));

/** The oldest Python that the peers run on is 3.10. */
export const recentEnough = (version: string): boolean =>
  /^(3\.[1-9]\d|[4-9]\.|\d\d)/.test(version);

/** The first Python on the path that is recent enough and can make environments. */
function findPython(): { program: string; version: string } {
  const ask = 'import sys, venv, ensurepip; print("%d.%d" % sys.version_info[:2])';
  const found = ['python3', 'python'].map((program) => {
    const { status, stdout } = spawnSync(program, ['-c', ask], { encoding: 'utf8' });
    return { program, version: status === 0 ? stdout.trim() : '' };
  });
  const python = found.find(({ version }) => recentEnough(version));
  if (python !== undefined) return python;
  const seen = found.map(({ program, version }) =>
    version ? `${program} is ${version}` : `${program} is not there, or lacks venv`,
  );
  throw new Error(
    `bench: found no Python for the peers (${seen.join('; ')}), expected 3.10 or newer with ` +
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
  [program, ...args]: readonly [string, ...string[]],
  { hint = '', env = {} }: { hint?: string; env?: NodeJS.ProcessEnv } = {},
): void {
  process.stderr.write(`bench: ${doing}\n`);
  const { status } = spawnSync(program, args, {
    env: { ...process.env, ...env },
    stdio: ['ignore', 2, 2],
    windowsHide: true,
  });
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
  if (given) return given;
  const { program, version } = findPython();
  const folder = join(cacheFolder(), environmentName(readFileSync(requirements, 'utf8'), version));
  const interpreter = interpreterOf(folder, process.platform);
  // Written last: an environment without it is not complete.
  const stamp = join(folder, 'complete.json');
  if (existsSync(stamp)) return interpreter;
  rmSync(folder, { recursive: true, force: true });
  const hint = 'To use a Python that has the peers already, name it in CFRL_BENCH_PYTHON';
  const pip = [interpreter, '-m', 'pip', '--disable-pip-version-check'] as const;
  runVisibly(`making the environment ${folder} (once)`, [program, '-m', 'venv', folder], { hint });
  runVisibly('installing the peers, several GB', [...pip, 'install', '-r', requirements], { hint });
  writeFileSync(stamp, JSON.stringify({ python: version }));
  return interpreter;
}

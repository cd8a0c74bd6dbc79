import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

import envPaths from 'env-paths';

import { findPython } from './find-python.js';

const requirements = fileURLToPath(new URL('../../requirements.txt', import.meta.url));

/** Written last: an environment without it is not complete. */
const STAMP = 'complete.json';

/** Folder for what may be made again at any time; `CFRL_CACHE` overrides the system's place for it. */
export function cacheFolder(): string {
  const override = process.env['CFRL_CACHE'];
  return override === undefined || override === ''
    ? envPaths('cfrl', { suffix: '' }).cache
    : resolve(override);
}

/** The name of the environment's folder: another one for other requirements or another Python. */
export const environmentName = (requirementsText: string, pythonVersion: string): string =>
  `bench-${createHash('sha256').update(`${pythonVersion}\n${requirementsText}`).digest('hex').slice(0, 12)}`;

/** The interpreter inside of an environment. */
export const interpreterOf = (folder: string, platform: NodeJS.Platform): string =>
  platform === 'win32' ? join(folder, 'Scripts', 'python.exe') : join(folder, 'bin', 'python');

/** Runs a program that shows its own progress; all that it prints goes to standard error. */
function runVisibly(program: string, args: readonly string[]): Promise<number | null> {
  return new Promise((done, reject) => {
    const child = spawn(program, args, { stdio: ['ignore', 2, 2], windowsHide: true });
    child.on('error', reject);
    child.on('close', done);
  });
}

async function install(python: string, folder: string): Promise<void> {
  const interpreter = interpreterOf(folder, process.platform);
  const pip = ['-m', 'pip', '--disable-pip-version-check'];
  const steps: [string, string, string[]][] = [
    ['making the environment', python, ['-m', 'venv', folder]],
    ['installing the peers, several GB', interpreter, [...pip, 'install', '-r', requirements]],
  ];
  for (const [doing, program, args] of steps) {
    process.stderr.write(`bench: ${doing}\n`);
    const status = await runVisibly(program, args);
    if (status === 0) continue;
    throw new Error(
      `bench: ${doing} ended with status ${status}, expected 0; see what it printed above. To use a Python ` +
        'that has the peers already, name it in CFRL_BENCH_PYTHON',
    );
  }
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
  const python = await findPython();
  const text = readFileSync(requirements, 'utf8');
  const folder = join(cacheFolder(), environmentName(text, python.version));
  const interpreter = interpreterOf(folder, process.platform);
  if (existsSync(join(folder, STAMP)) && existsSync(interpreter)) return interpreter;
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  process.stderr.write(`bench: the peers go into ${folder} (once)\n`);
  await install(python.program, folder);
  await writeFile(join(folder, STAMP), JSON.stringify({ python: python.version }));
  return interpreter;
}

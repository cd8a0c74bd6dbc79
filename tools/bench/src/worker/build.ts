import { spawn } from 'node:child_process';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../../..', import.meta.url));

/**
 * Builds the packages and our worker, so that what is measured is what users install: a process that translates sources as
 * it goes takes memory of its own. What has not changed since is not built again.
 *
 * @returns Node's arguments that start the worker
 * @throws Error if the build fails; what it said has been printed
 */
export async function buildWorker(): Promise<readonly string[]> {
  process.stderr.write('bench: building the packages\n');
  const nx = createRequire(import.meta.url).resolve('nx/bin/nx.js');
  const args = [nx, 'run', '@cfrl/bench:build', '--outputStyle=static'];
  const env = { ...process.env, NX_DAEMON: 'false', NX_TUI: 'false', NODE_OPTIONS: '' };
  const status = await new Promise((done, reject) => {
    // All that it prints goes to standard error.
    const child = spawn(process.execPath, args, { cwd: root, env, stdio: ['ignore', 2, 2] });
    child.on('error', reject);
    child.on('close', done);
  });
  if (status !== 0)
    throw new Error('bench: the build failed, expected the packages to build; see above');
  return [fileURLToPath(new URL('../../dist/worker.js', import.meta.url))];
}

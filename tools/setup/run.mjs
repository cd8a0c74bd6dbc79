#!/usr/bin/env node
// `node tools/setup/run.mjs <test | cfrl ARGS | setup>`: installs the dependencies if they are missing or stale,
// makes native TensorFlow ready, and then runs what was asked for. Needs nothing but Node.js and a package registry.
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));
const { devDependencies, engines } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
const [task = 'setup', ...args] = process.argv.slice(2);

const bin = join(root, 'node_modules', '.bin');
const env = {
  ...process.env,
  PATH: `${bin}${delimiter}${process.env.PATH ?? ''}`,
  NX_DAEMON: process.env.NX_DAEMON ?? 'false',
  NX_TUI: 'false',
};

/** Runs a program in the repository's root; ends this one with its exit code if that is not 0. */
function run(program, programArgs, cwd = root) {
  const { status, error, signal } = spawnSync(program, programArgs, { cwd, env, stdio: 'inherit' });
  if (error) fail(`could not start ${program}: ${error.message}`);
  if (signal) process.kill(process.pid, signal);
  if (status !== 0) process.exit(status ?? 1);
}

function fail(message) {
  console.error(`setup: ${message}`);
  process.exit(1);
}

function checkNode() {
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major < 20 || (major === 20 && minor < 19)) {
    fail(`this is Node.js ${process.versions.node}, expected ${engines.node}; install a newer one`);
  }
}

const read = (path) => (existsSync(path) ? readFileSync(path, 'utf8') : '');

/** pnpm keeps a copy of the lockfile that it installed; the same text means that nothing has changed. */
const installed = () =>
  existsSync(join(bin, 'nx')) &&
  read(join(root, 'pnpm-lock.yaml')) === read(join(root, 'node_modules', '.pnpm', 'lock.yaml'));

function installDependencies() {
  if (installed()) return;
  console.error('setup: installing dependencies with pnpm (once)');
  const pnpm = `pnpm@${devDependencies.pnpm}`;
  const pnpmArgs = ['install', '--frozen-lockfile', '--reporter=append-only'];
  const npm = process.env.npm_execpath;
  if (npm?.endsWith('.js')) run(process.execPath, [npm, 'exec', '--yes', '--', pnpm, ...pnpmArgs]);
  else run('npx', ['--yes', pnpm, ...pnpmArgs]);
}

/** Node with TypeScript and the sources of all packages: nothing has to be built. */
const source = (file) => [
  '--import',
  new URL('../../node_modules/tsx/dist/esm/index.mjs', import.meta.url).href,
  '--conditions=@cfrl/source',
  join(root, file),
];

checkNode();
installDependencies();
if (task === 'cfrl') {
  run(process.execPath, [...source('packages/recipes/src/cli.ts'), ...args], process.cwd());
} else if (task === 'test' || task === 'setup') {
  run(process.execPath, source('tools/native/install.ts'));
  if (task === 'test') run('nx', ['run-many', '-t', 'test', '--outputStyle=static', ...args]);
} else {
  fail(`task is '${task}', expected one of test, cfrl, setup`);
}

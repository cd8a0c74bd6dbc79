#!/usr/bin/env node
// `node tools/setup/run.mjs <test | cfrl ARGS | setup>`: installs the dependencies if they are missing or stale,
// makes native TensorFlow ready, and then runs what was asked for. Needs nothing but Node.js and a package registry.
import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { constants } from 'node:os';
import { delimiter, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));
const { devDependencies, engines } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
const parent = process.ppid;
const [task = 'setup', ...args] = process.argv.slice(2);

const bin = join(root, 'node_modules', '.bin');
const env = {
  ...process.env,
  PATH: `${bin}${delimiter}${process.env.PATH ?? ''}`,
  NX_DAEMON: process.env.NX_DAEMON ?? 'false',
  NX_TUI: 'false',
};

/**
 * Runs a program in the repository's root; ends this one with its exit code if that is not 0. Signals are passed on to it, and it
 * is waited for: it may have something to save.
 */
async function run(program, programArgs, { cwd = root, more = {} } = {}) {
  const child = spawn(program, programArgs, { cwd, env: { ...env, ...more }, stdio: 'inherit' });
  const pass = (signal) => child.kill(signal);
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(name, pass);
  // npm's shell dies of a signal without passing it on.
  const watch = setInterval(() => {
    if (process.env.npm_lifecycle_event === undefined || process.ppid === parent) return;
    clearInterval(watch);
    pass('SIGTERM');
  }, 200);
  const [status, signal] = await new Promise((resolve) => {
    child.on('error', (error) => fail(`could not start ${program}: ${error.message}`));
    child.on('close', (...end) => resolve(end));
  });
  clearInterval(watch);
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.off(name, pass);
  if (signal) process.exit(128 + constants.signals[signal]);
  return status;
}

/** Runs a program that must succeed. */
async function must(...args) {
  const status = await run(...args);
  if (status !== 0) process.exit(status);
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

async function installDependencies() {
  if (installed()) return;
  console.error('setup: installing dependencies with pnpm (once)');
  const pnpm = `pnpm@${devDependencies.pnpm}`;
  const pnpmArgs = ['install', '--frozen-lockfile', '--reporter=append-only'];
  const npm = process.env.npm_execpath;
  if (npm?.endsWith('.js'))
    await must(process.execPath, [npm, 'exec', '--yes', '--', pnpm, ...pnpmArgs]);
  else await must('npx', ['--yes', pnpm, ...pnpmArgs]);
}

/** Node with TypeScript and the sources of all packages: nothing has to be built. */
const source = (file) => [
  '--import',
  new URL('../../node_modules/tsx/dist/esm/index.mjs', import.meta.url).href,
  '--conditions=@cfrl/source',
  join(root, file),
];

/** The command that was given, for messages that say how to go on. */
function command() {
  const script = process.env.npm_lifecycle_event;
  const quote = (word) =>
    /^[\w./:=@%+,-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
  const words = (list) => list.map(quote).join(' ');
  if (script === 'demo')
    return words(['npm', 'run', 'demo', ...(args[1] ? ['--'] : []), ...args.slice(1)]);
  if (script === 'cfrl') return words(['npm', 'run', 'cfrl', '--', ...args]);
  return words(['node', relative(process.cwd(), fileURLToPath(import.meta.url)), 'cfrl', ...args]);
}

/** `npm run demo --quick` gives the option to npm, which keeps it. */
function checkArguments() {
  const script = process.env.npm_lifecycle_event;
  if (script !== 'demo' && script !== 'cfrl') return;
  const taken = ['quick', 'seeds', 'out'].find((name) => process.env[`npm_config_${name}`]);
  if (taken !== undefined)
    fail(`npm took --${taken} for itself; give options after --: npm run ${script} -- --${taken}`);
}

checkNode();
checkArguments();
await installDependencies();
if (task === 'cfrl') {
  const cli = [...source('packages/recipes/src/cli.ts'), ...args];
  process.exitCode = await run(process.execPath, cli, {
    cwd: process.cwd(),
    more: { CFRL_COMMAND: command() },
  });
} else if (task === 'test' || task === 'setup') {
  await must(process.execPath, source('tools/native/install.ts'));
  if (task === 'test') {
    process.exitCode = await run('nx', ['run-many', '-t', 'test', '--outputStyle=static', ...args]);
    // The last line says what was not tested, too.
    await run(process.execPath, [join(root, 'tools/packages/count-tests.mjs'), '--words']);
  }
} else {
  fail(`task is '${task}', expected one of test, cfrl, setup`);
}

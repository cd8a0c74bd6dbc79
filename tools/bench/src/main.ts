/** Measures the library beside its peers: `npm run bench -- --help`. */
import { mkdtemp, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { cacheFolder } from '@cfrl/engine/node';

import { parseArguments, usage } from './arguments.js';
import { describeCommit, describeMachine, readLoad, refusal } from './machine.js';
import { measure } from './measure.js';
import { inRepository, writeRepositoryFile } from './page.js';
import { peersPython, runVisibly } from './peers.js';
import type { Results } from './results.js';
import { resultsJson, resultsPage, summary } from './results-page.js';
import { selectRows, titleOf } from './rows.js';
import { full, quick } from './take-turns.js';
import { starter } from './workers.js';

/**
 * Builds the packages and our worker, so that what is measured is what users install: a process that translates sources as
 * it goes takes memory of its own. What has not changed since is not built again.
 *
 * @returns Node's arguments that start the worker
 */
function buildWorker(): readonly string[] {
  const nx = createRequire(import.meta.url).resolve('nx/bin/nx.js');
  const build = [process.execPath, nx, 'run', '@cfrl/bench:build', '--outputStyle=static'] as const;
  const env = { NX_DAEMON: 'false', NX_TUI: 'false', NODE_OPTIONS: '' };
  runVisibly('building the packages', build, { env });
  return [inRepository('tools/bench/dist/worker.js')];
}

const messageOf = (error: unknown): string =>
  error instanceof Error ? error.message : String(error);

async function bench(args: ReturnType<typeof parseArguments>): Promise<Results> {
  const rows = selectRows(args.only);
  const plan = args.quick ? quick : full;
  const peers = rows.some(({ theirs }) => theirs.some(({ worker }) => worker === 'python'));
  const python = peers ? peersPython() : undefined;
  const load = await readLoad();
  const busy = refusal(load);
  if (busy !== undefined && !args.force) throw new Error(busy);

  const startWorker = starter(buildWorker(), python, join(cacheFolder(), 'bench-caches'));
  const results: Results = {
    date: new Date().toISOString(),
    command: args.command,
    commit: describeCommit(),
    machine: describeMachine(),
    load,
    versions: {},
    threads: {},
    settings: { quick: args.quick, forced: args.force, rounds: plan.rounds },
    rows: [],
    failed: [],
  };
  // A row that fails does not keep the others from being measured.
  for (const [i, row] of rows.entries()) {
    const folder = await mkdtemp(join(tmpdir(), 'cfrl-bench-'));
    const at = `${i + 1} of ${rows.length} | ${titleOf(row)}`;
    const progress = (doing: string): void => void process.stderr.write(`${at}: ${doing}\n`);
    try {
      const given = { plan, startWorker, folder, progress, said: results };
      results.rows.push(await measure(row, given));
    } catch (error) {
      const { name, model, against } = row;
      const reason = messageOf(error);
      progress(`failed: ${reason}`);
      results.failed.push({ name, model, against, reason });
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  }
  return results;
}

try {
  const args = parseArguments(process.argv.slice(2));
  if (args.help) process.stdout.write(usage);
  else {
    const results = await bench(args);
    const { json, page } = args;
    await writeRepositoryFile(json, await resultsJson(results));
    await writeRepositoryFile(page, await resultsPage(results));
    process.stdout.write(`\n${await summary(results)}\nWritten: ${json}, ${page}\n`);
    if (results.failed.length > 0) process.exitCode = 1;
  }
} catch (error) {
  process.stderr.write(`${messageOf(error)}\n`);
  process.exitCode = 1;
}

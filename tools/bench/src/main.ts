import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

import { CommanderError } from 'commander';

import { type Arguments, commandLine, parseArguments } from './arguments.js';
import { refusal } from './machine/busy.js';
import { describeCommit, describeMachine } from './machine/describe.js';
import { readLoad } from './machine/read-load.js';
import { full, quick } from './measure/plan.js';
import { cacheFolder, peersPython } from './peers/environment.js';
import { progressView } from './progress.js';
import type { Results } from './results/schema.js';
import { renderTerminal } from './results/terminal.js';
import { placesFor, writeResults } from './results/write.js';
import { type Row, rows as allRows, selectRows } from './rows.js';
import { runRows } from './run.js';
import { buildWorker } from './worker/build.js';
import { isOurs, workers } from './worker/workers.js';

const root = fileURLToPath(new URL('../../..', import.meta.url));

const needsPeers = ({ theirs }: Row): boolean => theirs.some(({ worker }) => !isOurs(worker));

async function bench(args: Arguments): Promise<Results> {
  const rows = selectRows(allRows, args.only);
  const plan = args.quick ? quick : full;
  const python = rows.some(needsPeers) ? await peersPython() : undefined;
  const load = await readLoad();
  const reason = refusal(load);
  if (reason !== undefined && !args.force) throw new Error(reason);

  const ours = await buildWorker();
  const commit = describeCommit();
  const date = new Date().toISOString();
  const all = workers(ours, python, join(cacheFolder(), 'bench-caches'));
  const view = progressView(process.stderr, () => performance.now());
  try {
    const measured = await runRows(rows, plan, all, view);
    return {
      ...{ date, command: commandLine(args), commit, machine: describeMachine(), load },
      versions: all.versions,
      threads: all.threads,
      settings: { quick: args.quick, forced: args.force, rounds: plan.rounds },
      ...measured,
    };
  } finally {
    view.stop();
    await all.close();
  }
}

async function main(): Promise<void> {
  const args = parseArguments(process.argv.slice(2));
  const results = await bench(args);
  const places = placesFor(root, !args.quick && args.only.length === 0);
  await writeResults(results, places);
  process.stdout.write(
    args.json ? `${JSON.stringify(results)}\n` : `\n${renderTerminal(results)}\n`,
  );
  const paths = Object.values(places).map((file: string) => relative(process.cwd(), file));
  process.stderr.write(`\nWritten: ${paths.join(', ')}\n`);
  if (results.failed.length > 0) process.exitCode = 1;
}

try {
  await main();
} catch (error) {
  // Commander has said what it had to say.
  if (error instanceof CommanderError) process.exitCode = error.exitCode;
  else {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = 1;
  }
}

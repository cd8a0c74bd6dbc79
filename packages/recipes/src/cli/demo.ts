import { relative } from 'node:path';
import { pathToFileURL } from 'node:url';

import { useBackend } from '@cfrl/engine';

import { demo, quickDemo } from '../experiment/config.js';
import { runExperiment } from '../experiment/experiment.js';
import { count } from '../report/format.js';
import { summarize } from '../report/summarize.js';
import { checkRunFolder } from '../run/run-folder.js';
import { environmentOf } from './environment.js';
import { thisInvocation } from './invocation.js';
import { formatSeconds, progressView } from './progress.js';
import { reportOn } from './report.js';
import { Interrupted, endOnSignals, interruptible, unlessAborted } from './signals.js';
import { terminalSummary } from './summary.js';

/** Options of `cfrl demo`. */
export interface DemoOptions {
  readonly quick?: boolean;
  readonly seeds?: number;
  readonly out?: string;
  readonly json?: boolean;
}

/** `cfrl demo`: trains, writes the report, prints the table. */
export async function runDemo(options: DemoOptions): Promise<void> {
  const { quick = false, seeds, out, json = false } = options;
  const preset = quick ? quickDemo : demo;
  const config = {
    ...preset,
    seeds: seeds === undefined ? preset.seeds : Array.from({ length: seeds }, (_, i) => i),
  };
  const root = out ?? (quick ? 'runs/demo-quick' : 'runs/demo');
  const command = thisInvocation();

  // Before anything that takes long.
  checkRunFolder(root);
  endOnSignals();
  // Operations on a model this small are over before a second thread has begun: one is a third faster.
  process.env['CFRL_THREADS'] ??= '1';
  const info = await useBackend();
  process.stderr.write(
    `cfrl demo: addition, ${count(config.seeds.length, 'seed')}, on ${info.name} ${info.version}, into ${root}\n`,
  );
  const start = performance.now();
  const view = progressView(process.stderr);
  let done = 0;
  let report: Awaited<ReturnType<typeof reportOn>>;
  try {
    report = await interruptible(async (signal) => {
      for await (const progress of runExperiment(root, config, environmentOf(info), { signal })) {
        view.update(progress);
        done = progress.total;
      }
      view.stop();
      return unlessAborted(signal, () => reportOn(root));
    });
  } catch (error) {
    if (!(error instanceof Interrupted)) throw error;
    view.stop();
    process.stderr.write(
      `cfrl demo: ${error.message} at ${Math.floor(100 * done)} %, all is saved; to go on: ${command}\n`,
    );
    process.exit(error.exitCode);
  } finally {
    view.stop();
  }
  const { input, paths } = report;
  if (json) {
    process.stdout.write(`${JSON.stringify({ root, ...paths, summary: summarize(input) })}\n`);
    return;
  }
  const seconds = (performance.now() - start) / 1000;
  process.stdout.write(
    `\n${terminalSummary(input, process.stdout.columns)}\n\n` +
      `Report: ${relative(process.cwd(), paths.html)}  (open ${pathToFileURL(paths.html).href})\n` +
      `Took ${formatSeconds(seconds)}.\n`,
  );
}

#!/usr/bin/env node
import { describeBackend, useBackend } from '@cfrl/engine';
import { Command, InvalidArgumentError, Option } from 'commander';

import { type DemoOptions, runDemo } from './cli/demo.js';
import { type MetricsOptions, runMetrics, tokenizers } from './cli/metrics.js';
import { rebuildReport } from './cli/report.js';
import { endOnSignals } from './cli/signals.js';

const upTo =
  (most: number) =>
  (text: string): number => {
    if (!/^\d+$/.test(text) || Number(text) < 1 || Number(text) > most) {
      throw new InvalidArgumentError(`expected an integer from 1 to ${most}.`);
    }
    return Number(text);
  };

// The reader of the output has gone (as with `| head`): end without a message.
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
    process.exit(128 + 13);
  });
}

const program = new Command('cfrl')
  .description('Classifier-first RL for language models: train, measure, explain.')
  .showHelpAfterError('(cfrl --help lists the commands)');

program
  .command('demo')
  .description('CF-RL beside standard RL on addition, ending with a report (under 4 minutes)')
  .option('--quick', 'a smaller model and task, under 40 seconds')
  .option('--seeds <n>', 'number of seeds', upTo(1000))
  .option('--out <folder>', 'where to put the run (default: runs/demo or runs/demo-quick)')
  .option('--json', 'print the summary as JSON')
  .action((options: DemoOptions) => runDemo(options));

program
  .command('backend')
  .description('which backend is used, and why not a better one')
  .option('--json', 'print it as JSON')
  .option('--no-install', 'do not install native TensorFlow if it is missing')
  .action(async ({ json = false, install }: { json?: boolean; install: boolean }) => {
    endOnSignals();
    const info = await useBackend(undefined, { install, retry: true, quiet: true });
    process.stdout.write(json ? `${JSON.stringify(info)}\n` : `${describeBackend(info)}\n`);
  });

program
  .command('report')
  .description('write report.html and report.md of an experiment anew from its records')
  .argument('<folder>', 'the folder of an experiment')
  .option('--json', 'print the summary as JSON')
  .action((folder: string, options: { json?: boolean }) => rebuildReport(folder, options));

program
  .command('metrics')
  .description('diversity, entropy and success of completions, one JSON object a line')
  .argument('[file]', 'a .jsonl file, or - for standard input', '-')
  .option('--field <name>', 'the completion: a string or a list of tokens', 'completion')
  .option('--group <name>', 'compare completions whose field of this name is equal (sorted by it)')
  .addOption(
    new Option('--whole', 'compare all completions with each other, in memory').conflicts('group'),
  )
  .option('--log-probs <name>', 'log-probabilities of the tokens, for entropies')
  .option('--correct <name>', 'whether the completion is right, for accuracy and pass@k')
  .option('--max-n <n>', 'longest n-gram of self-BLEU', upTo(100), 4)
  .addOption(
    new Option('--tokenizer <name>', 'how strings become tokens')
      .choices(Object.keys(tokenizers))
      .default('whitespace'),
  )
  .option('--json', 'print it as JSON')
  .action((file: string, options: MetricsOptions) => runMetrics(file, options));

try {
  await program.parseAsync();
} catch (error) {
  // One line for what a user can mend; the whole trace on request.
  const text =
    process.env['CFRL_LOG'] === 'debug' ? (error as Error).stack : (error as Error).message;
  process.stderr.write(`cfrl: ${text}\n`);
  process.exitCode = 1;
}

#!/usr/bin/env node
import { describeBackend, useBackend } from '@cfrl/engine';
import { Command, InvalidArgumentError, Option } from 'commander';

import { type DemoOptions, runDemo } from './cli/demo.js';
import { type ExplainCommandOptions, functionals, runExplain } from './cli/explain.js';
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

const seed = (text: string): number => {
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(Number(text))) {
    throw new InvalidArgumentError('expected an integer from 0 to 2^53 - 1.');
  }
  return Number(text);
};

const within =
  (low: number, high: number) =>
  (text: string): number => {
    const value = Number(text);
    if (text.trim() === '' || !(value >= low && value <= high)) {
      throw new InvalidArgumentError(`expected a number from ${low} to ${high}.`);
    }
    return value;
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
  .command('explain')
  .description('why the second of two checkpoints says something else than the first')
  .argument('<before>', 'a folder, a GGUF file or an id of the hub')
  .argument('<after>', 'the same model later, or a folder with an adapter for it')
  .requiredOption(
    '--prompts <file>',
    'a JSON object a line with prompt or messages (and completion), or a text a line',
  )
  .option('--base <model>', 'the model that the adapters are for')
  .addOption(
    new Option('--functional <name>', 'what is explained')
      .choices(Object.keys(functionals))
      .default('entropy'),
  )
  .addOption(
    new Option(
      '--from <model>',
      'which model completions are sampled from, where the file has none',
    )
      .choices(['before', 'after'])
      .default('before'),
  )
  .option('--limit <n>', 'prompts to take of the file', upTo(1e6), 64)
  .option('--samples <n>', 'completions to sample of each prompt', upTo(1000), 1)
  .option('--max-new-tokens <n>', 'longest completion to sample', upTo(1e5), 32)
  .option('--temperature <t>', 'temperature of sampling', within(0, 100), 1)
  .option('--seed <n>', 'seed of sampling', seed, 0)
  .option(
    '--tolerance <share>',
    'largest residual, as a share of the change',
    within(1e-6, 1),
    0.01,
  )
  .option('--json', 'print everything as JSON')
  .action((before: string, after: string, options: ExplainCommandOptions) =>
    runExplain(before, after, options),
  );

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

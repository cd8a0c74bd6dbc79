#!/usr/bin/env node
import { describeBackend, useBackend } from '@cfrl/engine';
import { Command, InvalidArgumentError } from 'commander';

import { type DemoOptions, runDemo } from './cli/demo.js';
import { rebuildReport } from './cli/report.js';

const positive = (text: string): number => {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 1) {
    throw new InvalidArgumentError('expected a positive integer.');
  }
  return value;
};

const program = new Command('cfrl')
  .description('Classifier-first RL for language models: train, measure, explain.')
  .showHelpAfterError('(cfrl --help lists the commands)');

program
  .command('demo')
  .description('CF-RL beside standard RL on addition, ending with a report (under 4 minutes)')
  .option('--quick', 'a smaller model and task, under 40 seconds')
  .option('--seeds <n>', 'number of seeds', positive)
  .option('--out <folder>', 'where to put the run (default: runs/demo or runs/demo-quick)')
  .option('--json', 'print the summary as JSON')
  .action((options: DemoOptions) => runDemo(options));

program
  .command('backend')
  .description('which backend is used, and why not a better one')
  .option('--json', 'print it as JSON')
  .option('--no-install', 'do not install native TensorFlow if it is missing')
  .action(async ({ json = false, install }: { json?: boolean; install: boolean }) => {
    const info = await useBackend(undefined, { install });
    process.stdout.write(json ? `${JSON.stringify(info)}\n` : `${describeBackend(info)}\n`);
  });

program
  .command('report')
  .description('write report.html and report.md of an experiment anew from its records')
  .argument('<folder>', 'the folder of an experiment')
  .option('--json', 'print the summary as JSON')
  .action((folder: string, options: { json?: boolean }) => rebuildReport(folder, options));

try {
  await program.parseAsync();
} catch (error) {
  // One line for what a user can mend; the whole trace on request.
  const text =
    process.env['CFRL_LOG'] === 'debug' ? (error as Error).stack : (error as Error).message;
  process.stderr.write(`cfrl: ${text}\n`);
  process.exitCode = 1;
}

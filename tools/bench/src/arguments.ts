import { Command } from 'commander';

/** What the command line asks for. */
export interface Arguments {
  /** Rows; none for all. */
  readonly only: readonly string[];
  readonly quick: boolean;
  readonly json: boolean;
  readonly force: boolean;
}

/**
 * Reads the command line.
 *
 * @param args - without program and script
 * @throws CommanderError for an unknown option, or when help was asked for
 */
export function parseArguments(args: readonly string[]): Arguments {
  const command = new Command('npm run bench --')
    .description('Measures cfrl beside PyTorch, transformers and TRL on this machine.')
    .option(
      '--only <rows...>',
      'measure these alone: a row (decoding) or a row and a model (decoding/S)',
    )
    .option('--quick', 'few rounds: to see that it works', false)
    .option('--json', 'print the results as JSON, not as a table', false)
    .option('--force', 'measure although the machine is busy', false)
    .addHelpText(
      'after',
      '\nA whole run writes bench/results.json and docs/benchmarks.md; one with --only or --quick writes to runs/bench.',
    )
    .allowExcessArguments(false)
    .exitOverride();
  const { only = [], ...flags } = command
    .parse(args, { from: 'user' })
    .opts<Partial<Arguments> & Omit<Arguments, 'only'>>();
  return { only, ...flags };
}

/** The command that gives the same run. */
export function commandLine({ only, quick, force }: Arguments): string {
  const flags = [
    ...(only.length > 0 ? ['--only', ...only] : []),
    ...(quick ? ['--quick'] : []),
    ...(force ? ['--force'] : []),
  ];
  return ['npm run bench', ...(flags.length > 0 ? ['--', ...flags] : [])].join(' ');
}

import { parseArgs } from 'node:util';

/** What `--help` prints. */
export const usage = `Usage: npm run bench -- [options]

Measures cfrl beside PyTorch, transformers and TRL on this machine.

  --only <rows...>  measure these alone: a row (decoding) or a row and a model (decoding/S)
  --quick           few rounds: to see that it works
  --force           measure although the machine is busy

A whole run writes bench/results.json and docs/benchmarks.md; one with --only or --quick writes to runs/bench.
`;

const flag = { type: 'boolean', default: false } as const;
const names = { type: 'string', multiple: true, default: [] as string[] } as const;

/**
 * Reads the command line.
 *
 * @param args - without program and script
 * @returns flags, the rows that are named, the command that gives the same run, and where its results are written
 * @throws TypeError for an unknown option
 */
export function parseArguments(args: readonly string[]) {
  const options = { only: names, quick: flag, force: flag, help: flag };
  const { values, positionals } = parseArgs({ args: [...args], options, allowPositionals: true });
  const only = [...values.only, ...positionals];
  const published = only.length === 0 && !values.quick;
  return {
    ...values,
    only,
    command: ['npm run bench', ...(args.length > 0 ? ['--', ...args] : [])].join(' '),
    json: published ? 'bench/results.json' : 'runs/bench/results.json',
    page: published ? 'docs/benchmarks.md' : 'runs/bench/benchmarks.md',
  };
}

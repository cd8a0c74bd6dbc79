import { cells, columns, numeric, remarks, threeDigits } from './cells.js';
import type { ResultRow, Results } from './schema.js';

const cell = (text: string): string => text.replaceAll('|', '\\|').replaceAll('\n', ' ');

function table(header: readonly string[], lines: readonly (readonly string[])[]): string {
  const rule = header.map((name) => (numeric.has(name) ? '--:' : '---'));
  return [header, rule, ...lines].map((line) => `| ${line.map(cell).join(' | ')} |`).join('\n');
}

const percent = (share: number): string => `${Math.round(share * 100)} %`;

const list = (record: Readonly<Record<string, string | number>>): string =>
  Object.entries(record)
    .map(([name, value]) => `${name} ${value}`)
    .join(', ');

function circumstances({
  threads,
  date,
  commit,
  machine,
  load,
  settings,
  versions,
  command,
}: Results): string {
  const busy =
    load.busy === undefined
      ? `a load average of ${load.average.toFixed(2)}`
      : `processors ${percent(load.busy)} busy`;
  const warning =
    `The run began at ${busy}${settings.forced ? ', and was forced' : ''}.` +
    (settings.quick ? ' It was a quick run: its spread is wide.' : '');
  return [
    `- Measured on ${date.slice(0, 10)} by \`${command}\`, commit \`${commit.id}\`${commit.modified ? ' with changes' : ''}.`,
    `- Machine: ${machine.processor}, ${machine.cores} processors, ${machine.memoryGiB} GiB, ${machine.system}.`,
    `- ${warning}`,
    `- Versions: ${list(versions)}.`,
    `- Threads: ${list(threads)}. All sides compute in float32, from the same weights, on the same data; ${settings.rounds} rounds.`,
  ].join('\n');
}

const equality = ({ name, model, against, differences }: ResultRow): string[][] =>
  differences.map(({ quantity, difference, tolerance }) => [
    ...[name, model, against, quantity],
    ...[difference.toExponential(1), tolerance.toExponential(0)],
  ]);

const starts = (rows: readonly ResultRow[]): string[][] =>
  rows
    .filter(({ unit }) => unit !== 'MiB')
    .flatMap(({ name, model, ours, theirs, others }) =>
      [ours, theirs, ...others.filter((other) => 'median' in other)].map(({ label, firstMs }) => [
        ...[name, model, label, threeDigits(firstMs)],
      ]),
    );

/**
 * `docs/benchmarks.md`: the table, what was compared, and where.
 *
 * @param results - of one run
 * @returns Markdown; every number in it is one of the results
 */
export function renderMarkdown(results: Results): string {
  const met = results.rows.filter((row) => row.met).length;
  const below = remarks(results);
  return `# Benchmarks

<!-- Written by \`npm run bench\` from bench/results.json; do not edit. -->

Ours beside PyTorch, transformers and TRL on one machine. A ratio is the median of ours over the median of theirs: below 1 is
faster or smaller than they are. ${met} of ${results.rows.length} measured rows meet their goal; the others are shown like them.

${table(columns, cells(results))}

\`others\` is the share of the machine that other processes used during a row.

${below.map((line) => `- ${cell(line)}`).join('\n')}

## How it was measured

${circumstances(results)}

Both sides take turns on the same machine, one of them at a time, and who begins changes from round to round. The spread is that of the ratios
of single rounds. The first iteration and a warm-up are not among the samples. \`npm run bench\` installs the peers in an environment of
its own and does it all again; [tools/bench](../tools/bench/README.md) says what exactly each row does.

## The same work

Before anything is timed both sides compute the same from the same weights. The largest differences:

${table(['row', 'model', 'against', 'quantity', 'difference', 'tolerance'], results.rows.flatMap(equality))}

## The first iteration

Milliseconds, compilation included:

${table(['row', 'model', 'side', 'first ms'], starts(results.rows))}
`;
}

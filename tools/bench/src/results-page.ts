import { LIMIT } from './machine.js';
import { fillPage, formatAs, table } from './page.js';
import { type ResultRow, type Results, resultsSchema } from './results.js';

/** Three digits that mean something: `1234`, `56.7`, `0.0123`. */
const threeDigits = (number: number): string =>
  number >= 100 ? String(Math.round(number)) : String(Number(number.toPrecision(3)));

/** Two decimals, or two digits that mean something: `0.81`, `0.00012`. */
const ratio = (number: number): string =>
  number >= 0.1 ? number.toFixed(2) : String(Number(number.toPrecision(2)));

const percent = (share: number): string => `${Math.round(share * 100)} %`;

/** Who the row was measured against: the fastest of several is named. */
const rival = ({ against, theirs }: ResultRow): string =>
  theirs.label === against || theirs.label === 'cfrl' ? against : `${against} (${theirs.label})`;

/** The table; rows without numbers come last and say so. */
function rowsTable({ rows, failed }: Results): string {
  const spread = 'min - median - max of rounds';
  const sides = ['row', 'model', 'against', 'unit', '>ours', '>theirs', '>ratio'];
  const measured = rows.map((row) => [
    row.name,
    row.model,
    rival(row),
    row.unit,
    threeDigits(row.ours.median),
    threeDigits(row.theirs.median),
    ratio(row.ratio),
    [row.rounds.min, row.rounds.median, row.rounds.max].map(ratio).join(' - '),
    String(row.goal),
    row.met ? 'yes' : 'no',
    row.disturbance === undefined ? '' : percent(row.disturbance),
  ]);
  const empty = ['', '', '', '', '', ''];
  const missing = failed.map((row) => [row.name, row.model, row.against, ...empty, 'failed', '']);
  return table([...sides, spread, '>goal', 'met', '>others'], [...measured, ...missing]);
}

/** A warning if the machine was busy, one sentence for each rival that was slower or could not be measured, and for each row without numbers. */
function remarks({ rows, failed }: Results): string {
  const others = rows.flatMap(({ name, model, unit, against, theirs, others }) =>
    others.map((other) =>
      'reason' in other
        ? `${name} ${model}: ${against} (${other.label}) could not be measured: ${other.reason}`
        : `${name} ${model}: ${against} (${other.label}) took ${threeDigits(other.median)} ${unit}, ` +
          `${theirs.label} ${threeDigits(theirs.median)}; the faster one counts`,
    ),
  );
  const reasons = failed.map(
    ({ name, model, against, reason }) => `${name} ${model} against ${against} failed: ${reason}`,
  );
  const busy = rows.filter(({ disturbance = 0 }) => disturbance > LIMIT).length;
  const warning =
    `${busy} of ${rows.length} rows were measured while other processes used more than ${LIMIT * 100} % of the machine; ` +
    'that does not slow both sides alike (threads that wait for one another suffer most), so their ratios say little';
  return [...(busy > 0 ? [warning] : []), ...others, ...reasons]
    .map((each) => `- ${each.replaceAll('|', '\\|').replaceAll('\n', ' ')}`)
    .join('\n');
}

function circumstances(results: Results): string {
  const { threads, date, commit, machine, settings, versions, command } = results;
  const list = (record: Readonly<Record<string, string | number>>): string =>
    Object.entries(record)
      .map((entry) => entry.join(' '))
      .join(', ');
  return `- Measured on ${date.slice(0, 10)} by \`${command}\`, commit \`${commit.id}\`${commit.modified ? ' with changes' : ''}.
- Machine: ${machine.processor}, ${machine.cores} processors, ${machine.memoryGiB} GiB, ${machine.system}.
- The run began at processors ${percent(results.load.busy)} busy${settings.forced ? ', and was forced' : ''}.${settings.quick ? ' It was a quick run: its spread is wide.' : ''}
- Versions: ${list(versions)}.
- Threads: ${list(threads)}. All sides compute in float32, from the same weights, on the same data; ${settings.rounds} rounds.`;
}

const equality = ({ name, model, against, differences }: ResultRow): string[][] =>
  differences.map(({ quantity, difference, tolerance }) => {
    const numbers = [difference.toExponential(1), tolerance.toExponential(0)];
    return [name, model, against, quantity, ...numbers];
  });

const starts = ({ name, model, unit, ours, theirs, others }: ResultRow): string[][] =>
  [ours, theirs, ...others].flatMap((side) =>
    unit === 'MiB' || 'reason' in side
      ? []
      : [[name, model, side.label, threeDigits(side.firstMs)]],
  );

/** The table of a run, and remarks on it. */
export const summary = (results: Results): Promise<string> =>
  formatAs('results.md', `${rowsTable(results)}\n\n${remarks(results)}\n`);

/** The results as the text of `results.json`. */
export const resultsJson = (results: Results): Promise<string> =>
  formatAs('results.json', JSON.stringify(resultsSchema.parse(results)));

/** The results as the text of `docs/benchmarks.md`: every number in it is one of the results. */
export function resultsPage(results: Results): Promise<string> {
  const met = results.rows.filter((row) => row.met).length;
  const sameWork = ['row', 'model', 'against', 'quantity', 'difference', 'tolerance'];
  return fillPage('docs/benchmarks.md', {
    goals: `${met} of ${results.rows.length} measured rows meet their goal; the others are shown like them.`,
    rows: rowsTable(results),
    remarks: remarks(results),
    circumstances: circumstances(results),
    equality: table(sameWork, results.rows.flatMap(equality)),
    starts: table(['row', 'model', 'side', 'first ms'], results.rows.flatMap(starts)),
  });
}

import { LIMIT } from '../machine/busy.js';
import type { ResultRow, Results } from './schema.js';

/** The columns of the table. */
export const columns = [
  'row',
  'model',
  'against',
  'unit',
  'ours',
  'theirs',
  'ratio',
  'min - median - max of rounds',
  'goal',
  'met',
  'others',
] as const;

/** Columns of numbers, which are aligned at their right. */
export const numeric: ReadonlySet<string> = new Set(['ours', 'theirs', 'ratio', 'goal', 'others']);

/** Three digits that mean something: `1234`, `56.7`, `0.0123`. */
export const threeDigits = (number: number): string =>
  number >= 100 ? String(Math.round(number)) : String(Number(number.toPrecision(3)));

/** Two decimals, or two digits that mean something: `0.81`, `0.00012`. */
const ratio = (number: number): string =>
  number >= 0.1 ? number.toFixed(2) : String(Number(number.toPrecision(2)));

/** Who the row was measured against: the fastest of several is named. */
const rival = ({ against, theirs }: ResultRow): string =>
  theirs.label === against || theirs.label === 'cfrl' ? against : `${against} (${theirs.label})`;

/** The share of the machine that other processes used meanwhile. */
const disturbed = ({ disturbance }: ResultRow): string =>
  disturbance === undefined ? '' : `${Math.round(disturbance * 100)} %`;

/** The table's cells, a line a row; rows without numbers come last and say why. */
export function cells({ rows, failed }: Pick<Results, 'rows' | 'failed'>): string[][] {
  const measured = rows.map((row) => [
    ...[row.name, row.model, rival(row), row.unit],
    ...[threeDigits(row.ours.median), threeDigits(row.theirs.median), ratio(row.ratio)],
    [row.rounds.min, row.rounds.median, row.rounds.max].map(ratio).join(' - '),
    ...[String(row.goal), row.met ? 'yes' : 'no', disturbed(row)],
  ]);
  const missing = failed.map(({ name, model, against }) => [
    ...[name, model, against],
    ...Array.from({ length: columns.length - 5 }, () => ''),
    ...['failed', ''],
  ]);
  return [...measured, ...missing];
}

/** A warning if the machine was busy, one sentence for each rival that was slower or could not be measured, and for each row without numbers. */
export function remarks({ rows, failed }: Pick<Results, 'rows' | 'failed'>): string[] {
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
  return [...(busy > 0 ? [warning] : []), ...others, ...reasons];
}

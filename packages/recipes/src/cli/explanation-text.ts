import type { ChangeExplanation } from '@cfrl/ntk';

import { textTable, wrapText } from './summary.js';

/** An explanation, and what the text says of where it comes from. */
interface Shown extends ChangeExplanation {
  readonly models: { readonly before: string; readonly after: string };
  readonly completions: 'file' | 'before' | 'after';
  readonly sequences: readonly {
    readonly tokens: readonly number[];
    readonly promptLength: number;
  }[];
  readonly stopped: boolean;
}

/** Rows of a table that are shown; the others are summed. */
const MOST_ROWS = 12;
/** Stretches of the completion. */
const STRETCHES = 6;
const BAR = 14;

const signed = (x: number): string => (x >= 0 ? '+' : '-') + Math.abs(x).toPrecision(3);
const plain = (x: number): string => String(Number(x.toPrecision(4)));

/** A bar from the middle: to the left what lowers, to the right what raises. */
function bar(change: number, largest: number): string {
  const half = BAR / 2;
  const length = largest === 0 ? 0 : Math.round((half * Math.abs(change)) / largest);
  const blocks = '#'.repeat(length);
  return change < 0 ? `${blocks.padStart(half)}|` : `${' '.repeat(half)}|${blocks}`;
}

type Row = readonly [name: string, change: number];

/** The explanation as tables, for a terminal. */
export function explanationText(shown: Shown, width = 80): string {
  const { functional, unit, before, after, measured, explained, residual } = shown;
  const share = (x: number): string =>
    measured === 0 ? '' : `${((100 * x) / measured).toFixed(1)} %`;
  const all = [
    ...Object.values(shown.byWay),
    ...Object.values(shown.byLayer),
    ...Object.values(shown.byKind),
  ];
  const largest = Math.max(...all.map(Math.abs));
  const table = (title: string, rows: readonly Row[]): string =>
    textTable(
      [
        [title, unit, 'share', ''],
        ...rows.map(([name, change]) => [
          `  ${name}`,
          signed(change),
          share(change),
          bar(change, largest).padEnd(BAR + 1),
        ]),
      ],
      width,
    );
  const contexts = shown.contexts.reduce((sum, { positions }) => sum + positions.length, 0);
  const source =
    shown.completions === 'file'
      ? "the file's completions"
      : `completions sampled from the model ${shown.completions}`;
  const head =
    `The mean ${functional} at ${contexts} contexts (${shown.sequences.length} sequences, ${source}) went from ` +
    `${plain(before)} to ${plain(after)}${unit === '' ? '' : ` ${unit}`}, by ${signed(measured)}.`;
  return [
    wrapText(head, width),
    '',
    table('through', [
      ['the classifier (W moved)', shown.byWay.classifier],
      ['the body (features moved)', shown.byWay.body],
      ['not explained (residual)', residual],
    ]),
    '',
    table('by layer', shortened(Object.entries(shown.byLayer))),
    '',
    table('by kind of parameter', shortened(Object.entries(shown.byKind))),
    '',
    table('by where in the sequence', positionRows(shown)),
    '',
    wrapText(verdict(shown, explained), width),
  ].join('\n');
}

/** The largest rows in their order, and the sum of the others. */
function shortened(rows: readonly Row[]): Row[] {
  if (rows.length <= MOST_ROWS) return [...rows];
  const bySize = [...rows].sort(([, a], [, b]) => Math.abs(b) - Math.abs(a));
  const kept = new Set(bySize.slice(0, MOST_ROWS - 1).map(([name]) => name));
  const others = rows.filter(([name]) => !kept.has(name));
  const sum = others.reduce((total, [, change]) => total + change, 0);
  return [...rows.filter(([name]) => kept.has(name)), [`${others.length} other layers`, sum]];
}

/** The prompt, and stretches of the completion: where the parameters acted that moved. */
function positionRows({ table, sequences, unplaced, explained }: Shown): Row[] {
  const longest = Math.max(
    ...sequences.map(({ tokens, promptLength }) => tokens.length - promptLength),
  );
  const size = Math.ceil(longest / STRETCHES);
  let prompt = 0;
  const stretches = Array.from({ length: Math.ceil(longest / size) }, () => 0);
  for (const { change } of table) {
    change.forEach((row, s) => {
      const { promptLength } = sequences[s]!;
      row.forEach((value, t) => {
        if (t < promptLength) prompt += value;
        else stretches[Math.floor((t - promptLength) / size)]! += value;
      });
    });
  }
  const rows: Row[] = [
    ['prompt', prompt],
    ...stretches.map((change, i): Row => {
      const [first, last] = [i * size + 1, Math.min(longest, (i + 1) * size)];
      return [
        first === last ? `completion token ${first}` : `completion tokens ${first} to ${last}`,
        change,
      ];
    }),
  ];
  if (unplaced.length === 0) return rows;
  const placed = rows.reduce((sum, [, change]) => sum + change, 0);
  return [...rows, ['without a place', explained - placed]];
}

function verdict(
  { nodes, converged, stopped, measured, residual, uncertainty }: Shown,
  explained: number,
): string {
  const parts = `The parts sum to ${signed(explained)}, with ${signed(residual)} left, on the straight line between the two (${nodes} nodes; no part moved by more than ${plain(uncertainty)} when they were doubled).`;
  if (converged) return parts;
  const why = stopped
    ? 'It was stopped before it was as fine as asked for.'
    : Math.abs(measured) < 1e-5
      ? 'The change is close to what float32 can tell, so the shares are rough.'
      : 'That is not as fine as asked for: take the parts with this much doubt.';
  return `${parts} ${why}`;
}

import type { CheckpointExplanation } from '../explain/explain-checkpoints.js';
import { textTable, wrapText } from './summary.js';

/** An explanation, and whether it was stopped before it was as fine as was asked for. */
interface Shown extends CheckpointExplanation {
  readonly stopped: boolean;
}

/** Rows of layers. */
const MOST_LAYERS = 10;
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
    shown.completions === 'given'
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
    table('by layer', layerRows(shown.byLayer)),
    '',
    table('by kind of parameter', Object.entries(shown.byKind)),
    '',
    table('by where in the sequence', positionRows(shown)),
    '',
    wrapText(verdict(shown, explained), width),
  ].join('\n');
}

/** Layers from the input to the output, neighbours together where there are many. */
function layerRows(byLayer: Readonly<Record<string, number>>): Row[] {
  const place = (name: string): number => {
    const block = /^layers\.(\d+)$/.exec(name);
    return block ? Number(block[1]) : name === 'embeddings' ? -1 : Infinity;
  };
  const rows = Object.entries(byLayer).sort(
    ([a], [b]) => place(a) - place(b) || a.localeCompare(b),
  );
  const blocks = rows.filter(([name]) => name.startsWith('layers.'));
  const size = Math.ceil(blocks.length / MOST_LAYERS);
  if (size === 1) return rows;
  const stretches = Array.from({ length: Math.ceil(blocks.length / size) }, (_, i): Row => {
    const own = blocks.slice(i * size, (i + 1) * size);
    const [first, last] = [own[0]![0], own.at(-1)![0].slice('layers.'.length)];
    return [
      own.length === 1 ? first : `${first} to ${last}`,
      own.reduce((sum, [, change]) => sum + change, 0),
    ];
  });
  const others = rows.filter(([name]) => !name.startsWith('layers.'));
  return [
    ...others.filter(([name]) => place(name) < 0),
    ...stretches,
    ...others.filter(([name]) => place(name) >= 0),
  ];
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

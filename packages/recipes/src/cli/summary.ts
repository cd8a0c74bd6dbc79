import { findings } from '../report/findings.js';
import { summarize } from '../report/summarize.js';
import type { ReportInput } from '../report/input.js';
import { type Row, cellText, headlineRows } from '../report/tables.js';

/** Rows as text in columns: the first to the left, the others to the right, closer together where they would not fit. */
export function textTable(rows: readonly (readonly string[])[], width = Infinity): string {
  const widths = rows[0]!.map((_, i) => Math.max(...rows.map((row) => row[i]!.length)));
  const cells = widths.reduce((sum, each) => sum + each, 0);
  const gap = cells + 3 * (widths.length - 1) > width ? 2 : 3;
  return rows
    .map((row) =>
      row
        .map((cell, i) => (i === 0 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!)))
        .join(' '.repeat(gap))
        .trimEnd(),
    )
    .join('\n');
}

const widthOf = (text: string): number => Math.max(...text.split('\n').map((line) => line.length));

/** Text broken between words into lines of at most `width` characters. */
export function wrapText(text: string, width: number): string {
  const lines = [''];
  for (const word of text.split(' ')) {
    const line = lines.at(-1)!;
    if (line !== '' && line.length + 1 + word.length > width) lines.push(word);
    else lines[lines.length - 1] = line === '' ? word : `${line} ${word}`;
  }
  return lines.join('\n');
}

/** A row a measure and two columns an arm; where that is too wide, a row an arm under the measure's name. */
function headlineTable(input: ReportInput, width: number): string {
  const summary = summarize(input);
  const arms = summary.arms.map(({ name }) => name);
  const measures = headlineRows(summary).slice(0, -1); // but for the tokens to the threshold
  const ofArms = ({ cells }: Row): string[] => cells.slice(0, 2 * arms.length).map(cellText);
  const rows = measures.map((measure) => [measure.name, ...ofArms(measure)]);
  const wide = textTable([['', ...arms.flatMap((name) => [`${name}: before`, 'after'])], ...rows]);
  if (widthOf(wide) <= width) return wide;
  const perArm = rows.flatMap(([, ...cells]) =>
    arms.map((name, i) => [`  ${name}`, ...cells.slice(2 * i, 2 * i + 2)]),
  );
  const [head, ...lines] = textTable([['', 'before', 'after'], ...perArm], width).split('\n');
  const linesOf = (i: number): string[] => lines.slice(i * arms.length, (i + 1) * arms.length);
  return [head!, ...measures.flatMap(({ name }, i) => [name, ...linesOf(i)])].join('\n');
}

/** The report's headline table and findings, for a terminal. */
export function terminalSummary(input: ReportInput, width = 80): string {
  const found = findings(input).map(({ claim, verdict, text }) =>
    wrapText(`${claim} ${verdict}: ${text}`, width),
  );
  return [
    headlineTable(input, width),
    'Means over seeds with 95 % intervals (Student t).',
    '',
    ...found,
  ].join('\n');
}

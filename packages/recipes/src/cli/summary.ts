import { findings } from '../report/findings.js';
import { formatEstimate } from '../report/format.js';
import { HEADLINE } from '../report/measures.js';
import { summarize } from '../report/summarize.js';
import type { ReportInput } from '../report/input.js';
import { labelOf } from '../report/words.js';

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
  const { arms } = summarize(input);
  const cells = HEADLINE.map(({ key }) =>
    arms.map(({ measures }) => {
      const { before, after } = measures[key]!;
      return [formatEstimate(before), formatEstimate(after)];
    }),
  );
  const header = arms.flatMap(({ name }) => [`${name}: before`, 'after']);
  const wide = textTable([
    ['', ...header],
    ...HEADLINE.map((measure, i) => [labelOf(measure), ...cells[i]!.flat()]),
  ]);
  if (widthOf(wide) <= width) return wide;
  const rows = cells.flatMap((row) => row.map((pair, arm) => [`  ${arms[arm]!.name}`, ...pair]));
  const [head, ...lines] = textTable([['', 'before', 'after'], ...rows], width).split('\n');
  return [
    head!,
    ...HEADLINE.flatMap((measure, i) => [
      labelOf(measure),
      ...lines.slice(i * arms.length, (i + 1) * arms.length),
    ]),
  ].join('\n');
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

import { findings } from '../report/findings.js';
import { formatEstimate } from '../report/format.js';
import { HEADLINE } from '../report/measures.js';
import { summarize } from '../report/summarize.js';
import type { ReportInput } from '../report/types.js';
import { labelOf } from '../report/words.js';

/** Rows as text in columns: the first to the left, the others to the right. */
export function textTable(rows: readonly (readonly string[])[]): string {
  const widths = rows[0]!.map((_, i) => Math.max(...rows.map((row) => row[i]!.length)));
  return rows
    .map((row) =>
      row
        .map((cell, i) => (i === 0 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!)))
        .join('   ')
        .trimEnd(),
    )
    .join('\n');
}

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

/** The report's headline table and findings, for a terminal. */
export function terminalSummary(input: ReportInput, width = 100): string {
  const { arms } = summarize(input);
  const rows = HEADLINE.map((measure) => [
    labelOf(measure),
    ...arms.flatMap(({ measures }) => {
      const { before, after } = measures[measure.key]!;
      return [formatEstimate(before), formatEstimate(after)];
    }),
  ]);
  const header = ['', ...arms.flatMap(({ name }) => [`${name}: before`, 'after'])];
  const found = findings(input).map(({ claim, verdict, text }) =>
    wrapText(`${claim} ${verdict}: ${text}`, width),
  );
  return [
    textTable([header, ...rows]),
    'Means over seeds with 95 % intervals (Student t).',
    '',
    ...found,
  ].join('\n');
}

import { cells, columns, numeric, remarks } from './cells.js';
import type { Results } from './schema.js';

/** The table for a terminal, with remarks under it. */
export function renderTerminal(results: Pick<Results, 'rows' | 'failed'>): string {
  const lines = [[...columns], ...cells(results)];
  const widths = columns.map((_, i) => Math.max(...lines.map((line) => line[i]!.length)));
  const table = lines.map((line) =>
    line
      .map((cell, i) =>
        numeric.has(columns[i]!) ? cell.padStart(widths[i]!) : cell.padEnd(widths[i]!),
      )
      .join('  ')
      .trimEnd(),
  );
  const below = remarks(results);
  return [...table, ...(below.length > 0 ? ['', ...below] : [])].join('\n');
}

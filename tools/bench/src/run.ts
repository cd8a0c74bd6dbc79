import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import type { Plan } from './measure/plan.js';
import type { ProgressView } from './progress.js';
import { resultRow } from './results/row.js';
import type { Results } from './results/schema.js';
import { type Row, titleOf } from './rows.js';
import type { Workers } from './worker/workers.js';

/**
 * Measures one row after the other. A row that fails does not keep the others from being measured.
 *
 * @returns the rows with numbers, and those without
 */
export async function runRows(
  rows: readonly Row[],
  plan: Plan,
  workers: Workers,
  view: ProgressView,
): Promise<Pick<Results, 'rows' | 'failed'>> {
  const results: Pick<Results, 'rows' | 'failed'> = { rows: [], failed: [] };
  for (const [i, row] of rows.entries()) {
    const title = titleOf(row);
    const progress = (share: number, doing: string): void =>
      view.update((i + share) / rows.length, `${title}: ${doing}`);
    const folder = await mkdtemp(join(tmpdir(), 'cfrl-bench-'));
    try {
      const outcome = await row.measure(row, { plan, workers, folder, progress });
      results.rows.push(resultRow(row, outcome));
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      const { name, model, against } = row;
      results.failed.push({ name, model, against, reason });
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  }
  return results;
}

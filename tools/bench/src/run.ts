import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import type { Plan } from './measure/plan.js';
import type { ProgressView } from './progress.js';
import { resultRow } from './results/row.js';
import type { Results } from './results/schema.js';
import { type Row, titleOf } from './rows.js';
import type { Model } from './work/sizes.js';
import type { Workers } from './worker/workers.js';

/** How long the rows of a model take, for the progress alone. */
const weights: Readonly<Record<Model, number>> = { XS: 1, S: 1.5, M: 4, SmolLM2: 8, '-': 1 };

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
  const all = rows.reduce((sum, { model }) => sum + weights[model], 0);
  let done = 0;
  for (const row of rows) {
    const title = titleOf(row);
    const progress = (share: number, doing: string): void =>
      view.update((done + share * weights[row.model]) / all, `${title}: ${doing}`);
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
      done += weights[row.model];
    }
  }
  return results;
}

import { mkdirSync, writeFileSync } from 'node:fs';

/** What the table of docs/models.md shows of a model. */
export type Check = 'logits' | 'features' | 'gradients' | 'generation' | 'saveAndLoad';

const found = new Map<string, Partial<Record<Check, number>>>();

/** Notes a measured error; the largest stays. */
export function recordCheck(model: string, check: Check, error: number): void {
  const checks = found.get(model) ?? {};
  found.set(model, { ...checks, [check]: Math.max(checks[check] ?? 0, error) });
}

/** Writes what was measured for tools/docs to read, if every model was. */
export function writeChecks(models: number): void {
  if (found.size < models) return;
  const folder = new URL('../.vitest-results/', import.meta.url);
  mkdirSync(folder, { recursive: true });
  const sorted = Object.fromEntries([...found].sort(([a], [b]) => (a < b ? -1 : 1)));
  writeFileSync(new URL('architectures.json', folder), `${JSON.stringify(sorted, undefined, 2)}\n`);
}

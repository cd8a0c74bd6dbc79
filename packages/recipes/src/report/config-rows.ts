import type { ArmData, ReportInput } from './input.js';

/** An option with its value in every arm. */
export interface ConfigRow {
  /** Path of the option, e.g. `optimizer.learningRate`. */
  readonly key: string;
  /** One text an arm; several values when the runs of an arm differ, as seeds do. */
  readonly values: readonly string[];
  /** Whether arms differ. */
  readonly differs: boolean;
}

/** The resolved options of all arms side by side, nested ones by path, in alphabetical order. */
export function configRows(input: ReportInput): ConfigRow[] {
  const arms = input.arms.map((arm) => valuesByKey(arm));
  const keys = [...new Set(arms.flatMap((arm) => [...arm.keys()]))].sort();
  return keys.map((key) => {
    const values = arms.map((arm) => [...(arm.get(key) ?? [])].join(', '));
    return { key, values, differs: new Set(values).size > 1 };
  });
}

function valuesByKey(arm: ArmData): Map<string, Set<string>> {
  const found = new Map<string, Set<string>>();
  for (const run of arm.runs) {
    for (const [key, value] of flatten(run.config)) {
      found.set(key, (found.get(key) ?? new Set()).add(value));
    }
  }
  return found;
}

function flatten(value: unknown, path = ''): [string, string][] {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
    return Object.entries(value).flatMap(([key, inner]) =>
      flatten(inner, path === '' ? key : `${path}.${key}`),
    );
  }
  return value === undefined
    ? []
    : [[path, typeof value === 'string' ? value : JSON.stringify(value)]];
}

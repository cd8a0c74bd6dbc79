/** Values as Python's `json.dumps` writes them, which has a form of its own. */
import type { Budget } from './budget.js';
import { pythonFloat } from './numbers.js';
import { pythonString, sorted } from './python.js';
import { Dict, Undefined, type Value, kindOf, sequenceOf, unmarked } from './values.js';

/** Options of Python's `json.dumps`. */
export interface JsonOptions {
  /** What a line is indented by for each level. */
  readonly indent?: string | undefined;
  readonly ensureAscii?: boolean | undefined;
  readonly sortKeys?: boolean | undefined;
  /** Between items, and after keys. */
  readonly separators?: readonly [string, string] | undefined;
}

/** A float as JSON's, with Python's words for what JSON has not. */
function jsonFloat(x: number): string {
  if (Number.isFinite(x)) return pythonFloat(x);
  return Number.isNaN(x) ? 'NaN' : x > 0 ? 'Infinity' : '-Infinity';
}

/** A value as Python's `json.dumps` writes it. */
export function pythonJson(
  budget: Budget,
  given: Value,
  options: JsonOptions = {},
  depth = 0,
): string {
  budget.step();
  const value = unmarked(given);
  const { indent, ensureAscii = false, sortKeys = false } = options;
  const [between, after] = options.separators ?? [indent === undefined ? ', ' : ',', ': '];
  const text = (content: string): string => {
    budget.write(content.length);
    const json = JSON.stringify(content);
    const escaped = (unit: string): string =>
      `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`;
    return ensureAscii ? json.replace(/[\u007F-\uFFFF]/g, escaped) : json;
  };
  const list = (open: string, items: readonly string[], close: string): string => {
    if (items.length === 0 || indent === undefined) return open + items.join(between) + close;
    const line = `\n${indent.repeat(depth)}`;
    const inner = line + indent;
    budget.write(items.length * inner.length);
    return open + inner + items.join(between + inner) + line + close;
  };
  const write = (each: Value): string => pythonJson(budget, each, options, depth + 1);
  if (typeof value === 'string') return text(value);
  if (typeof value === 'boolean') return value ? 'true' : 'false';
  if (value === null) return 'null';
  if (typeof value === 'bigint') return pythonString(budget, value);
  if (typeof value === 'number') return jsonFloat(value);
  const items = sequenceOf(value);
  if (items) return list('[', items.map(write), ']');
  if (value instanceof Dict) {
    const entries = value.entries();
    const ordered = sortKeys ? sorted(budget, entries, ([key]) => key) : entries;
    const key = (given: Value): string => {
      const name = unmarked(given);
      if (typeof name === 'string') return text(name);
      if (name === null || typeof name !== 'object') return `"${write(name)}"`;
      throw new TypeError(`keys must be str, int, float, bool or None, not ${kindOf(name)}`);
    };
    return list(
      '{',
      ordered.map(([name, each]) => key(name) + after + write(each)),
      '}',
    );
  }
  throw new TypeError(
    value instanceof Undefined
      ? `it writes what is undefined as JSON: ${value.message}`
      : `it writes a ${kindOf(value)} as JSON`,
  );
}

/** What Python's `iter`, `len` and `bool` say of a value. */
import type { Budget } from './budget.js';
import { pythonRepr } from './python.js';
import { Dict, Lazy, Range, Undefined, type Value, View, sequenceOf, unmarked } from './values.js';

/** The items of what can be looped over, or undefined. */
function maybeItems(given: Value): readonly Value[] | undefined {
  const value = unmarked(given);
  if (typeof value === 'string') return Array.from(value);
  if (value instanceof View) return value.items;
  if (value instanceof Dict) return value.keys();
  if (value instanceof Range) return Array.from({ length: value.length }, (_, i) => value.at(i));
  if (value instanceof Lazy) return value.take();
  return value instanceof Undefined ? [] : sequenceOf(value);
}

export const isIterable = (value: Value): boolean =>
  value instanceof Lazy || maybeItems(value) !== undefined;

export function itemsOf(budget: Budget, value: Value): readonly Value[] {
  const items = maybeItems(value);
  if (items === undefined) throw new TypeError(`it loops over ${pythonRepr(budget, value)}`);
  budget.list(items.length);
  return items;
}

/** Python's `len`, or undefined of what has none. */
export function lengthOf(given: Value): number | undefined {
  const value = unmarked(given);
  if (typeof value === 'string') {
    let count = 0;
    for (const _ of value) count++;
    return count;
  }
  if (value instanceof View) return value.of.size;
  if (value instanceof Dict) return value.size;
  if (value instanceof Range) return value.length;
  return value instanceof Undefined ? 0 : sequenceOf(value)?.length;
}

/** Python's `bool`. */
export function isTrue(value: Value): boolean {
  if (value === null || value instanceof Undefined) return false;
  if (typeof value === 'object') return lengthOf(value) !== 0;
  return Boolean(value);
}

/** Python's `reversed`, as a list, or undefined of what has no order. */
export const reversedItems = (budget: Budget, value: Value): Value[] | undefined =>
  value instanceof Lazy || lengthOf(value) === undefined
    ? undefined
    : [...itemsOf(budget, value)].reverse();

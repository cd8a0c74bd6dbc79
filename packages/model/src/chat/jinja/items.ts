/** What Python's `iter`, `len` and `bool` say of a value. */
import { pythonRepr } from './python.js';
import {
  type Budget,
  Dict,
  Lazy,
  Range,
  Tuple,
  Undefined,
  type Value,
  View,
  isList,
  unmarked,
} from './values.js';

/** The items of what can be looped over, or undefined. */
function maybeItems(given: Value): readonly Value[] | undefined {
  const value = unmarked(given);
  if (typeof value === 'string') return Array.from(value);
  if (isList(value)) return value;
  if (value instanceof Tuple || value instanceof View) return value.items;
  if (value instanceof Dict) return value.keys();
  if (value instanceof Range) return Array.from({ length: value.length }, (_, i) => value.at(i));
  if (value instanceof Lazy) return value.take();
  if (value instanceof Undefined) return [];
  return undefined;
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
  if (isList(value)) return value.length;
  if (value instanceof Tuple) return value.items.length;
  if (value instanceof View) return value.of.size;
  if (value instanceof Dict) return value.size;
  if (value instanceof Range) return value.length;
  return value instanceof Undefined ? 0 : undefined;
}

/** Python's `bool`. */
export function isTrue(value: Value): boolean {
  if (value === null || value instanceof Undefined) return false;
  if (typeof value === 'object') return lengthOf(value) !== 0;
  return Boolean(value);
}

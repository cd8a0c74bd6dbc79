/** Values as Python spells and compares them: Jinja prints `True` and `['user']`. */
import type { Budget } from './budget.js';
import { numberOf, pythonFloat } from './numbers.js';
import {
  Dict,
  Lazy,
  Markup,
  Namespace,
  Native,
  Range,
  Tuple,
  Undefined,
  type Value,
  View,
  defined,
  isList,
  kindOf,
  sequenceOf,
  unmarked,
} from './values.js';

const ESCAPES: Readonly<Record<string, string>> = {
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
  '\\': '\\\\',
};

function escapedCode(character: string): string {
  const code = character.codePointAt(0)!;
  const [letter, digits] = code < 0x100 ? ['x', 2] : code < 0x10000 ? ['u', 4] : ['U', 8];
  return `\\${letter}${code.toString(16).padStart(digits, '0')}`;
}

/** Python's `ascii`, of what `repr` gives. */
export const pythonAscii = (shown: string): string => shown.replace(/[^\0-\x7F]/gu, escapedCode);

function quoted(text: string): string {
  const quote = text.includes("'") && !text.includes('"') ? '"' : "'";
  const inner = text.replace(/[\p{C}\p{Z}\\'"]/gu, (character) => {
    if (character === quote) return `\\${quote}`;
    if (/[ '"]/.test(character)) return character;
    return ESCAPES[character] ?? escapedCode(character);
  });
  return quote + inner + quote;
}

export function pythonRepr(budget: Budget, value: Value): string {
  budget.step();
  const list = (items: readonly Value[]): string =>
    items.map((each) => pythonRepr(budget, each)).join(', ');
  const dict = (entries: readonly (readonly [Value, Value])[]): string =>
    `{${entries.map(([key, each]) => `${list([key])}: ${list([each])}`).join(', ')}}`;
  if (typeof value === 'string') {
    budget.write(value.length);
    return quoted(value);
  }
  if (value instanceof Markup) return `Markup(${list([value.text])})`;
  if (isList(value)) return `[${list(value)}]`;
  if (value instanceof Tuple) return `(${list(value.items)}${value.items.length === 1 ? ',' : ''})`;
  if (value instanceof Dict) return dict(value.entries());
  if (value instanceof Namespace) return `<Namespace ${dict(Array.from(value.fields))}>`;
  if (value instanceof View) return `dict_${value.kind}([${list(value.items)}])`;
  if (value instanceof Range) {
    const { start, stop, step } = value;
    return `range(${start}, ${stop}${step === 1 ? '' : `, ${step}`})`;
  }
  if (value instanceof Undefined) return 'Undefined';
  return pythonString(budget, value);
}

/** The digits that Python's `str` of an `int` has at most. */
const DIGITS = 4300;

/** A value as Python's `str`, which is what templates print. */
export function pythonString(budget: Budget, value: Value): string {
  if (typeof value === 'string') return value;
  if (value instanceof Markup) return value.text;
  if (typeof value === 'bigint') {
    const text = value.toString();
    if (text.length > DIGITS) throw new RangeError(`it prints more than ${DIGITS} digits`);
    return text;
  }
  if (typeof value === 'number') return pythonFloat(value);
  if (typeof value === 'boolean') return value ? 'True' : 'False';
  if (value === null) return 'None';
  if (value instanceof Undefined) return '';
  if (value instanceof Native) {
    if (value.parts.shown) return value.parts.shown();
    throw new TypeError(`it prints a ${value.kind}`);
  }
  if (value instanceof Lazy) throw new TypeError('it prints a generator; `| list` makes a list');
  return pythonRepr(budget, value);
}

export function pythonEquals(budget: Budget, first: Value, second: Value): boolean {
  budget.step();
  const [a, b] = [unmarked(first), unmarked(second)];
  const [x, y] = [numberOf(a), numberOf(b)];
  if (x !== undefined && y !== undefined) return x == y;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return a === b;
  if (kindOf(a) !== kindOf(b)) return false;
  const all = (left: readonly Value[], right: readonly Value[]): boolean =>
    left.length === right.length && left.every((each, i) => pythonEquals(budget, each, right[i]!));
  if (a instanceof Dict) {
    return (
      a.size === (b as Dict).size &&
      a.entries().every(([key, each]) => {
        const other = (b as Dict).get(key);
        return other !== undefined && pythonEquals(budget, each, other);
      })
    );
  }
  if (a instanceof Range) {
    const { length } = b as Range;
    const same = (i: number): boolean => a.at(i) === (b as Range).at(i);
    return a.length === length && (length === 0 || (same(0) && same(length - 1)));
  }
  if (a instanceof View && a.kind !== 'values') return all(a.items, (b as View).items);
  const items = sequenceOf(a);
  return items ? all(items, sequenceOf(b)!) : a === b || a instanceof Undefined;
}

/** Orders texts by code points; JavaScript's `<` orders them by UTF-16 units. */
function compareTexts(a: string, b: string): number {
  const [left, right] = [a[Symbol.iterator](), b[Symbol.iterator]()];
  for (;;) {
    const [x, y] = [left.next(), right.next()];
    if (x.done || y.done) return (x.done ? 0 : 1) - (y.done ? 0 : 1);
    if (x.value !== y.value) return x.value.codePointAt(0)! - y.value.codePointAt(0)!;
  }
}

/** The order of two values: below 0, 0, or above 0; NaN where neither holds. */
export function pythonCompare(budget: Budget, first: Value, second: Value, operator = '<'): number {
  budget.step();
  const [a, b] = [unmarked(first), unmarked(second)];
  defined(a);
  defined(b);
  const [x, y] = [numberOf(a), numberOf(b)];
  if (x !== undefined && y !== undefined) return x < y ? -1 : x > y ? 1 : x == y ? 0 : NaN;
  if (typeof a === 'string' && typeof b === 'string') return compareTexts(a, b);
  const [left, right] = [sequenceOf(a), sequenceOf(b)];
  if (left && right && isList(a) === isList(b)) {
    for (let i = 0; i < Math.min(left.length, right.length); i++) {
      if (!pythonEquals(budget, left[i]!, right[i]!)) {
        return pythonCompare(budget, left[i]!, right[i]!, operator);
      }
    }
    return left.length - right.length;
  }
  throw new TypeError(
    `'${operator}' not supported between instances of '${kindOf(a)}' and '${kindOf(b)}'`,
  );
}

/** Python's `sorted`, stable, by a key. */
export function sorted<T>(
  budget: Budget,
  items: readonly T[],
  key: (item: T) => Value,
  reverse = false,
): T[] {
  const sign = reverse ? -1 : 1;
  return items
    .map((item) => [key(item), item] as const)
    .sort(([a], [b]) => sign * pythonCompare(budget, a, b) || 0)
    .map(([, item]) => item);
}

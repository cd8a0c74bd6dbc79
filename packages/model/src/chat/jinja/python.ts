/** Values as Python spells and compares them: Jinja prints `True` and `['user']`, and `json.dumps` has a form of its own. */
import {
  type Budget,
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
  isList,
  kindOf,
  unmarked,
} from './values.js';

/** A float's digits: the shortest that come back, an exponent of two digits from 1e16 up and below 1e-4. */
export function pythonFloat(x: number): string {
  if (Number.isNaN(x)) return 'nan';
  if (!Number.isFinite(x)) return x > 0 ? 'inf' : '-inf';
  if (Object.is(x, -0)) return '-0.0';
  const [digits, exponent] = x.toExponential().split('e') as [string, string];
  const power = Number(exponent);
  if (x !== 0 && (power < -4 || power >= 16)) {
    return `${digits}e${power < 0 ? '-' : '+'}${String(Math.abs(power)).padStart(2, '0')}`;
  }
  if (Number.isInteger(x)) return `${x}.0`;
  return power < 0 ? x.toFixed(digits.replace(/[-.]/g, '').length - 1 - power) : String(x);
}

const ESCAPES: Readonly<Record<string, string>> = {
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
  '\\': '\\\\',
};

function escaped(character: string): string {
  const known = ESCAPES[character];
  if (known !== undefined) return known;
  if (character === ' ' || !/[\p{C}\p{Z}]/u.test(character)) return character;
  return escapedCode(character);
}

function escapedCode(character: string): string {
  const code = character.codePointAt(0)!;
  const hex = code.toString(16);
  if (code < 0x100) return `\\x${hex.padStart(2, '0')}`;
  return code < 0x10000 ? `\\u${hex.padStart(4, '0')}` : `\\U${hex.padStart(8, '0')}`;
}

/** Python's `ascii`, of what `repr` gives. */
export const pythonAscii = (shown: string): string => shown.replace(/[^\0-\x7F]/gu, escapedCode);

function quoted(text: string): string {
  const quote = text.includes("'") && !text.includes('"') ? '"' : "'";
  const inner = Array.from(text, (character) =>
    character === quote ? `\\${quote}` : escaped(character),
  );
  return `${quote}${inner.join('')}${quote}`;
}

/** A value as Python's `repr`. */
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

/** Options of Python's `json.dumps`. */
export interface JsonOptions {
  /** What a line is indented by for each level. */
  readonly indent?: string | undefined;
  readonly ensureAscii?: boolean | undefined;
  readonly sortKeys?: boolean | undefined;
  /** Between items, and after keys. */
  readonly separators?: readonly [string, string] | undefined;
}

/** A value as Python's `json.dumps` writes it. */
export function pythonJson(
  budget: Budget,
  value: Value,
  options: JsonOptions = {},
  depth = 0,
): string {
  budget.step();
  const { indent, ensureAscii = false, sortKeys = false } = options;
  const [between, after] = options.separators ?? [indent === undefined ? ', ' : ',', ': '];
  const text = (content: string): string => {
    budget.write(content.length);
    const json = JSON.stringify(content);
    return ensureAscii
      ? json.replace(
          /[\u007F-\uFFFF]/g,
          (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
        )
      : json;
  };
  const list = (open: string, items: readonly string[], close: string): string => {
    if (items.length === 0 || indent === undefined) return open + items.join(between) + close;
    const line = `\n${indent.repeat(depth)}`;
    const inner = line + indent;
    budget.write(items.length * inner.length);
    return open + inner + items.join(between + inner) + line + close;
  };
  const number = (each: number): string =>
    Number.isFinite(each)
      ? pythonFloat(each)
      : Number.isNaN(each)
        ? 'NaN'
        : each > 0
          ? 'Infinity'
          : '-Infinity';
  const write = (each: Value): string => pythonJson(budget, each, options, depth + 1);
  if (typeof value === 'string') return text(value);
  if (value instanceof Markup) return text(value.text);
  if (typeof value === 'boolean') return value ? 'true' : 'false';
  if (value === null) return 'null';
  if (typeof value === 'bigint') return pythonString(budget, value);
  if (typeof value === 'number') return number(value);
  if (isList(value) || value instanceof Tuple) {
    return list('[', (isList(value) ? value : value.items).map(write), ']');
  }
  if (value instanceof Dict) {
    const entries = value.entries();
    const ordered = sortKeys ? sorted(budget, entries, ([key]) => key) : entries;
    const key = (name: Value): string => {
      if (typeof name === 'string') return text(name);
      if (name instanceof Markup) return text(name.text);
      if (name === null || ['boolean', 'number', 'bigint'].includes(typeof name)) {
        return `"${write(name)}"`;
      }
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

/** A number of a value that counts as one: `True` is 1. */
export function numberOf(value: Value): bigint | number | undefined {
  if (typeof value === 'boolean') return value ? 1n : 0n;
  return typeof value === 'bigint' || typeof value === 'number' ? value : undefined;
}

/** Whether Python finds two values equal. */
export function pythonEquals(budget: Budget, first: Value, second: Value): boolean {
  budget.step();
  const [a, b] = [unmarked(first), unmarked(second)];
  const [x, y] = [numberOf(a), numberOf(b)];
  if (x !== undefined && y !== undefined) return x == y;
  const all = (left: readonly Value[], right: readonly Value[]): boolean =>
    left.length === right.length && left.every((each, i) => pythonEquals(budget, each, right[i]!));
  if (isList(a)) return isList(b) && all(a, b);
  if (a instanceof Tuple) return b instanceof Tuple && all(a.items, b.items);
  if (a instanceof Range) {
    const same = (i: number): boolean => a.at(i) === (b as Range).at(i);
    return (
      b instanceof Range &&
      a.length === b.length &&
      (a.length === 0 || (same(0) && same(a.length - 1)))
    );
  }
  if (a instanceof Dict) {
    return (
      b instanceof Dict &&
      a.size === b.size &&
      a.entries().every(([key, each]) => {
        const other = b.get(key);
        return other !== undefined && pythonEquals(budget, each, other);
      })
    );
  }
  if (a instanceof View && b instanceof View && a.kind !== 'values' && a.kind === b.kind) {
    return all(a.items, b.items);
  }
  return a instanceof Undefined ? b instanceof Undefined : a === b;
}

/** Texts are ordered by their code points, not by units. */
export function compareTexts(a: string, b: string): number {
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
  for (const each of [a, b]) if (each instanceof Undefined) throw new TypeError(each.message);
  const [x, y] = [numberOf(a), numberOf(b)];
  if (x !== undefined && y !== undefined) return x < y ? -1 : x > y ? 1 : x == y ? 0 : NaN;
  if (typeof a === 'string' && typeof b === 'string') return compareTexts(a, b);
  if ((isList(a) && isList(b)) || (a instanceof Tuple && b instanceof Tuple)) {
    const items = (value: readonly Value[] | Tuple): readonly Value[] =>
      value instanceof Tuple ? value.items : value;
    const [left, right] = [items(a), items(b as readonly Value[] | Tuple)];
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

/** Values as Python spells them: Jinja prints `True` and `['user']`, and `json.dumps` has a form of its own. */

/** The runtime values of a template, as far as they are printed. */
export interface Value {
  readonly type: string;
  readonly value: unknown;
}

const isInteger = ({ type }: Value): boolean => type === 'IntegerValue';

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

/** A number; whole ones beyond what is exact can only have been floats. */
const pythonNumber = (value: Value): string => {
  const x = value.value as number;
  return isInteger(value) && Number.isSafeInteger(x)
    ? String(x)
    : isInteger(value) && Math.abs(x) < 2 ** 63
      ? BigInt(x).toString()
      : pythonFloat(x);
};

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
  const code = character.codePointAt(0)!;
  const hex = code.toString(16);
  if (code < 0x100) return `\\x${hex.padStart(2, '0')}`;
  return code < 0x10000 ? `\\u${hex.padStart(4, '0')}` : `\\U${hex.padStart(8, '0')}`;
}

function quoted(text: string): string {
  const quote = text.includes("'") && !text.includes('"') ? '"' : "'";
  const inner = Array.from(text, (character) =>
    character === quote ? `\\${quote}` : escaped(character),
  );
  return `${quote}${inner.join('')}${quote}`;
}

const entriesOf = (value: Value): [string, Value][] =>
  Array.from((value.value as ReadonlyMap<string, Value>).entries());

/** A value as Python's `repr`. */
function pythonRepr(value: Value): string {
  switch (value.type) {
    case 'StringValue':
      return quoted(value.value as string);
    case 'ArrayValue':
      return `[${(value.value as Value[]).map(pythonRepr).join(', ')}]`;
    case 'TupleValue': {
      const items = (value.value as Value[]).map(pythonRepr);
      return `(${items.join(', ')}${items.length === 1 ? ',' : ''})`;
    }
    case 'ObjectValue':
    case 'NamespaceValue':
      return `{${entriesOf(value)
        .map(([key, each]) => `${quoted(key)}: ${pythonRepr(each)}`)
        .join(', ')}}`;
    case 'UndefinedValue':
      return 'Undefined';
    default:
      return pythonString(value);
  }
}

/** A value as Python's `str`, which is what templates print. */
export function pythonString(value: Value): string {
  switch (value.type) {
    case 'StringValue':
      return value.value as string;
    case 'IntegerValue':
      return pythonNumber(value);
    case 'FloatValue':
      return pythonFloat(value.value as number);
    case 'BooleanValue':
      return value.value ? 'True' : 'False';
    case 'NullValue':
      return 'None';
    case 'UndefinedValue':
      return '';
    case 'FunctionValue':
      throw new TypeError('it prints a function');
    default:
      return pythonRepr(value);
  }
}

/** Options of Python's `json.dumps`. */
export interface JsonOptions {
  readonly indent?: number | undefined;
  readonly ensureAscii?: boolean | undefined;
  readonly sortKeys?: boolean | undefined;
  /** Between items, and after keys. */
  readonly separators?: readonly [string, string] | undefined;
}

/** A value as Python's `json.dumps` writes it. */
export function pythonJson(value: Value, options: JsonOptions = {}, depth = 0): string {
  const { indent, ensureAscii = false, sortKeys = false } = options;
  const [between, after] = options.separators ?? [indent === undefined ? ', ' : ',', ': '];
  const text = (content: string): string => {
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
    const line = `\n${' '.repeat(indent * depth)}`;
    const inner = line + ' '.repeat(indent);
    return open + inner + items.join(between + inner) + line + close;
  };
  const write = (each: Value): string => pythonJson(each, options, depth + 1);
  switch (value.type) {
    case 'StringValue':
      return text(value.value as string);
    case 'BooleanValue':
      return value.value ? 'true' : 'false';
    case 'NullValue':
      return 'null';
    case 'IntegerValue':
    case 'FloatValue':
      return isInteger(value) ? pythonNumber(value) : pythonFloat(value.value as number);
    case 'ArrayValue':
    case 'TupleValue':
      return list('[', (value.value as Value[]).map(write), ']');
    case 'ObjectValue': {
      const entries = entriesOf(value);
      const byCode = ([a]: [string, Value], [b]: [string, Value]): number =>
        a < b ? -1 : a > b ? 1 : 0;
      const ordered = sortKeys ? entries.sort(byCode) : entries;
      return list(
        '{',
        ordered.map(([key, each]) => text(key) + after + write(each)),
        '}',
      );
    }
    default:
      throw new TypeError(
        `it writes ${value.type === 'UndefinedValue' ? 'what is undefined' : value.type} as JSON`,
      );
  }
}

const numeric = ({ type }: Value): boolean =>
  type === 'IntegerValue' || type === 'FloatValue' || type === 'BooleanValue';

/** Whether Python finds two values equal. */
export function pythonEquals(a: Value, b: Value): boolean {
  if (numeric(a) && numeric(b)) return Number(a.value) === Number(b.value);
  if (a.type !== b.type) return false;
  if (a.type === 'ArrayValue' || a.type === 'TupleValue') {
    const [left, right] = [a.value as Value[], b.value as Value[]];
    return left.length === right.length && left.every((each, i) => pythonEquals(each, right[i]!));
  }
  if (a.type === 'ObjectValue') {
    const [left, right] = [entriesOf(a), b.value as ReadonlyMap<string, Value>];
    return (
      left.length === right.size &&
      left.every(([key, each]) => right.has(key) && pythonEquals(each, right.get(key)!))
    );
  }
  return a.value === b.value;
}

/** What Python's `str.strip` takes off: its whitespace is not JavaScript's. */
const SPACES =
  '\t\n\v\f\r\x1C\x1D\x1E\x1F \x85\xA0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200A\u2028\u2029\u202F\u205F\u3000';

/** `str.strip`, `lstrip` and `rstrip`. */
export function pythonStrip(
  text: string,
  sides: 'both' | 'left' | 'right',
  characters = SPACES,
): string {
  const all = Array.from(text);
  const set = new Set(characters);
  let [start, end] = [0, all.length];
  if (sides !== 'right') while (start < end && set.has(all[start]!)) start++;
  if (sides !== 'left') while (end > start && set.has(all[end - 1]!)) end--;
  return all.slice(start, end).join('');
}

/** `str.splitlines` */
export function pythonLines(text: string): string[] {
  const lines = text.split(/\r\n|[\n\r\v\f\x1C-\x1E\x85\u2028\u2029]/);
  if (lines.at(-1) === '') lines.pop();
  return lines;
}

/** `str.replace` */
export function pythonReplace(
  text: string,
  before: string,
  after: string,
  count = Infinity,
): string {
  if (count < 0) return pythonReplace(text, before, after);
  const parts = before === '' ? ['', ...Array.from(text), ''] : text.split(before);
  const kept = Math.min(count, parts.length - 1);
  return (
    parts.slice(0, kept + 1).join(after) +
    (kept < parts.length - 1 ? before + parts.slice(kept + 1).join(before) : '')
  );
}

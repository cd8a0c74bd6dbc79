import type { Packed, Value } from './cursor.js';

/** Typed access to the metadata of a GGUF file; each error names the key. */
export interface Metadata {
  readonly values: ReadonlyMap<string, Value>;
  /** The keys that have been asked for so far, also of what is `below`. */
  readonly asked: ReadonlySet<string>;
  /** What the keys below begin with. */
  readonly prefix: string;
  /** The same with a longer prefix. */
  readonly below: (prefix: string) => Metadata;
  readonly text: (key: string) => string | undefined;
  readonly flag: (key: string) => boolean | undefined;
  readonly number: (key: string) => number | undefined;
  /** A number that has to be there. */
  readonly needed: (key: string) => number;
  readonly texts: (key: string) => readonly string[] | undefined;
  readonly numbers: (key: string) => Packed | undefined;
}

export function required<T>(value: T | undefined, key: string): T {
  if (value === undefined) throw new RangeError(`loadPretrained: the GGUF file lacks ${key}`);
  return value;
}

/** The shortest decimal number that rounds to this float32: 1e-5 instead of 0.000009999999747378752. */
function shortest(value: number): number {
  if (value !== Math.fround(value)) return value;
  for (let digits = 1; digits < 9; digits++) {
    const short = Number(value.toPrecision(digits));
    if (Math.fround(short) === value) return short;
  }
  return value;
}

const isText = (value: unknown): value is string => typeof value === 'string';

export function metadataOf(
  values: ReadonlyMap<string, Value>,
  prefix = '',
  asked = new Set<string>(),
): Metadata {
  function get<T extends Value>(
    name: string,
    expected: string,
    is: (value: Value) => value is T,
  ): T | undefined {
    const key = prefix + name;
    asked.add(key);
    const value = values.get(key);
    if (value === undefined || is(value)) return value;
    throw new RangeError(`loadPretrained: ${key} of the GGUF file is no ${expected}`);
  }
  const number = (key: string): number | undefined => {
    const found = get(key, 'number', (value) => typeof value === 'number');
    return found === undefined ? undefined : shortest(found);
  };
  const isTexts = (value: Value): value is readonly string[] =>
    Array.isArray(value) && value.every(isText);
  return {
    values,
    asked,
    prefix,
    below: (more) => metadataOf(values, prefix + more, asked),
    text: (key) => get(key, 'text', isText),
    flag: (key) => get(key, 'boolean', (value) => typeof value === 'boolean'),
    number,
    needed: (key) => required(number(key), prefix + key),
    texts: (key) => get(key, 'list of texts', isTexts),
    numbers: (key) =>
      get(key, 'list of numbers', (value): value is Packed => ArrayBuffer.isView(value)),
  };
}

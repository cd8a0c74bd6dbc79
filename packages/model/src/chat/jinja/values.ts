/**
 * The values of a template, as Python has them: an `int` is a bigint and a `float` a number, so that `1` and `1.0`
 * stay apart; None is null, `str` and `bool` are JavaScript's. Nothing here leads to an object of the host.
 */
export type Value =
  | null
  | boolean
  | bigint
  | number
  | string
  | Markup
  | readonly Value[]
  | Tuple
  | Dict
  | View
  | Range
  | Lazy
  | Namespace
  | Undefined
  | Native;

/** A text that `safe` or `escape` has marked: what is joined to it is escaped. */
export class Markup {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

/** A value, and of marked text the text. */
export const unmarked = (value: Value): Exclude<Value, Markup> =>
  value instanceof Markup ? value.text : value;

export class Tuple {
  /** @param names - of the items, for those that have some */
  readonly items: readonly Value[];
  readonly names: readonly string[];

  constructor(items: readonly Value[], names: readonly string[] = []) {
    this.items = items;
    this.names = names;
  }
}

/** A `dict`: keys are found by value, so that `1` and `1.0` are one. */
export class Dict {
  readonly #entries = new Map<string, readonly [Value, Value]>();

  constructor(entries: Iterable<readonly [Value, Value]> = []) {
    for (const [key, value] of entries) {
      const hash = hashOf(key);
      this.#entries.set(hash, [this.#entries.get(hash)?.[0] ?? key, value]);
    }
  }

  get size(): number {
    return this.#entries.size;
  }

  get(key: Value): Value | undefined {
    return this.#entries.get(hashOf(key))?.[1];
  }

  keys(): Value[] {
    return Array.from(this.#entries.values(), ([key]) => key);
  }

  entries(): (readonly [Value, Value])[] {
    return Array.from(this.#entries.values());
  }
}

const LONGEST_KEY = 2 ** 20;

/** A text that is the same for keys that are equal. */
export function hashOf(key: Value): string {
  if (typeof key === 'string') return `s${key}`;
  if (key instanceof Markup) return `s${key.text}`;
  if (typeof key === 'boolean') return key ? 'n1' : 'n0';
  if (typeof key === 'bigint') return `n${key}`;
  if (typeof key === 'number') return Number.isInteger(key) ? `n${BigInt(key)}` : `n${key}`;
  if (key === null) return 'none';
  if (key instanceof Undefined) return 'undefined';
  if (key instanceof Range) return `r${key.length} ${key.start} ${key.step}`;
  if (key instanceof Tuple) {
    const parts = key.items.map(hashOf);
    const hash = `t${parts.map((part) => `${part.length}:${part}`).join('')}`;
    // Tuples of the same tuple twice would double again and again.
    if (hash.length > LONGEST_KEY) throw new RangeError('it makes a key that is too long');
    return hash;
  }
  throw new TypeError(`unhashable type: '${kindOf(key)}'`);
}

/** What `items()`, `keys()` and `values()` of a `dict` return. */
export class View {
  readonly kind: 'items' | 'keys' | 'values';
  readonly of: Dict;

  constructor(kind: 'items' | 'keys' | 'values', of: Dict) {
    this.kind = kind;
    this.of = of;
  }

  get items(): Value[] {
    if (this.kind === 'keys') return this.of.keys();
    return this.of
      .entries()
      .map(([key, value]) => (this.kind === 'items' ? new Tuple([key, value]) : value));
  }
}

export class Range {
  readonly length: number;
  readonly start: number;
  readonly stop: number;
  readonly step: number;

  constructor(start: number, stop: number, step: number) {
    this.start = start;
    this.stop = stop;
    this.step = step;
    this.length = Math.max(0, Math.ceil((stop - start) / step));
  }

  at(index: number): bigint {
    return BigInt(this.start + index * this.step);
  }
}

/** A generator: it has no length, and is empty once it has been read. */
export class Lazy {
  #items: readonly Value[];

  constructor(items: readonly Value[]) {
    this.#items = items;
  }

  take(): readonly Value[] {
    const items = this.#items;
    this.#items = [];
    return items;
  }

  /** The next item, or undefined. */
  next(): Value | undefined {
    const [first] = this.#items;
    this.#items = this.#items.slice(1);
    return first;
  }
}

/** What `namespace()` makes, the one thing that a template can change. */
export class Namespace {
  readonly fields = new Map<string, Value>();
}

/** A missing value: it prints as nothing, and its message is the error of any other use. */
export class Undefined {
  readonly message: string;

  constructor(message: string) {
    this.message = message;
  }
}

/** Arguments of a call: by place, and by name. */
export interface Args {
  readonly placed: readonly Value[];
  readonly named: ReadonlyMap<string, Value>;
}

interface NativeParts {
  readonly call?: ((args: Args) => Value) | undefined;
  readonly fields?: ReadonlyMap<string, () => Value>;
  /** As it prints. */
  readonly shown?: () => string;
}

/** A function, a macro, or an object with fields such as `loop`. */
export class Native {
  /** The name of its type in Python. */
  readonly kind: string;
  readonly parts: NativeParts;

  constructor(kind: string, parts: NativeParts) {
    this.kind = kind;
    this.parts = parts;
  }
}

/** The name of a value's type in Python. */
export function kindOf(value: Value): string {
  if (value === null) return 'NoneType';
  if (typeof value === 'string') return 'str';
  if (typeof value === 'boolean') return 'bool';
  if (typeof value === 'bigint') return 'int';
  if (typeof value === 'number') return 'float';
  if (value instanceof Markup) return 'Markup';
  if (value instanceof Tuple) return 'tuple';
  if (value instanceof Dict) return 'dict';
  if (value instanceof View) return `dict_${value.kind}`;
  if (value instanceof Range) return 'range';
  if (value instanceof Lazy) return 'generator';
  if (value instanceof Namespace) return 'Namespace';
  if (value instanceof Undefined) return 'Undefined';
  return value instanceof Native ? value.kind : 'list';
}

export const isList = (value: Value): value is readonly Value[] => Array.isArray(value);

/** The items of a list or tuple. */
export const sequenceOf = (value: Value): readonly Value[] | undefined =>
  value instanceof Tuple ? value.items : isList(value) ? value : undefined;

/** @throws TypeError with what it says of itself, if it is undefined */
export function defined<T extends Value>(value: T): Exclude<T, Undefined> {
  if (value instanceof Undefined) throw new TypeError(value.message);
  return value as Exclude<T, Undefined>;
}

/** Larger whole numbers are floats. */
const LARGEST = 2 ** 63;

/** A value made of plain data. A number of JavaScript that is whole is an `int`. */
export function valueOf(data: unknown): Value {
  if (typeof data === 'number') {
    return Number.isInteger(data) && !Object.is(data, -0) && Math.abs(data) < LARGEST
      ? BigInt(data)
      : data;
  }
  if (Array.isArray(data)) return data.map(valueOf);
  if (typeof data === 'object' && data !== null) {
    const entries = data instanceof Map ? (data as Map<string, unknown>) : Object.entries(data);
    return new Dict(Array.from(entries).map(([key, each]) => [key, valueOf(each)]));
  }
  return (data as boolean | bigint | string | null | undefined) ?? null;
}

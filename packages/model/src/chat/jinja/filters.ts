/** Jinja's filters, with transformers' `tojson`. */
import { reversedItems } from './access.js';
import { type Runtime, bind } from './builtins.js';
import { fixed } from './format.js';
import { isTrue, itemsOf, lengthOf } from './items.js';
import { binary, defined } from './operators.js';
import { numberOf, pythonCompare, pythonJson, pythonString, sorted } from './python.js';
import {
  capitalized,
  escapeText,
  justified,
  pythonLines,
  pythonReplace,
  pythonStrip,
} from './strings.js';
import {
  type Args,
  Dict,
  Lazy,
  Markup,
  Tuple,
  Undefined,
  type Value,
  hashOf,
  isList,
  kindOf,
  unmarked,
} from './values.js';

type Filter = (runtime: Runtime, value: Value, args: Args) => Value;
type Given = readonly (Value | undefined)[];

const WIDTH = 1000;

const filters = new Map<string, Filter>();

/** A filter whose arguments have names. */
function define(
  names: string,
  parameters: readonly string[],
  run: (runtime: Runtime, value: Value, given: Given) => Value,
): void {
  for (const name of names.split(' ')) {
    filters.set(name, (runtime, value, args) => run(runtime, value, bind(name, parameters, args)));
  }
}

const text = ({ budget }: Runtime, value: Value | undefined, usual = ''): string =>
  value === undefined ? usual : pythonString(budget, value);

/** A value that must be a text. */
function textOf(name: string, value: Value): string {
  if (typeof defined(value) === 'string') return value as string;
  throw new TypeError(`${name} of a ${kindOf(value)}, expected str`);
}

function whole(name: string, value: Value | undefined, usual: number): number {
  if (value === undefined) return usual;
  const number = numberOf(defined(value));
  if (typeof number !== 'bigint') throw new TypeError(`${name} is ${kindOf(value)}, expected int`);
  return Number(number);
}

/** What an indent is made of: a width, or a text. */
function indentOf(runtime: Runtime, value: Value): string {
  if (typeof value === 'string') {
    if (value.length > WIDTH) throw new RangeError(`it indents by more than ${WIDTH} characters`);
    return value;
  }
  const width = numberOf(value);
  if (typeof width !== 'bigint' || width > WIDTH) {
    throw new RangeError(`it indents by ${text(runtime, value)}, not by 0 to ${WIDTH}`);
  }
  return ' '.repeat(Math.max(0, Number(width)));
}

/** A part of a value by its dotted path, as `attribute=` names it. */
function pathOf({ access }: Runtime, attribute: Value, usual?: Value): (value: Value) => Value {
  const parts: Value[] =
    typeof attribute === 'string'
      ? attribute.split('.').map((part) => (/^\d+$/.test(part) ? BigInt(part) : part))
      : [attribute];
  return (value) => {
    let found = value;
    for (const part of parts) {
      found = access.item(found, part);
      if (found instanceof Undefined && usual !== undefined) found = usual;
    }
    return found;
  };
}

const lowered = (given: Value): Value => {
  const value = unmarked(given);
  return typeof value === 'string' ? value.toLowerCase() : value;
};

/** What is compared of an item. */
function keyOf(
  runtime: Runtime,
  attribute: Value | undefined,
  caseSensitive: Value | undefined,
): (value: Value) => Value {
  const path =
    attribute === undefined || attribute === null
      ? (value: Value) => value
      : pathOf(runtime, attribute);
  return isTrue(caseSensitive ?? false) ? path : (value) => lowered(path(value));
}

/** The same, of attributes with commas: a list, of which what is equal is not compared. */
function keysOf(
  runtime: Runtime,
  attribute: Value | undefined,
  caseSensitive: Value | undefined,
): (value: Value) => Value {
  const attributes = typeof attribute === 'string' ? attribute.split(',') : [attribute];
  const keys = attributes.map((part) => keyOf(runtime, part, caseSensitive));
  return (value) => keys.map((key) => key(value));
}

const first = (items: readonly Value[], what = 'first'): Value =>
  items.length > 0 ? items[0]! : new Undefined(`No ${what} item, sequence was empty.`);

define('abs', [], ({ budget }, value) => {
  const number = numberOf(value);
  if (number === undefined) throw new TypeError(`bad operand type for abs(): '${kindOf(value)}'`);
  return pythonCompare(budget, number, 0n) < 0
    ? -number
    : typeof number === 'number'
      ? Math.abs(number)
      : number;
});
define('attr', ['name'], ({ access }, value, [name]) => {
  if (value instanceof Dict && typeof name === 'string') {
    // Of a dict its methods alone, not its keys.
    return access.attribute(new Dict(), name);
  }
  return access.attribute(value, typeof name === 'string' ? name : '');
});
define('batch', ['linecount', 'fill_with'], (runtime, value, [linecount, fill = null]) => {
  const size = whole('linecount', linecount, 1);
  const items = itemsOf(runtime.budget, value);
  const batches: Value[][] = [];
  for (let i = 0; i < items.length; i += Math.max(1, size))
    batches.push(items.slice(i, i + Math.max(1, size)));
  const last = batches.at(-1);
  if (last && fill !== null) {
    runtime.budget.list(size);
    while (last.length < size) last.push(fill);
  }
  return new Lazy(batches);
});
define('capitalize', [], (runtime, value) => capitalized(text(runtime, value)));
define('center', ['width'], (runtime, value, [width]) => {
  const size = whole('width', width, 80);
  runtime.budget.write(Math.max(0, size));
  return justified(text(runtime, value), size, 'center');
});
define('default d', ['default_value', 'boolean'], (_, value, [usual = '', boolean = false]) =>
  value instanceof Undefined || (isTrue(boolean) && !isTrue(value)) ? usual : value);
define('dictsort', ['case_sensitive', 'by', 'reverse'], (
  { budget },
  value,
  [caseSensitive, by = 'key', reverse = false],
) => {
  if (!(defined(value) instanceof Dict)) throw new TypeError(`dictsort of a ${kindOf(value)}`);
  if (by !== 'key' && by !== 'value')
    throw new RangeError('You can only sort by either "key" or "value"');
  const at = by === 'key' ? 0 : 1;
  const key = (entry: readonly [Value, Value]): Value =>
    isTrue(caseSensitive ?? false) ? entry[at] : lowered(entry[at]);
  return sorted(budget, (value as Dict).entries(), key, isTrue(reverse)).map(
    (entry) => new Tuple(entry),
  );
});
const escaped = (runtime: Runtime, value: Value): Value => {
  const content = text(runtime, value);
  runtime.budget.write(content.length * 2);
  return new Markup(escapeText(content));
};
define('e escape', [], (runtime, value) =>
  value instanceof Markup ? value : escaped(runtime, value));
define('forceescape', [], escaped);
define('safe', [], (runtime, value) => new Markup(text(runtime, value)));
define('string', [], (runtime, value) => text(runtime, value));
define('first', [], ({ budget }, value) =>
  value instanceof Lazy ? first(orNone(value.next())) : first(itemsOf(budget, value)));
define('last', [], ({ budget }, value) => {
  const items = reversedItems(value, () => itemsOf(budget, value));
  if (items === undefined) throw new TypeError(`'${kindOf(value)}' object is not reversible`);
  return first(items, 'last');
});
define('float', ['default'], (_, value, [usual = 0]) => {
  const number =
    numberOf(defined(value)) ?? (typeof value === 'string' ? floatIn(value) : undefined);
  return number === undefined ? usual : Number(number);
});
define('int', ['default', 'base'], (_, value, [usual = 0n, base = 10n]) => {
  const number =
    numberOf(defined(value)) ??
    (typeof value === 'string'
      ? (wholeIn(value, whole('base', base, 10)) ?? floatIn(value))
      : undefined);
  if (typeof number === 'bigint') return number;
  return number === undefined || !Number.isFinite(number) ? usual : BigInt(Math.trunc(number));
});
filters.set('format', ({ budget }, value, { placed, named }) => {
  if (placed.length > 0 && named.size > 0) {
    throw new TypeError("can't handle positional and keyword arguments at the same time");
  }
  const template = value instanceof Markup ? value : pythonString(budget, value);
  return binary(budget, '%', template, named.size > 0 ? new Dict(named) : new Tuple(placed));
});
define('groupby', ['attribute', 'default', 'case_sensitive'], (
  runtime,
  value,
  [attribute = null, usual, caseSensitive],
) => {
  const exact = pathOf(runtime, attribute, usual);
  const key = (item: Value): Value =>
    isTrue(caseSensitive ?? false) ? exact(item) : lowered(exact(item));
  const groups: { key: Value; items: Value[] }[] = [];
  for (const item of sorted(runtime.budget, itemsOf(runtime.budget, value), key)) {
    const last = groups.at(-1);
    if (last && pythonCompare(runtime.budget, last.key, key(item)) === 0) last.items.push(item);
    else groups.push({ key: key(item), items: [item] });
  }
  return groups.map(({ items }) => new Tuple([exact(items[0]!), items], ['grouper', 'list']));
});
define('indent', ['width', 'first', 'blank'], (
  runtime,
  value,
  [width = 4n, atFirst = false, blank = false],
) => {
  const indent = indentOf(runtime, width);
  const lines = pythonLines(`${textOf('indent', value)}\n`);
  runtime.budget.write(lines.length * indent.length);
  const indented = lines.map((line, i) =>
    i > 0 && (line !== '' || isTrue(blank)) ? indent + line : line,
  );
  return (isTrue(atFirst) ? indent : '') + indented.join('\n');
});
define('items', [], (_, value) => {
  if (value instanceof Undefined) return new Lazy([]);
  if (!(value instanceof Dict)) throw new TypeError('Can only get item pairs from a mapping.');
  return new Lazy(value.entries().map((entry) => new Tuple(entry)));
});
define('join', ['d', 'attribute'], (runtime, value, [between, attribute]) => {
  const path =
    attribute === undefined || attribute === null
      ? (item: Value) => item
      : pathOf(runtime, attribute);
  const separator = text(runtime, between);
  const parts = itemsOf(runtime.budget, value).map((item) => text(runtime, path(item)));
  runtime.budget.write(parts.reduce((sum, part) => sum + part.length + separator.length, 0));
  return parts.join(separator);
});
define('length count', [], (_, value) => {
  const length = lengthOf(value);
  if (length === undefined) throw new TypeError(`object of type '${kindOf(value)}' has no len()`);
  return BigInt(length);
});
define('list', [], ({ budget }, value) => [...itemsOf(budget, value)]);
define('lower', [], (runtime, value) => text(runtime, value).toLowerCase());
define('upper', [], (runtime, value) => text(runtime, value).toUpperCase());
for (const [name, sign] of [
  ['max', 1],
  ['min', -1],
] as const) {
  define(name, ['case_sensitive', 'attribute'], (runtime, value, [caseSensitive, attribute]) => {
    const key = keyOf(runtime, attribute, caseSensitive);
    const items = itemsOf(runtime.budget, value);
    let best = items[0];
    if (best === undefined) return new Undefined('No aggregated item, sequence was empty.');
    for (const item of items.slice(1)) {
      if (sign * pythonCompare(runtime.budget, key(item), key(best), sign > 0 ? '>' : '<') > 0)
        best = item;
    }
    return best;
  });
}
define('replace', ['old', 'new', 'count'], (runtime, value, [old, by, count]) => {
  if (old === undefined || by === undefined) throw new TypeError('replace() has no texts');
  const limit = count === undefined || count === null ? -1 : whole('count', count, -1);
  return pythonReplace(
    runtime.budget,
    text(runtime, value),
    text(runtime, old),
    text(runtime, by),
    limit,
  );
});
define('reverse', [], ({ budget }, value) => {
  if (typeof value === 'string') return Array.from(value).reverse().join('');
  const items =
    reversedItems(value, () => itemsOf(budget, value)) ??
    (value instanceof Lazy ? [...value.take()].reverse() : undefined);
  if (items === undefined) throw new TypeError('argument must be iterable');
  return value instanceof Lazy ? items : new Lazy(items);
});
define('round', ['precision', 'method'], (_, value, [precision = 0n, method = 'common']) => {
  const number = numberOf(defined(value));
  const places = whole('precision', precision, 0);
  if (number === undefined)
    throw new TypeError(`type ${kindOf(value)} doesn't define __round__ method`);
  if (method !== 'common') {
    if (method !== 'ceil' && method !== 'floor')
      throw new RangeError('method must be common, ceil or floor');
    return Math[method](Number(number) * 10 ** places) / 10 ** places;
  }
  if (typeof number === 'bigint')
    return places >= 0 ? number : roundedWhole(number, 10n ** BigInt(Math.min(-places, 400)));
  if (!Number.isFinite(number) || places > 100) return number;
  return places >= 0
    ? Number(fixed(number, places))
    : Number(roundedWhole(BigInt(Math.trunc(number)), 10n ** BigInt(Math.min(-places, 400))));
});
define('slice', ['slices', 'fill_with'], (runtime, value, [slices, fill = null]) => {
  const items = itemsOf(runtime.budget, value);
  const count = whole('slices', slices, 1);
  if (count === 0) throw new RangeError('integer division or modulo by zero');
  runtime.budget.list(Math.max(0, count));
  const [each, longer] = [Math.floor(items.length / count), items.length % count];
  let at = 0;
  return new Lazy(
    Array.from({ length: Math.max(0, count) }, (_, i) => {
      const size = each + (i < longer ? 1 : 0);
      const part = items.slice(at, (at += size));
      return fill !== null && i >= longer ? [...part, fill] : part;
    }),
  );
});
define('sort', ['reverse', 'case_sensitive', 'attribute'], (
  runtime,
  value,
  [reverse = false, caseSensitive, attribute],
) =>
  sorted(
    runtime.budget,
    itemsOf(runtime.budget, value),
    keysOf(runtime, attribute, caseSensitive),
    isTrue(reverse),
  ));
define('striptags', [], (runtime, value) => {
  const plain = text(runtime, value)
    .replace(/<!--.*?-->/gs, '')
    .replace(/<[^>]*>/g, '');
  const entities: Readonly<Record<string, string>> = {
    amp: '&',
    lt: '<',
    gt: '>',
    quot: '"',
    '#39': "'",
    '#34': '"',
  };
  return plain
    .split(/\s+/)
    .filter((word) => word !== '')
    .join(' ')
    .replace(/&(amp|lt|gt|quot|#39|#34);/g, (_, name: string) => entities[name]!);
});
define('sum', ['attribute', 'start'], (runtime, value, [attribute = null, start = 0n]) => {
  const path = attribute === null ? (item: Value) => item : pathOf(runtime, attribute);
  if (typeof start === 'string')
    throw new TypeError("sum() can't sum strings [use ''.join(seq) instead]");
  return itemsOf(runtime.budget, value).reduce<Value>(
    (sum, item) => binary(runtime.budget, '+', sum, path(item)),
    start,
  );
});
define('title', [], (runtime, value) =>
  text(runtime, value)
    .split(/([-\s({[<]+)/)
    .map((word) => word.slice(0, 1).toUpperCase() + word.slice(1).toLowerCase())
    .join(''));
define('tojson', ['ensure_ascii', 'indent', 'separators', 'sort_keys'], (
  runtime,
  value,
  [ascii = false, indent = null, separators = null, sortKeys = false],
) =>
  pythonJson(runtime.budget, value, {
    ensureAscii: isTrue(ascii),
    indent: indent === null ? undefined : indentOf(runtime, indent),
    separators: separators === null ? undefined : separatorsOf(runtime, separators),
    sortKeys: isTrue(sortKeys),
  }));
define('trim', ['chars'], (runtime, value, [chars]) =>
  pythonStrip(
    text(runtime, value),
    'both',
    chars === undefined || chars === null ? undefined : textOf('characters to trim', chars),
  ));
define('truncate', ['length', 'killwords', 'end', 'leeway'], (
  runtime,
  value,
  [length, kill = false, end, leeway],
) => {
  const size = lengthOf(value);
  if (size === undefined) throw new TypeError(`object of type '${kindOf(value)}' has no len()`);
  const limit = whole('length', length, 255);
  const ending = text(runtime, end, '...');
  const room = limit - Array.from(ending).length;
  if (room < 0) throw new RangeError(`expected length >= ${limit - room}, got ${limit}`);
  const slack = leeway === undefined || leeway === null ? 5 : whole('leeway', leeway, 5);
  if (size <= limit + slack) return value;
  const characters = Array.from(textOf('truncate', value));
  const cut = characters.slice(0, room).join('');
  const space = cut.lastIndexOf(' ');
  return (isTrue(kill) || space < 0 ? cut : cut.slice(0, space)) + ending;
});
define('unique', ['case_sensitive', 'attribute'], (runtime, value, [caseSensitive, attribute]) => {
  const key = keyOf(runtime, attribute, caseSensitive);
  const seen = new Set<string>();
  const isNew = (item: Value): boolean => {
    const hash = hashOf(key(item));
    return !seen.has(hash) && seen.add(hash) !== undefined;
  };
  return new Lazy(itemsOf(runtime.budget, value).filter(isNew));
});
define('urlencode', [], (runtime, value) => {
  const quote = (part: Value, safe: string): string =>
    encodeURIComponent(text(runtime, part)).replace(/[!'()*]|%2F/g, (c) =>
      c === '%2F' ? safe : `%${c.charCodeAt(0).toString(16).toUpperCase()}`,
    );
  if (
    typeof value === 'string' ||
    !(value instanceof Dict || isList(value) || value instanceof Tuple)
  ) {
    return quote(value, '/');
  }
  const pairs: readonly Value[] =
    value instanceof Dict
      ? value.entries().map((entry) => new Tuple(entry))
      : itemsOf(runtime.budget, value);
  return pairs
    .map((pair) => {
      const parts = itemsOf(runtime.budget, pair);
      if (parts.length !== 2) throw new RangeError('urlencode of a list that is not of pairs');
      return parts.map((part) => quote(part, '%2F').replaceAll('%20', '+')).join('=');
    })
    .join('&');
});
define('wordcount', [], (runtime, value) =>
  BigInt(text(runtime, value).match(/[\p{L}\p{N}\p{M}_]+/gu)?.length ?? 0));

/** The items of a value; of one that counts as false there are none. */
const someItems = ({ budget }: Runtime, value: Value): readonly Value[] =>
  isTrue(value) ? itemsOf(budget, value) : [];

/** The items that pass a test, or do not. */
function selecting(name: string, wanted: boolean, byAttribute: boolean): void {
  filters.set(name, (runtime, value, { placed, named }) => {
    const given = byAttribute ? placed.slice(1) : placed;
    const path = byAttribute
      ? pathOf(runtime, placed[0] ?? missingArgument(name, 'attribute name'))
      : (item: Value) => item;
    const [test, ...rest] = given;
    const passes = (item: Value): boolean =>
      test === undefined
        ? isTrue(path(item))
        : runtime.test(text(runtime, test), path(item), { placed: rest, named });
    return new Lazy(someItems(runtime, value).filter((item) => passes(item) === wanted));
  });
}

function missingArgument(filter: string, what: string): never {
  throw new TypeError(`${filter} requires a ${what} argument`);
}

selecting('select', true, false);
selecting('reject', false, false);
selecting('selectattr', true, true);
selecting('rejectattr', false, true);

filters.set('map', (runtime, value, { placed, named }) => {
  const [name, ...rest] = placed;
  const attribute = named.get('attribute');
  let change: (item: Value) => Value;
  if (name === undefined && attribute !== undefined) {
    const unknown = [...named.keys()].find((key) => key !== 'attribute' && key !== 'default');
    if (unknown !== undefined) throw new TypeError(`Unexpected keyword argument '${unknown}'`);
    change = pathOf(runtime, attribute, named.get('default'));
  } else {
    const filter = text(runtime, name ?? missingArgument('map', 'filter'));
    change = (item) => runtime.filter(filter, item, { placed: rest, named });
  }
  return new Lazy(someItems(runtime, value).map(change));
});

/** Filters of Jinja that no chat needs; they say so where they are reached. */
for (const name of ['filesizeformat', 'pprint', 'random', 'urlize', 'wordwrap', 'xmlattr']) {
  filters.set(name, () => {
    throw new TypeError(`it uses the filter '${name}', which is not supported`);
  });
}

/** Filters that look at marks themselves. */
const OF_MARKUP = new Set(['e', 'escape', 'safe', 'default', 'd', 'attr', 'format']);

/** Filters whose text is marked if what it is made of is. */
const KEEP_MARKUP = new Set([
  ...['capitalize', 'center', 'indent', 'lower', 'reverse', 'string', 'trim'],
  ...['truncate', 'upper'],
]);

/** Of marked text a filter sees the text, but for those that know of marks. */
function withMarkup(name: string, filter: Filter): Filter {
  if (OF_MARKUP.has(name)) return filter;
  return (runtime, value, { placed, named }) => {
    const args: Args = {
      placed: placed.map(unmarked),
      named: new Map(Array.from(named, ([key, each]) => [key, unmarked(each)])),
    };
    if (!(value instanceof Markup)) return filter(runtime, value, args);
    const result = filter(runtime, value.text, args);
    return typeof result === 'string' && KEEP_MARKUP.has(name) ? new Markup(result) : result;
  };
}

export const FILTERS: ReadonlyMap<string, Filter> = new Map(
  Array.from(filters, ([name, filter]) => [name, withMarkup(name, filter)]),
);

const orNone = (value: Value | undefined): Value[] => (value === undefined ? [] : [value]);

const FLOAT =
  /^[+-]?(?:(?:\d+(?:_\d+)*\.?|\d*(?:_\d+)*\.\d+(?:_\d+)*|\d+(?:_\d+)*\.(?:\d+(?:_\d+)*)?)(?:e[+-]?\d+)?|inf(?:inity)?|nan)$/i;

/** Python's `float` of a text. */
function floatIn(content: string): number | undefined {
  const plain = pythonStrip(content, 'both');
  if (!FLOAT.test(plain)) return undefined;
  const word = plain.toLowerCase().replace(/^[+-]/, '');
  if (word.startsWith('inf')) return plain.startsWith('-') ? -Infinity : Infinity;
  return word === 'nan' ? NaN : Number(plain.replaceAll('_', ''));
}

/** Python's `int` of a text in a base. */
function wholeIn(content: string, base: number): bigint | undefined {
  const found = /^([+-]?)(0[box])?([\da-z]+(?:_[\da-z]+)*)$/i.exec(pythonStrip(content, 'both'));
  if (!found || content.length > 4300) return undefined;
  const [, sign, prefix, digits = ''] = found;
  const bases: Readonly<Record<string, number>> = { '0b': 2, '0o': 8, '0x': 16 };
  const named = prefix === undefined ? undefined : bases[prefix.toLowerCase()];
  if (named !== undefined && base !== 0 && named !== base) {
    if (base === 10) return undefined;
  }
  const radix = BigInt(base === 0 ? (named ?? 10) : base);
  let value = 0n;
  for (const digit of (
    (named === undefined || named === Number(radix) ? '' : (prefix ?? '')) + digits
  )
    .replaceAll('_', '')
    .toLowerCase()) {
    const each = BigInt(parseInt(digit, 36));
    if (each >= radix) return undefined;
    value = value * radix + each;
  }
  return sign === '-' ? -value : value;
}

/** A whole number at a multiple of `unit`; halves go to the even one. */
function roundedWhole(value: bigint, unit: bigint): bigint {
  const rest = ((value % unit) + unit) % unit;
  const below = value - rest;
  const up = rest * 2n > unit || (rest * 2n === unit && (below / unit) % 2n !== 0n);
  return up ? below + unit : below;
}

function separatorsOf(runtime: Runtime, value: Value): [string, string] {
  const [between, after, ...more] = itemsOf(runtime.budget, value);
  if (typeof between !== 'string' || typeof after !== 'string' || more.length > 0) {
    throw new TypeError('its separators are no two texts');
  }
  return [between, after];
}

/** Jinja's filters, with transformers' `tojson`. */
import {
  type Given,
  type Parameter,
  type Runtime,
  any,
  bind,
  flag,
  int,
  maybe,
  printed,
  str,
  usually,
} from './call.js';
import { isTrue, itemsOf, lengthOf, reversedItems } from './items.js';
import { pythonJson } from './json.js';
import { fixed, floatIn, numberOf, roundedWhole, wholeIn } from './numbers.js';
import { binary } from './operators.js';
import { pythonCompare, pythonString, sorted } from './python.js';
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
  defined,
  hashOf,
  kindOf,
  sequenceOf,
  unmarked,
} from './values.js';

type Filter = (runtime: Runtime, value: Value, args: Args) => Value;
type Parameters = readonly Parameter<unknown>[];

const WIDTH = 1000;

const filters = new Map<string, Filter>();

/** A filter of values, under each of its names. */
function define<const P extends Parameters>(
  names: string,
  parameters: P,
  run: (value: Value, given: Given<P>, runtime: Runtime) => Value,
): void {
  for (const name of names.split(' ')) {
    filters.set(name, (runtime, value, args) =>
      run(value, bind(runtime.budget, name, parameters, args), runtime),
    );
  }
}

/** A filter of what a value prints. */
const defineText = <const P extends Parameters>(
  name: string,
  parameters: P,
  run: (text: string, given: Given<P>, runtime: Runtime) => Value,
): void =>
  define(name, parameters, (value, given, runtime) =>
    run(pythonString(runtime.budget, value), given, runtime),
  );

/** A filter of the items of a value. */
const defineItems = <const P extends Parameters>(
  name: string,
  parameters: P,
  run: (items: readonly Value[], given: Given<P>, runtime: Runtime) => Value,
): void =>
  define(name, parameters, (value, given, runtime) =>
    run(itemsOf(runtime.budget, value), given, runtime),
  );

function textOf(name: string, value: Value): string {
  if (typeof defined(value) === 'string') return value as string;
  throw new TypeError(`${name} of a ${kindOf(value)}, expected str`);
}

function numberIn(value: Value, refusal: string): bigint | number {
  const number = numberOf(defined(value));
  if (number === undefined) throw new TypeError(refusal);
  return number;
}

function sizeOf(value: Value): number {
  const length = lengthOf(value);
  if (length === undefined) throw new TypeError(`object of type '${kindOf(value)}' has no len()`);
  return length;
}

/** What an indent is made of: a width, or a text. */
function indentOf({ budget }: Runtime, value: Value): string {
  if (typeof value === 'string') {
    if (value.length > WIDTH) throw new RangeError(`it indents by more than ${WIDTH} characters`);
    return value;
  }
  const width = numberOf(value);
  if (typeof width !== 'bigint' || width > WIDTH) {
    throw new RangeError(`it indents by ${pythonString(budget, value)}, not by 0 to ${WIDTH}`);
  }
  return ' '.repeat(Math.max(0, Number(width)));
}

/** A part of a value by its dotted path, as `attribute=` names it; without one, the value. */
function pathOf({ access }: Runtime, attribute: Value, usual?: Value): (value: Value) => Value {
  if (attribute === null) return (value) => value;
  const parts: Value[] =
    typeof attribute === 'string'
      ? attribute.split('.').map((part) => (/^\d+$/.test(part) ? BigInt(part) : part))
      : [attribute];
  return (value) =>
    parts.reduce((of, part) => {
      const found = access.item(of, part);
      return found instanceof Undefined && usual !== undefined ? usual : found;
    }, value);
}

/** What an item is compared by: an attribute of it; texts in lower case unless case counts. */
function keyOf(
  runtime: Runtime,
  attribute: Value,
  caseSensitive: boolean,
  usual?: Value,
): (value: Value) => Value {
  const path = pathOf(runtime, attribute, usual);
  return (value) => {
    const part = path(value);
    const text = caseSensitive ? part : unmarked(part);
    return typeof text === 'string' && !caseSensitive ? text.toLowerCase() : text;
  };
}

const first = (item: Value | undefined, what: string): Value =>
  item === undefined ? new Undefined(`No ${what} item, sequence was empty.`) : item;

const attribute = usually(null, any('attribute'));
const caseSensitive = flag('case_sensitive');
const fillWith = usually(null, any('fill_with'));

define('abs', [], (value) => {
  const number = numberIn(value, `bad operand type for abs(): '${kindOf(value)}'`);
  return typeof number === 'number' ? Math.abs(number) : number < 0n ? -number : number;
});
define('attr', [any('name')], (value, [name], { access }) =>
  // For a dict its methods only, not its keys.
  access.attribute(
    value instanceof Dict ? new Dict() : value,
    typeof name === 'string' ? name : '',
  ));
defineItems(
  'batch',
  [usually(1, int('linecount')), fillWith],
  (items, [size, fill], { budget }) => {
    const batches: Value[][] = [];
    for (let i = 0; i < items.length; i += Math.max(1, size)) {
      batches.push(items.slice(i, i + Math.max(1, size)));
    }
    const last = batches.at(-1);
    if (last && fill !== null) {
      budget.list(size);
      while (last.length < size) last.push(fill);
    }
    return new Lazy(batches);
  },
);
defineText('capitalize', [], capitalized);
defineText('center', [usually(80, int('width'))], (text, [width], { budget }) => {
  budget.write(Math.max(0, width));
  return justified(text, width, 'center');
});
define('default d', [usually('', any('default_value')), flag('boolean')], (
  value,
  [usual, falsy],
) => (value instanceof Undefined || (falsy && !isTrue(value)) ? usual : value));
define('dictsort', [caseSensitive, usually('key', any('by')), flag('reverse')], (
  value,
  [cased, by, reverse],
  runtime,
) => {
  if (!(defined(value) instanceof Dict)) throw new TypeError(`dictsort of a ${kindOf(value)}`);
  if (by !== 'key' && by !== 'value') {
    throw new RangeError('You can only sort by either "key" or "value"');
  }
  const key = keyOf(runtime, by === 'key' ? 0n : 1n, cased);
  const entries = (value as Dict).entries().map((entry) => new Tuple(entry));
  return sorted(runtime.budget, entries, key, reverse);
});
define('e escape', [], (value, _, runtime) =>
  value instanceof Markup
    ? value
    : filters.get('forceescape')!(runtime, value, { placed: [], named: new Map() }));
defineText('forceescape', [], (text, _, { budget }) => {
  budget.write(text.length * 2);
  return new Markup(escapeText(text));
});
defineText('safe', [], (text) => new Markup(text));
defineText('string', [], (text) => text);
define('first', [], (value, _, { budget }) =>
  first(value instanceof Lazy ? value.next() : itemsOf(budget, value)[0], 'first'));
define('last', [], (value, _, { budget }) => {
  const items = reversedItems(budget, value);
  if (items === undefined) throw new TypeError(`'${kindOf(value)}' object is not reversible`);
  return first(items[0], 'last');
});
define('float', [usually(0, any('default'))], (value, [usual]) => {
  const number =
    numberOf(defined(value)) ?? (typeof value === 'string' ? floatIn(value) : undefined);
  return number === undefined ? usual : Number(number);
});
define('int', [usually(0n, any('default')), usually(10, int('base'))], (value, [usual, base]) => {
  const read = (text: string) => wholeIn(text, base) ?? floatIn(text);
  const number = numberOf(defined(value)) ?? (typeof value === 'string' ? read(value) : undefined);
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
defineItems(
  'groupby',
  [attribute, usually(undefined, any('default')), caseSensitive],
  (items, [path, usual, cased], runtime) => {
    const exact = pathOf(runtime, path, usual);
    const key = keyOf(runtime, path, cased, usual);
    const groups: { key: Value; items: Value[] }[] = [];
    for (const item of sorted(runtime.budget, items, key)) {
      const last = groups.at(-1);
      if (last && pythonCompare(runtime.budget, last.key, key(item)) === 0) last.items.push(item);
      else groups.push({ key: key(item), items: [item] });
    }
    return groups.map(
      (group) => new Tuple([exact(group.items[0]!), group.items], ['grouper', 'list']),
    );
  },
);
define('indent', [usually(4n, any('width')), flag('first'), flag('blank')], (
  value,
  [width, atFirst, blank],
  runtime,
) => {
  const indent = indentOf(runtime, width);
  const lines = pythonLines(`${textOf('indent', value)}\n`);
  runtime.budget.write(lines.length * indent.length);
  const indented = lines.map((line, i) => (i > 0 && (line !== '' || blank) ? indent + line : line));
  return (atFirst ? indent : '') + indented.join('\n');
});
define('items', [], (value) => {
  if (value instanceof Undefined) return new Lazy([]);
  if (!(value instanceof Dict)) throw new TypeError('Can only get item pairs from a mapping.');
  return new Lazy(value.entries().map((entry) => new Tuple(entry)));
});
defineItems('join', [usually('', printed('d')), attribute], (items, [between, path], runtime) => {
  const part = pathOf(runtime, path);
  const parts = items.map((item) => pythonString(runtime.budget, part(item)));
  runtime.budget.write(parts.reduce((sum, each) => sum + each.length + between.length, 0));
  return parts.join(between);
});
define('length count', [], (value) => BigInt(sizeOf(value)));
defineItems('list', [], (items) => [...items]);
defineText('lower', [], (text) => text.toLowerCase());
defineText('upper', [], (text) => text.toUpperCase());
for (const [name, operator, sign] of [
  ['max', '>', 1],
  ['min', '<', -1],
] as const) {
  defineItems(name, [caseSensitive, attribute], (items, [cased, path], runtime) => {
    const key = keyOf(runtime, path, cased);
    return items
      .slice(1)
      .reduce(
        (best, item) =>
          sign * pythonCompare(runtime.budget, key(item), key(best), operator) > 0 ? item : best,
        first(items[0], 'aggregated'),
      );
  });
}
defineText(
  'replace',
  [printed('old'), printed('new'), maybe(int('count'))],
  (text, [before, after, count = -1], { budget }) =>
    pythonReplace(budget, text, before, after, count),
);
define('reverse', [], (value, _, { budget }) => {
  if (typeof value === 'string') return Array.from(value).reverse().join('');
  if (value instanceof Lazy) return [...value.take()].reverse();
  const items = reversedItems(budget, value);
  if (items === undefined) throw new TypeError('argument must be iterable');
  return new Lazy(items);
});
define('round', [usually(0, int('precision')), usually('common', any('method'))], (
  value,
  [places, method],
) => {
  const number = numberIn(value, `type ${kindOf(value)} doesn't define __round__ method`);
  if (method !== 'common') {
    if (method !== 'ceil' && method !== 'floor') {
      throw new RangeError('method must be common, ceil or floor');
    }
    return Math[method](Number(number) * 10 ** places) / 10 ** places;
  }
  const unit = 10n ** BigInt(Math.max(0, Math.min(-places, 400)));
  if (typeof number === 'bigint') return roundedWhole(number, unit);
  if (!Number.isFinite(number) || places > 100) return number;
  if (places >= 0) return Number(fixed(number, places));
  return Number(roundedWhole(BigInt(Math.trunc(number)), unit));
});
defineItems('slice', [usually(1, int('slices')), fillWith], (items, [count, fill], { budget }) => {
  if (count === 0) throw new RangeError('integer division or modulo by zero');
  budget.list(Math.max(0, count));
  const [each, longer] = [Math.floor(items.length / count), items.length % count];
  let at = 0;
  return new Lazy(
    Array.from({ length: Math.max(0, count) }, (_, i) => {
      const part = items.slice(at, (at += each + (i < longer ? 1 : 0)));
      return fill !== null && i >= longer ? [...part, fill] : part;
    }),
  );
});
defineItems(
  'sort',
  [flag('reverse'), caseSensitive, attribute],
  (items, [reverse, cased, paths], runtime) => {
    // Several attributes are compared one after the other.
    const keys = (typeof paths === 'string' ? paths.split(',') : [paths]).map((path) =>
      keyOf(runtime, path, cased),
    );
    return sorted(runtime.budget, items, (item) => keys.map((key) => key(item)), reverse);
  },
);

const ENTITIES: Readonly<Record<string, string>> = {
  amp: '&',
  lt: '<',
  gt: '>',
  quot: '"',
  '#39': "'",
  '#34': '"',
};
defineText('striptags', [], (text) =>
  text
    .replace(/<!--.*?-->/gs, '')
    .replace(/<[^>]*>/g, '')
    .split(/\s+/)
    .filter((word) => word !== '')
    .join(' ')
    .replace(/&(amp|lt|gt|quot|#39|#34);/g, (_, name: string) => ENTITIES[name]!),
);
defineItems('sum', [attribute, usually(0n, any('start'))], (items, [path, start], runtime) => {
  const part = pathOf(runtime, path);
  if (typeof start === 'string') {
    throw new TypeError("sum() can't sum strings [use ''.join(seq) instead]");
  }
  return items.reduce<Value>((sum, item) => binary(runtime.budget, '+', sum, part(item)), start);
});
defineText('title', [], (text) =>
  text
    .split(/([-\s({[<]+)/)
    .map((word) => word.slice(0, 1).toUpperCase() + word.slice(1).toLowerCase())
    .join(''),
);
define('tojson', [
  flag('ensure_ascii'),
  usually(null, any('indent')),
  usually(null, any('separators')),
  flag('sort_keys'),
], (value, [ensureAscii, indent, separators, sortKeys], runtime) => {
  const between = separators === null ? undefined : itemsOf(runtime.budget, separators);
  if (between && (between.length !== 2 || between.some((each) => typeof each !== 'string'))) {
    throw new TypeError('its separators are no two texts');
  }
  return pythonJson(runtime.budget, value, {
    ensureAscii,
    indent: indent === null ? undefined : indentOf(runtime, indent),
    separators: between as [string, string] | undefined,
    sortKeys,
  });
});
defineText('trim', [maybe(str('chars'))], (text, [chars]) => pythonStrip(text, 'both', chars));
define('truncate', [
  usually(255, int('length')),
  flag('killwords'),
  usually('...', printed('end')),
  maybe(int('leeway')),
], (value, [limit, kill, end, slack = 5]) => {
  const size = sizeOf(value);
  const room = limit - Array.from(end).length;
  if (room < 0) throw new RangeError(`expected length >= ${limit - room}, got ${limit}`);
  if (size <= limit + slack) return value;
  const cut = Array.from(textOf('truncate', value)).slice(0, room).join('');
  const space = cut.lastIndexOf(' ');
  return (kill || space < 0 ? cut : cut.slice(0, space)) + end;
});
defineItems('unique', [caseSensitive, attribute], (items, [cased, path], runtime) => {
  const key = keyOf(runtime, path, cased);
  const seen = new Set<string>();
  return new Lazy(
    items.filter((item) => {
      const before = seen.size;
      return seen.add(hashOf(key(item))).size > before;
    }),
  );
});
define('urlencode', [], (value, _, { budget }) => {
  const quote = (part: Value, slash: string): string =>
    encodeURIComponent(pythonString(budget, part)).replace(/[!'()*]|%2F/g, (c) =>
      c === '%2F' ? slash : `%${c.charCodeAt(0).toString(16).toUpperCase()}`,
    );
  const pairs =
    value instanceof Dict ? value.entries().map((entry) => new Tuple(entry)) : sequenceOf(value);
  if (pairs === undefined) return quote(value, '/');
  return pairs
    .map((pair) => {
      const parts = itemsOf(budget, pair);
      if (parts.length !== 2) throw new RangeError('urlencode of a list that is not of pairs');
      return parts.map((part) => quote(part, '%2F').replaceAll('%20', '+')).join('=');
    })
    .join('&');
});
defineText('wordcount', [], (text) => BigInt(text.match(/[\p{L}\p{N}\p{M}_]+/gu)?.length ?? 0));

/** The items of a value; none if it counts as false. */
const someItems = ({ budget }: Runtime, value: Value): readonly Value[] =>
  isTrue(value) ? itemsOf(budget, value) : [];

/** The first argument, which must be there, and the others. */
function takeFirst(name: string, what: string, placed: readonly Value[]): [Value, Value[]] {
  const [given, ...rest] = placed;
  if (given === undefined) throw new TypeError(`${name} requires a ${what} argument`);
  return [given, rest];
}

// The items that pass a test, or do not.
for (const [name, wanted, byAttribute] of [
  ['select', true, false],
  ['reject', false, false],
  ['selectattr', true, true],
  ['rejectattr', false, true],
] as const) {
  filters.set(name, (runtime, value, { placed, named }) => {
    const [of, given] = byAttribute ? takeFirst(name, 'attribute name', placed) : [null, placed];
    const path = pathOf(runtime, of);
    const [test, ...rest] = given;
    const passes = (item: Value): boolean =>
      test === undefined
        ? isTrue(path(item))
        : runtime.test(pythonString(runtime.budget, test), path(item), { placed: rest, named });
    return new Lazy(someItems(runtime, value).filter((item) => passes(item) === wanted));
  });
}

filters.set('map', (runtime, value, { placed, named }) => {
  const path = named.get('attribute');
  if (placed.length === 0 && path !== undefined) {
    const unknown = [...named.keys()].find((key) => key !== 'attribute' && key !== 'default');
    if (unknown !== undefined) throw new TypeError(`Unexpected keyword argument '${unknown}'`);
    return new Lazy(someItems(runtime, value).map(pathOf(runtime, path, named.get('default'))));
  }
  const [name, rest] = takeFirst('map', 'filter', placed);
  const filter = pythonString(runtime.budget, name);
  return new Lazy(
    someItems(runtime, value).map((item) => runtime.filter(filter, item, { placed: rest, named })),
  );
});

/** Filters of Jinja that no chat needs: an error only where a template runs them. */
for (const name of ['filesizeformat', 'pprint', 'random', 'urlize', 'wordwrap', 'xmlattr']) {
  filters.set(name, () => {
    throw new TypeError(`it uses the filter '${name}', which is not supported`);
  });
}

/** Filters that handle marked text themselves. */
const OF_MARKUP = new Set(['e', 'escape', 'safe', 'default', 'd', 'attr', 'format']);

/** Filters whose result is marked if their input is. */
const KEEP_MARKUP = new Set(
  'capitalize center indent lower reverse string trim truncate upper'.split(' '),
);

/** Gives a filter the plain text of marked values, except those that handle marked text. */
function withMarkup(name: string, filter: Filter): Filter {
  if (OF_MARKUP.has(name)) return filter;
  return (runtime, value, { placed, named }) => {
    const args: Args = {
      placed: placed.map(unmarked),
      named: new Map(Array.from(named, ([key, each]) => [key, unmarked(each)])),
    };
    const result = filter(runtime, unmarked(value), args);
    const keeps = value instanceof Markup && KEEP_MARKUP.has(name);
    return keeps && typeof result === 'string' ? new Markup(result) : result;
  };
}

export const FILTERS: ReadonlyMap<string, Filter> = new Map(
  Array.from(filters, ([name, filter]) => [name, withMarkup(name, filter)]),
);

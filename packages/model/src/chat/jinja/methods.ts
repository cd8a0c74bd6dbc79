/** Methods of Python's `str`, `dict` and sequences. */
import type { Budget } from './budget.js';
import {
  type Given,
  type Parameter,
  type Runtime,
  any,
  bind,
  flag,
  int,
  maybe,
  str,
  usually,
} from './call.js';
import { formatBraces } from './format.js';
import { itemsOf } from './items.js';
import { pythonEquals, pythonRepr, pythonString } from './python.js';
import {
  CHECKS,
  capitalized,
  escapeText,
  justified,
  pythonLines,
  pythonReplace,
  pythonSplit,
  pythonStrip,
  swapped,
  titled,
} from './strings.js';
import {
  type Args,
  Dict,
  Markup,
  Range,
  Tuple,
  type Value,
  View,
  isList,
  kindOf,
  unmarked,
} from './values.js';

/** What methods need of the run that they are in. */
export type Host = Pick<Runtime, 'budget' | 'access'>;

type Method<Self> = (self: Self, name: string, args: Args, host: Host) => Value;

const method =
  <Self, const P extends readonly Parameter<unknown>[]>(
    parameters: P,
    run: (self: Self, given: Given<P>, host: Host, name: string) => Value,
  ): Method<Self> =>
  (self, name, args, host) =>
    run(self, bind(host.budget, name, parameters, args), host, name);

/** The characters that the bounds of a search leave, and where they begin; undefined where not even an empty text fits. */
function within(text: string, from = 0, to?: number): [part: string, start: number] | undefined {
  const characters = Array.from(text);
  const clip = (at: number): number => Math.max(0, at < 0 ? at + characters.length : at);
  const start = clip(from);
  const end = Math.min(characters.length, clip(to ?? characters.length));
  return start > end ? undefined : [characters.slice(start, end).join(''), start];
}

const SEARCH = [str(), maybe(int()), maybe(int())] as const;

/** `find`, `index`, `rfind` and `rindex`. */
const find = (fromRight: boolean, must: boolean): Method<string> =>
  method(SEARCH, (text, [sought, from, to]) => {
    const [part, start] = within(text, from, to) ?? [];
    const at = fromRight ? part?.lastIndexOf(sought) : part?.indexOf(sought);
    if (part !== undefined && at !== undefined && at >= 0) {
      return BigInt(start! + Array.from(part.slice(0, at)).length);
    }
    if (must) throw new RangeError('substring not found');
    return -1n;
  });

const affixed = (has: (part: string, affix: string) => boolean): Method<string> =>
  method([any(), maybe(int()), maybe(int())], (text, [given, from, to], _, name) => {
    const [part] = within(text, from, to) ?? [];
    const value = unmarked(given);
    return (value instanceof Tuple ? value.items : [value]).some((affix) => {
      if (typeof affix !== 'string') {
        throw new TypeError(
          `${name}() argument 1 is ${kindOf(affix)}, expected str or a tuple of str`,
        );
      }
      return part !== undefined && has(part, affix);
    });
  });

const split = (fromRight: boolean): Method<string> =>
  method(
    [maybe(str('sep')), usually(-1, int('maxsplit'))],
    (text, [between, limit], { budget }) => {
      const parts = pythonSplit(text, between, limit, fromRight);
      budget.list(parts.length);
      return parts;
    },
  );

const partition = (fromRight: boolean): Method<string> =>
  method([str()], (text, [between]) => {
    if (between === '') throw new RangeError('empty separator');
    const at = fromRight ? text.lastIndexOf(between) : text.indexOf(between);
    if (at < 0) return new Tuple(fromRight ? ['', '', text] : [text, '', '']);
    return new Tuple([text.slice(0, at), between, text.slice(at + between.length)]);
  });

const justify: Method<string> = method(
  [int(), maybe(str())],
  (text, [width, fill = ' '], { budget }, side) => {
    if (Array.from(fill).length !== 1) {
      throw new TypeError('The fill character must be exactly one character long');
    }
    budget.write(Math.max(0, width));
    return justified(text, width, side, fill);
  },
);

const strip = (sides: 'both' | 'left' | 'right'): Method<string> =>
  method([maybe(str())], (text, [characters]) => pythonStrip(text, sides, characters));

const plain = (run: (text: string) => Value): Method<string> => method([], (text) => run(text));

const TEXT: Readonly<Record<string, Method<string>>> = {
  ...Object.fromEntries(Object.entries(CHECKS).map(([name, check]) => [name, plain(check)])),
  capitalize: plain(capitalized),
  casefold: plain((text) => text.replace(/[ßẞ]/g, 'ss').toLowerCase()),
  lower: plain((text) => text.toLowerCase()),
  upper: plain((text) => text.toUpperCase()),
  swapcase: plain(swapped),
  title: plain(titled),
  center: justify,
  ljust: justify,
  rjust: justify,
  count: method(SEARCH, (text, [sought, from, to]) => {
    const [part] = within(text, from, to) ?? [];
    if (part === undefined) return 0n;
    return BigInt(sought === '' ? Array.from(part).length + 1 : part.split(sought).length - 1);
  }),
  endswith: affixed((part, end) => part.endsWith(end)),
  startswith: affixed((part, start) => part.startsWith(start)),
  expandtabs: method([usually(8, int('tabsize'))], (text, [size], { budget }) => {
    let column = 0;
    return Array.from(text, (character) => {
      const room = size > 0 ? size - (column % size) : 0;
      column = /[\n\r]/.test(character) ? 0 : column + (character === '\t' ? room : 1);
      if (character !== '\t') return character;
      budget.write(room);
      return ' '.repeat(room);
    }).join('');
  }),
  find: find(false, false),
  rfind: find(true, false),
  index: find(false, true),
  rindex: find(true, true),
  format: (text, _, args, { budget, access }) => formatBraces(budget, text, args, access),
  join: method([any()], (text, [list], { budget }) => {
    const parts = itemsOf(budget, list).map(unmarked);
    parts.forEach((part, i) => {
      if (typeof part !== 'string') {
        throw new TypeError(`sequence item ${i}: expected str instance, ${kindOf(part)} found`);
      }
      budget.write(part.length + text.length);
    });
    return parts.join(text);
  }),
  strip: strip('both'),
  lstrip: strip('left'),
  rstrip: strip('right'),
  partition: partition(false),
  rpartition: partition(true),
  removeprefix: method([str()], (text, [affix]) =>
    text.startsWith(affix) ? text.slice(affix.length) : text,
  ),
  removesuffix: method([str()], (text, [affix]) =>
    text.endsWith(affix) ? text.slice(0, text.length - affix.length) : text,
  ),
  replace: method(
    [str(), str(), usually(-1, int('count'))],
    (text, [before, after, count], { budget }) => pythonReplace(budget, text, before, after, count),
  ),
  split: split(false),
  rsplit: split(true),
  splitlines: method([flag('keepends')], (text, [keepEnds]) => pythonLines(text, keepEnds)),
  zfill: method([int()], (text, [width], { budget }) => {
    const sign = /^[+-]/.test(text) ? text[0]! : '';
    budget.write(Math.max(0, width));
    return sign + justified(text.slice(sign.length), width - sign.length, 'rjust', '0');
  }),
};

const DICT: Readonly<Record<string, Method<Dict>>> = {
  get: method([any(), usually(null, any())], (of, [key, usual]) => {
    const found = of.get(key);
    return found === undefined ? usual : found;
  }),
  items: method([], (of) => new View('items', of)),
  keys: method([], (of) => new View('keys', of)),
  values: method([], (of) => new View('values', of)),
  copy: method([], (of) => of),
};

/** The places of a value in a sequence. */
const placesOf = (of: Value, sought: Value, budget: Budget): number[] =>
  itemsOf(budget, of).flatMap((each, i) => (pythonEquals(budget, each, sought) ? [i] : []));

const SEQUENCE: Readonly<Record<string, Method<Value>>> = {
  count: method([any()], (of, [sought], { budget }) => BigInt(placesOf(of, sought, budget).length)),
  index: method([any()], (of, [sought], { budget }) => {
    const [place] = placesOf(of, sought, budget);
    if (place !== undefined) return BigInt(place);
    throw new RangeError(`${pythonRepr(budget, sought)} is not in list`);
  }),
};

const LIST: typeof SEQUENCE = { ...SEQUENCE, copy: method([], (of: Value) => of) };

/** A value as a part of marked text: its text, escaped if it is not marked. */
export const partOfMarkup = (budget: Budget, value: Value): string =>
  value instanceof Markup ? value.text : escapeText(pythonString(budget, value));

/** A method of marked text: what becomes a part of the text is escaped, and the result is marked. */
function ofMarkup({ text }: Markup, name: string, args: Args, host: Host): Value {
  const part = (value: Value): string => partOfMarkup(host.budget, value);
  let { placed, named } = args;
  if (name === 'join') {
    placed = [itemsOf(host.budget, placed[0] ?? null).map(part)];
  } else if (name === 'format') {
    placed = placed.map((value) =>
      typeof value === 'object' || typeof value === 'string' ? part(value) : value,
    );
    named = new Map(Array.from(named, ([key, value]) => [key, part(value)]));
  } else if (['replace', 'center', 'ljust', 'rjust'].includes(name)) {
    placed = placed.map((value, i) => (i === 1 && typeof value === 'string' ? part(value) : value));
  }
  return marked(TEXT[name]!(text, name, { placed, named }, host));
}

/** Marks a text, and the texts of a list. */
function marked(value: Value): Value {
  if (typeof value === 'string') return new Markup(value);
  if (isList(value)) return value.map(marked);
  return value instanceof Tuple ? new Tuple(value.items.map(marked)) : value;
}

/** A method of a value, or undefined if there is none of the name. */
export function methodOf(
  host: Host,
  value: Value,
  name: string,
): ((args: Args) => Value) | undefined {
  const from = <Self>(
    methods: Readonly<Record<string, Method<Self>>>,
    self: Self,
  ): ((args: Args) => Value) | undefined =>
    Object.hasOwn(methods, name) ? (args) => methods[name]!(self, name, args, host) : undefined;
  if (typeof value === 'string') return from(TEXT, value);
  if (value instanceof Markup)
    return from(TEXT, '') && ((args) => ofMarkup(value, name, args, host));
  if (value instanceof Dict) return from(DICT, value);
  if (isList(value)) return from(LIST, value);
  return value instanceof Tuple || value instanceof Range ? from(SEQUENCE, value) : undefined;
}

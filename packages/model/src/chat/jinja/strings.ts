/** Methods of Python's `str`. Positions count code points. */
import { type Access, formatBraces } from './format.js';
import { itemsOf } from './items.js';
import { pythonString } from './python.js';
import {
  type Args,
  type Budget,
  Markup,
  Tuple,
  type Value,
  isList,
  kindOf,
  unmarked,
} from './values.js';

/** What Python's `str.strip` takes off: its whitespace is not JavaScript's. */
const SPACES =
  '\t\n\v\f\r\x1C\x1D\x1E\x1F \x85\xA0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200A\u2028\u2029\u202F\u205F\u3000';
const isSpace = new Set(SPACES);

/** `str.strip`, `lstrip` and `rstrip`. */
export function pythonStrip(
  text: string,
  sides: 'both' | 'left' | 'right',
  characters = SPACES,
): string {
  const all = Array.from(text);
  const set = characters === SPACES ? isSpace : new Set(characters);
  let [start, end] = [0, all.length];
  if (sides !== 'right') while (start < end && set.has(all[start]!)) start++;
  if (sides !== 'left') while (end > start && set.has(all[end - 1]!)) end--;
  return all.slice(start, end).join('');
}

/** `str.splitlines` */
export function pythonLines(text: string, keepEnds = false): string[] {
  const parts = text.split(/(\r\n|[\n\r\v\f\x1C-\x1E\x85\u2028\u2029])/);
  const lines: string[] = [];
  for (let i = 0; i < parts.length; i += 2) {
    const end = parts[i + 1];
    if (end !== undefined || parts[i] !== '') lines.push(parts[i]! + (keepEnds ? (end ?? '') : ''));
  }
  return lines;
}

/** `str.replace` */
export function pythonReplace(
  budget: Budget,
  text: string,
  before: string,
  after: string,
  count = Infinity,
): string {
  if (count < 0) return pythonReplace(budget, text, before, after);
  const parts = before === '' ? ['', ...Array.from(text), ''] : text.split(before);
  const kept = Math.min(count, parts.length - 1);
  budget.write(text.length + kept * after.length);
  return (
    parts.slice(0, kept + 1).join(after) +
    (kept < parts.length - 1 ? before + parts.slice(kept + 1).join(before) : '')
  );
}

/** Letters that are two, of which the first alone is large. */
const DIGRAPHS: readonly string[] = ['Ǆǅǆ', 'Ǉǈǉ', 'Ǌǋǌ', 'Ǳǲǳ'];

/** A character as the first of a word. */
function titleCase(character: string): string {
  const digraph = DIGRAPHS.find((each) => each.includes(character));
  if (character !== '' && digraph !== undefined) return digraph[1]!;
  const [first = '', ...rest] = Array.from(character.toUpperCase());
  return first + rest.join('').toLowerCase();
}

export const capitalized = (text: string): string => {
  const [first = '', ...rest] = Array.from(text);
  return titleCase(first) + rest.join('').toLowerCase();
};

/** `str.split` and `rsplit` between spaces. */
function splitSpaces(text: string, limit: number, fromRight: boolean): string[] {
  const all = Array.from(text);
  if (fromRight) all.reverse();
  const words: string[] = [];
  let at = 0;
  const skip = (space: boolean): void => {
    while (at < all.length && isSpace.has(all[at]!) === space) at++;
  };
  for (;;) {
    skip(true);
    if (at >= all.length) break;
    const start = at;
    if (words.length >= limit) {
      words.push(ordered(all.slice(start)));
      break;
    }
    skip(false);
    words.push(ordered(all.slice(start, at)));
  }
  return fromRight ? words.reverse() : words;

  function ordered(characters: string[]): string {
    return (fromRight ? characters.reverse() : characters).join('');
  }
}

function splitText(text: string, between: string, limit: number, fromRight: boolean): string[] {
  if (between === '') throw new RangeError('empty separator');
  const parts = text.split(between);
  if (parts.length - 1 <= limit) return parts;
  if (fromRight) {
    const cut = parts.length - limit;
    return [parts.slice(0, cut).join(between), ...parts.slice(cut)];
  }
  return [...parts.slice(0, limit), parts.slice(limit).join(between)];
}

/** Whether all characters are of a class, and there are some. */
const all = (pattern: RegExp): ((text: string) => boolean) => {
  return (text) => pattern.test(text);
};

const isTitle = (text: string): boolean => {
  let [cased, inWord] = [false, false];
  for (const character of text) {
    const upper = /\p{Lu}|\p{Lt}/u.test(character);
    const lower = /\p{Ll}/u.test(character);
    if ((upper && inWord) || (lower && !inWord)) return false;
    inWord = upper || lower;
    cased ||= inWord;
  }
  return cased;
};

export const isLower = (text: string): boolean =>
  /\p{Lowercase}/u.test(text) && !/[\p{Uppercase}\p{Lt}]/u.test(text);
export const isUpper = (text: string): boolean =>
  /\p{Uppercase}/u.test(text) && !/[\p{Lowercase}\p{Lt}]/u.test(text);

const CHECKS: Readonly<Record<string, (text: string) => boolean>> = {
  isalnum: all(/^[\p{L}\p{Nd}\p{No}\p{Nl}]+$/u),
  isalpha: all(/^\p{L}+$/u),
  isascii: (text) => !/[^\0-\x7F]/.test(text),
  isdecimal: all(/^\p{Nd}+$/u),
  isdigit: all(
    /^[\p{Nd}\u00B2\u00B3\u00B9\u2070\u2074-\u2079\u2080-\u2089\u2460-\u2468\u2474-\u247C\u2488-\u2490]+$/u,
  ),
  isidentifier: all(/^[\p{ID_Start}_]\p{ID_Continue}*$/u),
  islower: isLower,
  isnumeric: all(/^[\p{Nd}\p{No}\p{Nl}]+$/u),
  isprintable: (text) => !/[\p{C}\p{Z}]/u.test(text.replaceAll(' ', '')),
  isspace: (text) => text !== '' && Array.from(text).every((each) => isSpace.has(each)),
  istitle: isTitle,
  isupper: isUpper,
};

const swapped = (character: string): string =>
  isUpper(character)
    ? character.toLowerCase()
    : isLower(character)
      ? character.toUpperCase()
      : character;

/** `str.title`: a word begins behind whatever is no letter. */
function titled(text: string): string {
  let inWord = false;
  return Array.from(text, (character) => {
    const cased = character.toLowerCase() !== character.toUpperCase();
    const result = !cased ? character : inWord ? character.toLowerCase() : titleCase(character);
    inWord = cased;
    return result;
  }).join('');
}

/** Arguments of a method, by place or name, of the kinds that it takes. */
class Arguments {
  readonly name: string;
  readonly args: Args;
  readonly budget: Budget;

  constructor(name: string, args: Args, budget: Budget) {
    this.name = name;
    this.args = args;
    this.budget = budget;
  }

  value(i: number, name?: string): Value | undefined {
    const placed = this.args.placed[i];
    const value = placed === undefined && name !== undefined ? this.args.named.get(name) : placed;
    return value && unmarked(value);
  }

  text(i: number, name?: string): string | undefined {
    const value = this.value(i, name);
    if (value === undefined || value === null) return undefined;
    if (typeof value !== 'string') {
      throw new TypeError(`it calls ${this.name} with ${kindOf(value)}, expected str`);
    }
    return value;
  }

  needed(i: number): string {
    const text = this.text(i);
    if (text === undefined) throw new TypeError(`it calls ${this.name} without a text`);
    return text;
  }

  whole(i: number, usual: number, name?: string): number {
    const value = this.value(i, name);
    if (value === undefined) return usual;
    if (typeof value === 'boolean') return Number(value);
    if (typeof value !== 'bigint') {
      throw new TypeError(`it calls ${this.name} with ${kindOf(value)}, expected int`);
    }
    return Number(value);
  }

  width(i: number): number {
    const width = this.whole(i, 0);
    this.budget.write(Math.max(0, width));
    return width;
  }
}

/** `str.ljust`, `rjust` and `center`. */
export function justified(text: string, width: number, side: string, fill = ' '): string {
  const size = Array.from(text).length;
  const room = Math.max(0, width - size);
  const left =
    side === 'ljust' ? 0 : side === 'rjust' ? room : Math.floor(room / 2) + (room & width & 1);
  return fill.repeat(left) + text + fill.repeat(room - left);
}

type Method = (text: string, args: Arguments, access: Access) => Value;

/** The characters that the bounds of a search leave, and where they begin; undefined where not even an empty text fits. */
const bounds = (text: string, args: Arguments): [string[], number] | undefined => {
  const characters = Array.from(text);
  const bound = (i: number, usual: number): number => {
    const at = args.value(i) === null ? usual : args.whole(i, usual);
    return Math.max(0, at < 0 ? at + characters.length : at);
  };
  const start = bound(1, 0);
  const end = Math.min(characters.length, bound(2, characters.length));
  return start > end ? undefined : [characters.slice(start, end), start];
};

const found = (text: string, args: Arguments, fromRight: boolean): number => {
  const sought = args.needed(0);
  const [characters, start] = bounds(text, args) ?? [];
  if (characters === undefined || start === undefined) return -1;
  const part = characters.join('');
  const at = fromRight ? part.lastIndexOf(sought) : part.indexOf(sought);
  return at < 0 ? -1 : start + Array.from(part.slice(0, at)).length;
};

const located: (fromRight: boolean) => Method = (fromRight) => (text, args) => {
  const at = found(text, args, fromRight);
  if (at < 0) throw new RangeError('substring not found');
  return BigInt(at);
};

const affixed: (end: boolean) => Method = (end) => (text, args) => {
  const value = args.value(0);
  const part = bounds(text, args)?.[0].join('');
  const texts = value instanceof Tuple ? value.items : [value];
  return texts.some((each) => {
    if (typeof each !== 'string') {
      throw new TypeError(`it calls ${args.name} without a text or a tuple of texts`);
    }
    if (part === undefined) return false;
    return end ? part.endsWith(each) : part.startsWith(each);
  });
};

const split: (fromRight: boolean) => Method = (fromRight) => (text, args) => {
  const between = args.text(0, 'sep');
  const limit = args.whole(1, -1, 'maxsplit');
  const most = limit < 0 ? Infinity : limit;
  const parts =
    between === undefined
      ? splitSpaces(text, most, fromRight)
      : splitText(text, between, most, fromRight);
  args.budget.list(parts.length);
  return parts;
};

const partition: (fromRight: boolean) => Method = (fromRight) => (text, args) => {
  const between = args.needed(0);
  if (between === '') throw new RangeError('empty separator');
  const at = fromRight ? text.lastIndexOf(between) : text.indexOf(between);
  if (at < 0) return new Tuple(fromRight ? ['', '', text] : [text, '', '']);
  return new Tuple([text.slice(0, at), between, text.slice(at + between.length)]);
};

const justify: Method = (text, args) => {
  const fill = args.text(1) ?? ' ';
  if (Array.from(fill).length !== 1) {
    throw new TypeError('The fill character must be exactly one character long');
  }
  return justified(text, args.width(0), args.name, fill);
};

const METHODS: Readonly<Record<string, Method>> = {
  ...Object.fromEntries(
    Object.entries(CHECKS).map(([name, check]) => [name, (text: string) => check(text)]),
  ),
  capitalize: (text) => capitalized(text),
  casefold: (text) => text.replaceAll('ß', 'ss').replaceAll('ẞ', 'ss').toLowerCase(),
  center: justify,
  ljust: justify,
  rjust: justify,
  count: (text, args) => {
    const sought = args.needed(0);
    const part = bounds(text, args)?.[0];
    if (part === undefined) return 0n;
    return BigInt(sought === '' ? part.length + 1 : part.join('').split(sought).length - 1);
  },
  endswith: affixed(true),
  startswith: affixed(false),
  expandtabs: (text, args) => {
    const size = args.whole(0, 8, 'tabsize');
    let column = 0;
    return Array.from(text, (character) => {
      const room = size > 0 ? size - (column % size) : 0;
      column = /[\n\r]/.test(character) ? 0 : column + (character === '\t' ? room : 1);
      if (character !== '\t') return character;
      args.budget.write(room);
      return ' '.repeat(room);
    }).join('');
  },
  find: (text, args) => BigInt(found(text, args, false)),
  rfind: (text, args) => BigInt(found(text, args, true)),
  index: located(false),
  rindex: located(true),
  format: (text, args, access) => formatBraces(args.budget, text, args.args, access),
  join: (text, args) => {
    const value = args.value(0);
    if (value === undefined) throw new TypeError('it calls join without a list');
    const parts = itemsOf(args.budget, value).map(unmarked);
    parts.forEach((part, i) => {
      if (typeof part !== 'string') {
        throw new TypeError(`sequence item ${i}: expected str instance, ${kindOf(part)} found`);
      }
      args.budget.write(part.length + text.length);
    });
    return parts.join(text);
  },
  lower: (text) => text.toLowerCase(),
  upper: (text) => text.toUpperCase(),
  swapcase: (text) => Array.from(text, swapped).join(''),
  title: (text) => titled(text),
  strip: (text, args) => pythonStrip(text, 'both', args.text(0)),
  lstrip: (text, args) => pythonStrip(text, 'left', args.text(0)),
  rstrip: (text, args) => pythonStrip(text, 'right', args.text(0)),
  partition: partition(false),
  rpartition: partition(true),
  removeprefix: (text, args) =>
    text.startsWith(args.needed(0)) ? text.slice(args.needed(0).length) : text,
  removesuffix: (text, args) =>
    text.endsWith(args.needed(0)) ? text.slice(0, text.length - args.needed(0).length) : text,
  replace: (text, args) => {
    const [before, after] = [args.needed(0), args.needed(1)];
    return pythonReplace(args.budget, text, before, after, args.whole(2, -1, 'count'));
  },
  split: split(false),
  rsplit: split(true),
  splitlines: (text, args) => pythonLines(text, args.value(0, 'keepends') === true),
  zfill: (text, args) => {
    const sign = /^[+-]/.test(text) ? text[0]! : '';
    const width = args.width(0);
    return sign + justified(text.slice(sign.length), width - sign.length, 'rjust', '0');
  },
};

/** What HTML would read as markup, spelled out, as Jinja's `escape` does. */
export const escapeText = (text: string): string =>
  text.replace(
    /[&<>'"]/g,
    (c) => `&${{ '&': 'amp', '<': 'lt', '>': 'gt', "'": '#39', '"': '#34' }[c]!};`,
  );

/** A value as a part of marked text: its text, escaped if it is not marked. */
export const partOfMarkup = (budget: Budget, value: Value): string =>
  value instanceof Markup ? value.text : escapeText(pythonString(budget, value));

/** Arguments of methods that become a part of the text. */
const WRITTEN: Readonly<Record<string, (args: Args, part: (value: Value) => string) => Args>> = {
  ...Object.fromEntries(
    ['replace', 'center', 'ljust', 'rjust'].map((name) => [
      name,
      ({ placed, named }: Args, part: (value: Value) => string): Args => ({
        placed: placed.map((value, i) =>
          i === 1 && typeof value === 'string' ? part(value) : value,
        ),
        named,
      }),
    ]),
  ),
  format: ({ placed, named }, part) => ({
    placed: placed.map((value) =>
      typeof value === 'object' || typeof value === 'string' ? part(value) : value,
    ),
    named: new Map(Array.from(named, ([name, value]) => [name, part(value)])),
  }),
};

/** A method of marked text: what it returns is marked too. */
export function markupMethod(
  budget: Budget,
  text: string,
  name: string,
  access: Access,
): ((args: Args) => Value) | undefined {
  const method = textMethod(budget, text, name, access);
  const part = (value: Value): string => partOfMarkup(budget, value);
  return (
    method &&
    ((args) => {
      if (name === 'join') {
        const items = args.placed[0] === undefined ? [] : itemsOf(budget, args.placed[0]);
        return marked(method({ ...args, placed: [items.map(part)] }));
      }
      return marked(method(Object.hasOwn(WRITTEN, name) ? WRITTEN[name]!(args, part) : args));
    })
  );
}

/** Marks a text, and the texts of a list. */
function marked(value: Value): Value {
  if (typeof value === 'string') return new Markup(value);
  if (isList(value)) return value.map(marked);
  return value instanceof Tuple ? new Tuple(value.items.map(marked)) : value;
}

/** A method of a text, or undefined if there is none of the name. */
export function textMethod(
  budget: Budget,
  text: string,
  name: string,
  access: Access,
): ((args: Args) => Value) | undefined {
  if (!Object.hasOwn(METHODS, name)) return undefined;
  return (args) => METHODS[name]!(text, new Arguments(name, args, budget), access);
}

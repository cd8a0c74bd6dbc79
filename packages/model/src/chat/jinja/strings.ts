/** What Python does with texts. Positions count code points. */
import type { Budget } from './budget.js';

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
  count: number,
): string {
  const parts = before === '' ? ['', ...Array.from(text), ''] : text.split(before);
  const kept = Math.min(count < 0 ? Infinity : count, parts.length - 1);
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

/** `str.split` and `rsplit`: at a separator, or between spaces. */
export function pythonSplit(
  text: string,
  between: string | undefined,
  limit: number,
  fromRight: boolean,
): string[] {
  const most = limit < 0 ? Infinity : limit;
  if (between === undefined) return splitSpaces(text, most, fromRight);
  if (between === '') throw new RangeError('empty separator');
  const parts = text.split(between);
  const more = parts.length - 1 - most;
  if (more <= 0) return parts;
  return fromRight
    ? [parts.slice(0, more + 1).join(between), ...parts.slice(more + 1)]
    : [...parts.slice(0, most), parts.slice(most).join(between)];
}

function splitSpaces(text: string, most: number, fromRight: boolean): string[] {
  const all = Array.from(text);
  if (fromRight) all.reverse();
  const words: string[][] = [];
  let at = 0;
  const skip = (space: boolean): void => {
    while (at < all.length && isSpace.has(all[at]!) === space) at++;
  };
  for (skip(true); at < all.length; skip(true)) {
    const start = at;
    if (words.length >= most) at = all.length;
    else skip(false);
    words.push(all.slice(start, at));
  }
  if (!fromRight) return words.map((word) => word.join(''));
  return words.reverse().map((word) => word.reverse().join(''));
}

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

/** What `isalpha` and the like ask of a text. */
export const CHECKS: Readonly<Record<string, (text: string) => boolean>> = {
  isalnum: (text) => /^[\p{L}\p{Nd}\p{No}\p{Nl}]+$/u.test(text),
  isalpha: (text) => /^\p{L}+$/u.test(text),
  isascii: (text) => !/[^\0-\x7F]/.test(text),
  isdecimal: (text) => /^\p{Nd}+$/u.test(text),
  isdigit: (text) => DIGITS.test(text),
  isidentifier: (text) => /^[\p{ID_Start}_]\p{ID_Continue}*$/u.test(text),
  islower: isLower,
  isnumeric: (text) => /^[\p{Nd}\p{No}\p{Nl}]+$/u.test(text),
  isprintable: (text) => !/[\p{C}\p{Z}]/u.test(text.replaceAll(' ', '')),
  isspace: (text) => text !== '' && Array.from(text).every((each) => isSpace.has(each)),
  istitle: isTitle,
  isupper: isUpper,
};

const DIGITS =
  /^[\p{Nd}\u00B2\u00B3\u00B9\u2070\u2074-\u2079\u2080-\u2089\u2460-\u2468\u2474-\u247C\u2488-\u2490]+$/u;

/** `str.swapcase` */
export const swapped = (text: string): string =>
  Array.from(text, (character) => {
    if (isUpper(character)) return character.toLowerCase();
    return isLower(character) ? character.toUpperCase() : character;
  }).join('');

/** `str.title`: a word begins behind whatever is no letter. */
export function titled(text: string): string {
  let inWord = false;
  return Array.from(text, (character) => {
    const cased = character.toLowerCase() !== character.toUpperCase();
    const result = !cased ? character : inWord ? character.toLowerCase() : titleCase(character);
    inWord = cased;
    return result;
  }).join('');
}

/** `str.ljust`, `rjust` and `center`. */
export function justified(text: string, width: number, side: string, fill = ' '): string {
  const size = Array.from(text).length;
  const room = Math.max(0, width - size);
  const left =
    side === 'ljust' ? 0 : side === 'rjust' ? room : Math.floor(room / 2) + (room & width & 1);
  return fill.repeat(left) + text + fill.repeat(room - left);
}

/** What HTML would read as markup, spelled out, as Jinja's `escape` does. */
export const escapeText = (text: string): string =>
  text.replace(
    /[&<>'"]/g,
    (c) => `&${{ '&': 'amp', '<': 'lt', '>': 'gt', "'": '#39', '"': '#34' }[c]!};`,
  );

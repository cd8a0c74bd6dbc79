/** Python's `%` formatting and `str.format`. */
import type { Budget } from './budget.js';
import type { Access } from './call.js';
import { exponential, fixed, numberOf, pythonFloat } from './numbers.js';
import { pythonAscii, pythonRepr, pythonString } from './python.js';
import {
  type Args,
  Dict,
  Range,
  Tuple,
  Undefined,
  type Value,
  isList,
  kindOf,
  unmarked,
} from './values.js';

/** How a field is written: `[[fill]align][sign][#][0][width][,][.precision][type]`. */
interface Spec {
  readonly fill: string;
  readonly align: string;
  readonly sign: string;
  readonly alternate: boolean;
  readonly width: number;
  readonly group: string;
  readonly precision: number | undefined;
  readonly type: string;
}

const WIDEST = 10_000;

function sizeOf(text: string | undefined): number | undefined {
  if (text === undefined || text === '') return undefined;
  const size = Number(text);
  if (size > WIDEST)
    throw new RangeError(`it formats to ${text} characters, not to 0 to ${WIDEST}`);
  return size;
}

/** An exponent of at least two digits. */
const withExponent = (text: string): string =>
  text.replace(/e([+-])(\d)$/, (_, sign: string, digit: string) => `e${sign}0${digit}`);

/** The digits of a float without its sign. */
function floatDigits(x: number, { type, precision, alternate }: Spec): string {
  const upper = type !== '' && type === type.toUpperCase();
  const cased = (text: string): string => (upper ? text.toUpperCase() : text);
  if (!Number.isFinite(x)) return cased(Number.isNaN(x) ? 'nan' : 'inf');
  const places = Math.min(precision ?? 6, 100);
  const pointed = (text: string): string =>
    alternate && !text.includes('.') ? text.replace(/(?=e|$)/, '.') : text;
  switch (type.toLowerCase()) {
    case '%':
      return `${pointed(fixed(x * 100, places))}%`;
    case 'f':
      return pointed(fixed(x, places));
    case 'e':
      return cased(withExponent(pointed(exponential(x, places))));
    case '':
      if (precision === undefined) return pythonFloat(x);
  }
  const significant = Math.max(1, places);
  const power = x === 0 ? 0 : Number(exponential(x, significant - 1).split('e')[1]);
  const limit = type === '' ? significant - 1 : significant;
  const digits =
    power < -4 || power >= limit
      ? exponential(x, significant - 1)
      : fixed(x, significant - 1 - power);
  const short = alternate
    ? pointed(digits)
    : digits.replace(/(\.\d*?)0+(?=e|$)/, '$1').replace(/\.(?=e|$)/, '');
  return cased(withExponent(type === '' && !/[.e]/.test(short) ? `${short}.0` : short));
}

/** Digits with separators, and zeros in front that are separated too. */
function grouped(digits: string, { group, type }: Spec, zeros: number): string {
  const [whole = '', ...rest] = digits.split(/(?=[.%])|(?=e[+-])/i);
  const size = /^[boxX]$/.test(type) ? 4 : 3;
  const width = zeros - rest.join('').length;
  if (group === '') return whole.padStart(width, '0') + rest.join('');
  // The fewest digits that fill the width with their separators; no separator comes first.
  const count = width - Math.floor(Math.max(0, width - 1) / (size + 1));
  const all = whole.padStart(count, '0');
  return all.replace(new RegExp(`\\B(?=(.{${size}})+$)`, 'g'), group) + rest.join('');
}

function padded(text: string, { fill, align, width }: Spec, usual: string): string {
  const room = Math.max(0, width - Array.from(text).length);
  const where = align || usual;
  const left = where === '<' ? 0 : where === '^' ? Math.floor(room / 2) : room;
  return fill.repeat(left) + text + fill.repeat(room - left);
}

/** A text as a spec says: its first characters, padded. */
const formatText = (text: string, spec: Spec, usual: string): string =>
  padded(Array.from(text).slice(0, spec.precision).join(''), spec, usual);

/** A value as `%s`, `%r` and `%a`, and as `!s`, `!r` and `!a`, write it. */
function shownAs(budget: Budget, value: Value, how: string): string {
  if (how === 's') return pythonString(budget, value);
  const shown = pythonRepr(budget, value);
  return how === 'a' ? pythonAscii(shown) : shown;
}

const BASES: Readonly<Record<string, number>> = { b: 2, o: 8, x: 16, X: 16 };

function formatNumber(value: bigint | number, spec: Spec): string {
  const { type, sign } = spec;
  const floats = typeof value === 'number' || /^[eEfFgG%]$/.test(type);
  const negative = typeof value === 'number' ? value < 0 || Object.is(value, -0) : value < 0n;
  const base = floats ? undefined : BASES[type];
  const prefix = spec.alternate && base !== undefined ? `0${type}` : '';
  let digits = floats
    ? floatDigits(Math.abs(Number(value)), spec)
    : value
        .toString(base)
        .replace('-', '')
        .padStart(spec.precision ?? 0, '0');
  if (type === 'X') digits = digits.toUpperCase();
  const front = (negative ? '-' : sign === '-' ? '' : sign) + prefix;
  const inside = spec.align === '=';
  const zeros = inside && spec.fill === '0' ? spec.width - front.length : 0;
  const body = grouped(digits, spec, zeros);
  if (!inside) return padded(front + body, spec, '>');
  return front + spec.fill.repeat(Math.max(0, spec.width - front.length - body.length)) + body;
}

const CONVERSION = /%(?:\(([^)]*)\))?([-+ #0]*)(\*|\d*)(?:\.(\*|\d*))?[hlL]?(.|$)/gsu;

/**
 * `text % values`
 *
 * @param loose - whether there may be more values than the text asks for, whatever they are
 */
export function formatPercent(budget: Budget, text: string, values: Value, loose = false): string {
  const items = values instanceof Tuple ? values.items : [values];
  let used = 0;
  const take = (): Value => {
    if (used >= items.length) throw new TypeError('not enough arguments for format string');
    return items[used++]!;
  };
  const sized = (part: string | undefined): number | undefined => {
    if (part !== '*') return sizeOf(part);
    const value = take();
    if (typeof value !== 'bigint') throw new TypeError('* wants int');
    return sizeOf(String(value));
  };
  const field = (name: string): Value => {
    if (!(values instanceof Dict)) throw new TypeError('format requires a mapping');
    const found = values.get(name);
    if (found === undefined) throw new RangeError(`the key '${name}' is not in the dict`);
    return found;
  };
  const write = (
    whole: string,
    name: string | undefined,
    flags: string,
    wide: string,
    exact: string | undefined,
    type: string,
  ): string => {
    if (whole === '%%') return '%';
    const left = flags.includes('-');
    const spec: Spec = {
      fill: ' ',
      align: left ? '<' : '',
      sign: flags.includes('+') ? '+' : flags.includes(' ') ? ' ' : '',
      alternate: flags.includes('#'),
      width: sized(wide) ?? 0,
      group: '',
      precision: exact === '' ? 0 : sized(exact),
      type: type === 'i' || type === 'u' ? 'd' : type,
    };
    if (type === '%') return '%';
    const value = name === undefined ? take() : field(name);
    budget.write(spec.width);
    if (/^[sra]$/.test(type)) return formatText(shownAs(budget, value, type), spec, '>');
    if (type === 'c') return padded(character(value), spec, '>');
    if (type === '') throw new RangeError('incomplete format');
    if (!/^[diuoxXeEfFgG]$/.test(type)) {
      throw new RangeError(`unsupported format character '${type}'`);
    }
    const number = numberOf(value);
    if (number === undefined || (/[oxX]/.test(type) && typeof number === 'number')) {
      throw new TypeError(`%${type} format: a real number is required, not ${kindOf(value)}`);
    }
    const whole_ = typeof number === 'number' && /[diu]/.test(type);
    const exactly = whole_ ? BigInt(Math.trunc(number)) : number;
    const zeros = flags.includes('0') && !left;
    return formatNumber(exactly, zeros ? { ...spec, fill: '0', align: '=' } : spec);
  };
  const result = text.replace(CONVERSION, write);
  if (used < items.length && !loose && !isSubscripted(values)) {
    throw new TypeError('not all arguments converted during string formatting');
  }
  return result;
}

/** Values with items, of which a format need not use all. */
export const isSubscripted = (values: Value): boolean =>
  isList(values) || [Dict, Range, Undefined].some((each) => values instanceof each);

function character(value: Value): string {
  if (typeof value === 'string' && Array.from(value).length === 1) return value;
  const code = numberOf(value);
  if (typeof code !== 'bigint') throw new TypeError('%c requires int or char');
  if (code < 0n || code > 0x10ffffn) throw new RangeError('%c arg not in range(0x110000)');
  return String.fromCodePoint(Number(code));
}

const SPEC = /^(?:(.)?([<>=^]))?([-+ ])?(#)?(0)?(\d+)?([,_])?(?:\.(\d+))?([a-zA-Z%])?$/su;

/** Python's `format(value, spec)`. */
function formatValue(budget: Budget, value: Value, spec: string): string {
  if (spec === '') return pythonString(budget, value);
  const found = SPEC.exec(spec);
  if (!found) throw new RangeError(`Invalid format specifier '${spec}'`);
  const [, fill, align, sign = '', hash, zero, width, group = '', precision, type = ''] = found;
  const read: Spec = {
    fill: fill ?? (zero ? '0' : ' '),
    align: align ?? '',
    sign,
    alternate: hash !== undefined,
    width: sizeOf(width) ?? 0,
    group,
    precision: sizeOf(precision),
    type,
  };
  budget.write(read.width);
  const wrong = (): never => {
    throw new RangeError(`Unknown format code '${type}' for object of type '${kindOf(value)}'`);
  };
  if (typeof value === 'string') {
    if (type !== '' && type !== 's') wrong();
    if (group !== '') throw new RangeError(`Cannot specify '${group}' with 's'.`);
    if (sign !== '' || align === '=')
      throw new RangeError(`'${sign || align}' not allowed in string format specifier`);
    return formatText(value, read, '<');
  }
  const number = numberOf(value);
  if (number === undefined) {
    throw new TypeError(`unsupported format string passed to ${kindOf(value)}.__format__`);
  }
  if (type === 'c') return padded(character(BigInt(number)), read, '<');
  if (!/^[bdoxXeEfFgGn%]?$/.test(type)) wrong();
  if (typeof number === 'number' && /[bdoxX]/.test(type)) wrong();
  if (typeof number === 'bigint' && precision !== undefined && !/[eEfFgG%]/.test(type)) {
    throw new RangeError('Precision not allowed in integer format specifier');
  }
  return formatNumber(number, zero && !align ? { ...read, align: '=' } : read);
}

/** `text.format(...)` */
export function formatBraces(budget: Budget, text: string, args: Args, access: Access): string {
  let automatic = 0;
  const field = (name: string): Value => {
    const [first = '', ...rest] = name.split(/(?=[.[])/);
    const key = first || String(automatic++);
    const start = /^\d+$/.test(key) ? args.placed[Number(key)] : args.named.get(key);
    if (start === undefined) {
      throw new RangeError(`the format asks for '${key}', which it is not given`);
    }
    return rest.reduce((value, part) => {
      const [, attribute, item] = /^(?:\.(.+)|\[(.+)\])$/s.exec(part) ?? [];
      if (attribute !== undefined) return access.attribute(value, attribute);
      if (item === undefined) throw new RangeError(`the format's field '${name}' is none`);
      return access.item(value, /^\d+$/.test(item) ? BigInt(item) : item);
    }, start);
  };
  const write = (template: string, depth: number): string => {
    if (depth > 2) throw new RangeError('Max string recursion exceeded');
    let out = '';
    for (let at = 0; at < template.length;) {
      budget.step();
      const next = template.slice(at).search(/[{}]/);
      if (next < 0) return out + template.slice(at);
      out += template.slice(at, at + next);
      at += next;
      const brace = template[at]!;
      if (template[at + 1] === brace) {
        out += brace;
        at += 2;
        continue;
      }
      if (brace === '}') throw new RangeError("Single '}' encountered in format string");
      let [open, end] = [1, at + 1];
      for (; end < template.length && open > 0; end++) {
        if (template[end] === '{') open++;
        else if (template[end] === '}') open--;
      }
      if (open > 0) throw new RangeError("expected '}' before end of string");
      const parts = /^([^!:]*)(?:!(.))?(?::(.*))?$/s.exec(template.slice(at + 1, end - 1));
      if (!parts) throw new RangeError('the format has a field that is none');
      const [, name = '', conversion, spec = ''] = parts;
      const value = field(name);
      const shown = conversion === undefined ? unmarked(value) : shownAs(budget, value, conversion);
      const written = formatValue(budget, shown, write(spec, depth + 1));
      budget.write(written.length);
      out += written;
      at = end;
    }
    return out;
  };
  return write(text, 0);
}

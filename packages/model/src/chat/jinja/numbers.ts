/** Numbers as Python writes, reads and rounds them. */
import { pythonStrip } from './strings.js';
import type { Value } from './values.js';

/** A number of a value that counts as one: `True` is 1. */
export function numberOf(value: Value): bigint | number | undefined {
  if (typeof value === 'boolean') return value ? 1n : 0n;
  return typeof value === 'bigint' || typeof value === 'number' ? value : undefined;
}

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

/** A number with an exponent and so many decimals; exact halves go to the even digit. */
export function exponential(x: number, places: number): string {
  const text = x.toExponential(places);
  const exact = x.toExponential(100);
  const [digits = '', exponent = ''] = exact.split('e');
  // `toExponential` rounds halves up.
  const kept = digits.slice(0, places === 0 ? 1 : places + 2);
  const half = places < 100 && /^\.?50*$/.test(digits.slice(kept.length));
  return half && /[02468]$/.test(kept) ? `${kept}e${exponent}` : text;
}

/** A number with so many decimals; exact halves go to the even digit. */
export function fixed(x: number, places: number): string {
  if (Math.abs(x) >= 1e21)
    return BigInt(x).toString() + (places > 0 ? `.${'0'.repeat(places)}` : '');
  const text = x.toFixed(places);
  const exact = Math.abs(x).toFixed(100);
  const rest = exact.slice(exact.indexOf('.') + 1 + places);
  if (!/^50*$/.test(rest) || places >= 100) return text;
  // `toFixed` has rounded away from zero.
  const down = exact.slice(0, exact.indexOf('.') + 1 + places).replace(/\.$/, '');
  const even = /[02468]$/.test(down) ? down : text.replace('-', '');
  return x < 0 ? `-${even}` : even;
}

const FLOAT =
  /^[+-]?(?:(?:\d+(?:_\d+)*\.?|\d*(?:_\d+)*\.\d+(?:_\d+)*|\d+(?:_\d+)*\.(?:\d+(?:_\d+)*)?)(?:e[+-]?\d+)?|inf(?:inity)?|nan)$/i;

/** Python's `float` of a text. */
export function floatIn(content: string): number | undefined {
  const plain = pythonStrip(content, 'both');
  if (!FLOAT.test(plain)) return undefined;
  const word = plain.toLowerCase().replace(/^[+-]/, '');
  if (word.startsWith('inf')) return plain.startsWith('-') ? -Infinity : Infinity;
  return word === 'nan' ? NaN : Number(plain.replaceAll('_', ''));
}

const BASES: Readonly<Record<string, number>> = { '0b': 2, '0o': 8, '0x': 16 };

/** Python's `int` of a text in a base. */
export function wholeIn(content: string, base: number): bigint | undefined {
  const found = /^([+-]?)(0[box])?([\da-z]+(?:_[\da-z]+)*)$/i.exec(pythonStrip(content, 'both'));
  if (!found || content.length > 4300) return undefined;
  const [, sign, prefix, digits = ''] = found;
  const named = prefix === undefined ? undefined : BASES[prefix.toLowerCase()];
  if (named !== undefined && base === 10) return undefined;
  const radix = BigInt(base === 0 ? (named ?? 10) : base);
  const isPrefix = named === undefined || named === Number(radix);
  let value = 0n;
  for (const digit of (isPrefix ? digits : prefix + digits).replaceAll('_', '')) {
    const each = BigInt(parseInt(digit, 36));
    if (each >= radix) return undefined;
    value = value * radix + each;
  }
  return sign === '-' ? -value : value;
}

/** A whole number at a multiple of `unit`; halves go to the even one. */
export function roundedWhole(value: bigint, unit: bigint): bigint {
  const rest = ((value % unit) + unit) % unit;
  const below = value - rest;
  const up = rest * 2n > unit || (rest * 2n === unit && (below / unit) % 2n !== 0n);
  return up ? below + unit : below;
}

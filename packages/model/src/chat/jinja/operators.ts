/** Python's operators. */
import type { Budget } from './budget.js';
import { formatPercent, isSubscripted } from './format.js';
import { itemsOf, lengthOf } from './items.js';
import { partOfMarkup } from './methods.js';
import { numberOf } from './numbers.js';
import { pythonCompare, pythonEquals } from './python.js';
import {
  Dict,
  Lazy,
  Markup,
  Range,
  Tuple,
  type Value,
  defined,
  isList,
  kindOf,
  sequenceOf,
  unmarked,
} from './values.js';

/** The digits in base 2 that a whole number has at most. */
const BITS = 2 ** 16;

const bits = (x: bigint): number => x.toString(16).length * 4;

function bounded(x: bigint): bigint {
  if (bits(x) > BITS) throw new RangeError(`it makes a number of more than ${BITS} bits`);
  return x;
}

function divideBy(zero: boolean, message: string): void {
  if (zero) throw new RangeError(message);
}

function floorDivide(a: bigint, b: bigint): bigint {
  divideBy(b === 0n, 'integer division or modulo by zero');
  const quotient = a / b;
  return a % b !== 0n && a < 0n !== b < 0n ? quotient - 1n : quotient;
}

/** The quotient rounded down, and what is left, of floats. */
function floatDivmod(a: number, b: number, message: string): [number, number] {
  divideBy(b === 0, message);
  let rest = a % b;
  let quotient = (a - rest) / b;
  if (rest !== 0) {
    if (b < 0 !== rest < 0) {
      rest += b;
      quotient -= 1;
    }
  } else rest = b < 0 ? -0 : 0;
  if (quotient === 0) return [a / b < 0 || Object.is(a / b, -0) ? -0 : 0, rest];
  const floor = Math.floor(quotient);
  return [quotient - floor > 0.5 ? floor + 1 : floor, rest];
}

const WHOLE: Readonly<Record<string, (a: bigint, b: bigint) => Value>> = {
  '+': (a, b) => bounded(a + b),
  '-': (a, b) => bounded(a - b),
  '*': (a, b) => {
    if (bits(a) + bits(b) > BITS + 8) bounded(1n << BigInt(BITS));
    return a * b;
  },
  '/': (a, b) => {
    divideBy(b === 0n, 'division by zero');
    return quotient(a, b);
  },
  '//': floorDivide,
  '%': (a, b) => a - floorDivide(a, b) * b,
  '**': (a, b) => {
    if (b < 0n) {
      divideBy(a === 0n, '0.0 cannot be raised to a negative power');
      return Number(a) ** Number(b);
    }
    if (a > 1n || a < -1n) {
      if (b > BigInt(BITS) || (bits(a) - 4) * Number(b) > BITS) bounded(1n << BigInt(BITS));
    }
    return bounded(a ** b);
  },
};

/** A true quotient, rounded once. */
function quotient(a: bigint, b: bigint): number {
  const [x, y] = [Number(a), Number(b)];
  if (Number.isSafeInteger(x) && Number.isSafeInteger(y)) return x / y;
  const shift = BigInt(Math.max(0, bits(b) - bits(a) + 72));
  let scaled = (a << shift) / b;
  // What is cut off decides between halves.
  if ((a << shift) % b !== 0n) scaled = scaled * 2n + (a < 0n !== b < 0n ? -1n : 1n);
  else scaled *= 2n;
  const result = Number(scaled) / 2 ** (Number(shift) + 1);
  if (!Number.isFinite(result))
    throw new RangeError('integer division result too large for a float');
  return result;
}

const FLOATS: Readonly<Record<string, (a: number, b: number) => Value>> = {
  '+': (a, b) => a + b,
  '-': (a, b) => a - b,
  '*': (a, b) => a * b,
  '/': (a, b) => {
    divideBy(b === 0, 'float division by zero');
    return a / b;
  },
  '//': (a, b) => floatDivmod(a, b, 'float floor division by zero')[0],
  '%': (a, b) => floatDivmod(a, b, 'float modulo by zero')[1],
  '**': (a, b) => {
    divideBy(a === 0 && b < 0, '0.0 cannot be raised to a negative power');
    if (a < 0 && !Number.isInteger(b)) throw new RangeError('it makes a complex number');
    return Math.abs(a) === 1 && !Number.isFinite(b) ? 1 : a === 1 ? 1 : a ** b;
  },
};

function floatOf(x: bigint | number): number {
  const float = Number(x);
  if (typeof x === 'bigint' && !Number.isFinite(float)) {
    throw new RangeError('int too large to convert to float');
  }
  return float;
}

/** A sequence written so many times. */
function repeated(budget: Budget, value: Value, times: bigint): Value | undefined {
  const count = times < 0n ? 0 : Number(times);
  if (typeof value === 'string') {
    budget.write(value.length * count);
    return value.repeat(count);
  }
  const items = sequenceOf(value);
  if (items === undefined) return undefined;
  budget.list(items.length * count);
  const all = items.length === 0 ? [] : Array.from({ length: count }, () => items).flat();
  return isList(value) ? all : new Tuple(all);
}

/** The text of an operation that gives marked text, or undefined. */
function binaryMarkup(
  budget: Budget,
  operator: string,
  left: Value,
  right: Value,
): string | undefined {
  const part = (value: Value): Value =>
    typeof value === 'string' || typeof value === 'object' ? partOfMarkup(budget, value) : value;
  if (operator === '+') {
    if (![left, right].every((each) => typeof unmarked(each) === 'string')) return undefined;
    const [a, b] = [partOfMarkup(budget, left), partOfMarkup(budget, right)];
    return binary(budget, '+', a, b) as string;
  }
  if (operator === '*') {
    const many = binary(budget, '*', unmarked(left), unmarked(right));
    return typeof many === 'string' ? many : undefined;
  }
  if (operator !== '%' || !(left instanceof Markup)) return undefined;
  const values =
    right instanceof Tuple
      ? new Tuple(right.items.map(part))
      : right instanceof Dict
        ? new Dict(right.entries().map(([key, value]) => [key, part(value)]))
        : part(right);
  return formatPercent(budget, left.text, values, isSubscripted(right));
}

/** `left operator right`, of `+ - * / // % **` */
export function binary(budget: Budget, operator: string, left: Value, right: Value): Value {
  if (left instanceof Markup || right instanceof Markup) {
    const result = binaryMarkup(budget, operator, left, right);
    if (result !== undefined) return new Markup(result);
    return binary(budget, operator, unmarked(left), unmarked(right));
  }
  if (operator === '%' && typeof left === 'string') return formatPercent(budget, left, right);
  defined(left);
  defined(right);
  const [x, y] = [numberOf(left), numberOf(right)];
  if (x !== undefined && y !== undefined) {
    if (typeof x === 'bigint' && typeof y === 'bigint') return WHOLE[operator]!(x, y);
    return FLOATS[operator]!(floatOf(x), floatOf(y));
  }
  if (operator === '+') {
    if (typeof left === 'string' && typeof right === 'string') {
      budget.write(left.length + right.length);
      return left + right;
    }
    const [first, second] = [sequenceOf(left), sequenceOf(right)];
    if (first && second && isList(left) === isList(right)) {
      budget.list(first.length + second.length);
      const all = [...first, ...second];
      return isList(left) ? all : new Tuple(all);
    }
  }
  if (operator === '*') {
    const [value, times] = typeof y === 'bigint' ? [left, y] : [right, x];
    const many = typeof times === 'bigint' ? repeated(budget, value, times) : undefined;
    if (many !== undefined) return many;
  }
  if (operator === '|' && left instanceof Dict && right instanceof Dict) {
    return new Dict([...left.entries(), ...right.entries()]);
  }
  throw new TypeError(
    `unsupported operand types for ${operator}: '${kindOf(left)}' and '${kindOf(right)}'`,
  );
}

/** `-value` and `+value` */
export function signed(operator: '-' | '+', value: Value): Value {
  const number = numberOf(defined(value));
  if (number === undefined) {
    throw new TypeError(`bad operand type for unary ${operator}: '${kindOf(value)}'`);
  }
  return operator === '-' ? -number : number;
}

export function contains(budget: Budget, within: Value, sought: Value): boolean {
  const [container, item] = [unmarked(within), unmarked(sought)];
  if (typeof container === 'string') {
    if (typeof item !== 'string') {
      throw new TypeError(`'in <string>' requires string as left operand, not ${kindOf(item)}`);
    }
    return container.includes(item);
  }
  if (container instanceof Dict) return container.get(item) !== undefined;
  if (container instanceof Lazy) {
    for (let next = container.next(); next !== undefined; next = container.next()) {
      if (pythonEquals(budget, next, item)) return true;
    }
    return false;
  }
  if (lengthOf(container) === undefined) {
    throw new TypeError(`argument of type '${kindOf(container)}' is not iterable`);
  }
  return itemsOf(budget, container).some((each) => pythonEquals(budget, each, item));
}

const ORDERS: Readonly<Record<string, (order: number) => boolean>> = {
  '<': (order) => order < 0,
  '<=': (order) => order <= 0,
  '>': (order) => order > 0,
  '>=': (order) => order >= 0,
};

/** `left operator right`, of comparisons */
export function compare(budget: Budget, operator: string, left: Value, right: Value): boolean {
  const order = ORDERS[operator];
  if (order) return order(pythonCompare(budget, left, right, operator));
  const equality = operator === '==' || operator === '!=';
  const holds = equality ? pythonEquals(budget, left, right) : contains(budget, right, left);
  return holds === (operator === '==' || operator === 'in');
}

/** Where Python's `slice(start, stop, step)` begins, ends and steps in so many items. */
function sliceOf(
  length: number,
  bounds: readonly (Value | undefined)[],
): readonly [start: number, stop: number, step: number] {
  const [start, stop, by = 1n] = bounds.map((bound) => {
    if (bound === undefined || bound === null) return undefined;
    const number = numberOf(defined(bound));
    if (typeof number === 'bigint') return number;
    throw new TypeError('slice indices must be integers or None or have an __index__ method');
  });
  if (by === 0n) throw new RangeError('slice step cannot be zero');
  const step = Number(by);
  const clip = (bound: bigint | undefined, usual: number): number => {
    if (bound === undefined) return usual;
    const at = Number(bound < 0n ? bound + BigInt(length) : bound);
    return step > 0 ? Math.min(length, Math.max(0, at)) : Math.min(length - 1, Math.max(-1, at));
  };
  return [clip(start, step > 0 ? 0 : length - 1), clip(stop, step > 0 ? length : -1), step];
}

/** The places that a slice takes of so many. */
function places(length: number, bounds: readonly (Value | undefined)[]): number[] {
  const [first, last, step] = sliceOf(length, bounds);
  const result: number[] = [];
  for (let i = first; step > 0 ? i < last : i > last; i += step) result.push(i);
  return result;
}

/** `value[start:stop:step]` */
export function sliced(
  budget: Budget,
  value: Value,
  bounds: readonly (Value | undefined)[],
): Value {
  if (value instanceof Markup) return new Markup(sliced(budget, value.text, bounds) as string);
  if (typeof value === 'string') {
    const characters = Array.from(value);
    const at = places(characters.length, bounds);
    budget.write(at.length);
    return at.map((i) => characters[i]!).join('');
  }
  if (value instanceof Range) {
    const [start, stop, step] = sliceOf(value.length, bounds);
    const at = (i: number): number => value.start + i * value.step;
    return new Range(at(start), at(stop), value.step * step);
  }
  const items = sequenceOf(value);
  if (items === undefined) throw new TypeError(`'${kindOf(value)}' object has no slices`);
  const at = places(items.length, bounds);
  budget.list(at.length);
  const taken = at.map((i) => items[i]!);
  return value instanceof Tuple ? new Tuple(taken) : taken;
}

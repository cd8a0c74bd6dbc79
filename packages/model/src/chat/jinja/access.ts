/** Fields and items of values, as Jinja's sandbox gives them: `a.b` is a method before it is a key, `a['b']` a key first. */
import type { Access } from './format.js';
import { itemsOf, lengthOf } from './items.js';
import { numberOf, pythonEquals, pythonRepr } from './python.js';
import { markupMethod, textMethod } from './strings.js';
import {
  type Args,
  type Budget,
  Dict,
  Lazy,
  Markup,
  Namespace,
  Native,
  Range,
  Tuple,
  Undefined,
  type Value,
  View,
  isList,
  kindOf,
} from './values.js';

/** The first of two values that is there; None is. */
const either = (value: Value | undefined, other: Value): Value =>
  value === undefined ? other : value;

const DICT = {
  get: (of: Dict, { placed: [key = null, usual = null] }: Args): Value =>
    either(of.get(key), usual),
  items: (of: Dict): Value => new View('items', of),
  keys: (of: Dict): Value => new View('keys', of),
  values: (of: Dict): Value => new View('values', of),
  copy: (of: Dict): Value => of,
} as const;

/** Methods that change a value, or lead out of it: they are there, and must not be used. */
const UNSAFE: Readonly<Record<string, readonly string[]>> = {
  list: ['append', 'clear', 'extend', 'insert', 'pop', 'remove', 'reverse', 'sort'],
  dict: ['clear', 'fromkeys', 'pop', 'popitem', 'setdefault', 'update'],
  str: ['encode', 'format_map', 'maketrans', 'translate'],
};

const native = (call: (args: Args) => Value): Native =>
  new Native('builtin_function_or_method', { call });

/** What Python's `getattr` finds, or undefined. */
function attributeOf(budget: Budget, value: Value, name: string): Value | undefined {
  if (typeof value === 'string') {
    const method = textMethod(budget, value, name, accessOf(budget));
    return method && native(method);
  }
  if (value instanceof Markup) {
    const method = markupMethod(budget, value.text, name, accessOf(budget));
    return method && native(method);
  }
  if (value instanceof Dict) {
    if (!Object.hasOwn(DICT, name)) return undefined;
    return native((args) => DICT[name as keyof typeof DICT](value, args));
  }
  if (value instanceof Namespace) return value.fields.get(name);
  if (value instanceof Native) return value.parts.fields?.get(name)?.();
  if (value instanceof Range && ['start', 'stop', 'step'].includes(name)) {
    return BigInt(value[name as 'start' | 'stop' | 'step']);
  }
  const items = isList(value)
    ? value
    : value instanceof Tuple
      ? value.items
      : value instanceof Range
        ? itemsOf(budget, value)
        : undefined;
  if (items === undefined) return undefined;
  const named = value instanceof Tuple ? value.names.indexOf(name) : -1;
  if (named >= 0) return items[named];
  if (name === 'copy' && isList(value)) return native(() => value);
  if (name !== 'count' && name !== 'index') return undefined;
  return native(({ placed: [sought = null] }) => {
    const places = items.flatMap((each, i) => (pythonEquals(budget, each, sought) ? [i] : []));
    if (name === 'count') return BigInt(places.length);
    if (places[0] === undefined)
      throw new RangeError(`${pythonRepr(budget, sought)} is not in list`);
    return BigInt(places[0]);
  });
}

/** What Python's `value[index]` finds, or undefined. */
function itemAt(value: Value, index: Value): Value | undefined {
  if (value instanceof Dict) {
    try {
      return value.get(index);
    } catch (error) {
      if (error instanceof TypeError) return undefined;
      throw error;
    }
  }
  const number = numberOf(index);
  if (typeof number !== 'bigint') return undefined;
  const at = Number(number);
  if (value instanceof Markup) {
    const character = itemAt(value.text, index);
    return typeof character === 'string' ? new Markup(character) : undefined;
  }
  if (typeof value === 'string') return Array.from(value).at(at);
  if (isList(value)) return value.at(at);
  if (value instanceof Tuple) return value.items.at(at);
  if (!(value instanceof Range)) return undefined;
  const place = at < 0 ? at + value.length : at;
  return place >= 0 && place < value.length ? value.at(place) : undefined;
}

/** The two ways to a part of a value. What is not there is undefined, and a part of that an error. */
export function accessOf(budget: Budget): Access {
  const missing = (value: Value, index: Value): Undefined => {
    const kind = kindOf(value);
    if (typeof index === 'string') {
      if (UNSAFE[kind]?.includes(index) || (!(value instanceof Dict) && index.startsWith('_'))) {
        return new Undefined(`access to attribute '${index}' of '${kind}' object is unsafe.`);
      }
      const owner = value === null ? 'None' : `'${kind} object'`;
      return new Undefined(`${owner} has no attribute '${index}'`);
    }
    // What has no text, such as a generator, is no place of an item either.
    const shown =
      index instanceof Lazy || index instanceof Native ? kindOf(index) : pythonRepr(budget, index);
    return new Undefined(`'${kind} object' has no element ${shown}`);
  };
  const reach = (value: Value): void => {
    if (value instanceof Undefined) throw new TypeError(value.message);
  };
  return {
    attribute(value, name) {
      budget.step();
      reach(value);
      const kind = kindOf(value);
      if (UNSAFE[kind]?.includes(name)) return missing(value, name);
      const found = attributeOf(budget, value, name);
      return either(found === undefined ? itemAt(value, name) : found, missing(value, name));
    },
    item(value, index) {
      budget.step();
      reach(value);
      const found = itemAt(value, index);
      if (found !== undefined) return found;
      const attribute = typeof index === 'string' ? attributeOf(budget, value, index) : undefined;
      return either(attribute, missing(value, index));
    },
  };
}

/** Python's `reversed`, as a list, or undefined of what has no order. */
export function reversedItems(value: Value, items: () => readonly Value[]): Value[] | undefined {
  const ordered = !(value instanceof Lazy) && lengthOf(value) !== undefined;
  return ordered ? [...items()].reverse() : undefined;
}

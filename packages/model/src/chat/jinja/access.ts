/** Fields and items of values, as Jinja's sandbox gives them: `a.b` is a method before it is a key, `a['b']` a key first. */
import type { Budget } from './budget.js';
import { type Access, native } from './call.js';
import { type Host, methodOf } from './methods.js';
import { numberOf } from './numbers.js';
import { pythonRepr } from './python.js';
import {
  Dict,
  Lazy,
  Markup,
  Namespace,
  Native,
  Range,
  Tuple,
  Undefined,
  type Value,
  defined,
  kindOf,
  sequenceOf,
} from './values.js';

/** Methods that change a value, or lead out of it: they are there, and must not be used. */
const UNSAFE: Readonly<Record<string, readonly string[]>> = {
  list: ['append', 'clear', 'extend', 'insert', 'pop', 'remove', 'reverse', 'sort'],
  dict: ['clear', 'fromkeys', 'pop', 'popitem', 'setdefault', 'update'],
  str: ['encode', 'format_map', 'maketrans', 'translate'],
};

/** What Python's `getattr` finds, or undefined. */
function attributeOf(host: Host, value: Value, name: string): Value | undefined {
  if (value instanceof Namespace) return value.fields.get(name);
  if (value instanceof Native) return value.parts.fields?.get(name)?.();
  if (value instanceof Range && (name === 'start' || name === 'stop' || name === 'step')) {
    return BigInt(value[name]);
  }
  const named = value instanceof Tuple ? value.names.indexOf(name) : -1;
  if (named >= 0) return (value as Tuple).items[named];
  const method = methodOf(host, value, name);
  return method && native(method, 'builtin_function_or_method');
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
  if (!(value instanceof Range)) return sequenceOf(value)?.at(at);
  const place = at < 0 ? at + value.length : at;
  return place >= 0 && place < value.length ? value.at(place) : undefined;
}

const isUnsafe = (value: Value, name: string): boolean =>
  UNSAFE[kindOf(value)]?.includes(name) ?? false;

/** The undefined value for a missing part, with the reason. */
function missing(budget: Budget, value: Value, index: Value): Undefined {
  const kind = kindOf(value);
  if (typeof index === 'string') {
    if (isUnsafe(value, index) || (!(value instanceof Dict) && index.startsWith('_'))) {
      return new Undefined(`access to attribute '${index}' of '${kind}' object is unsafe.`);
    }
    const owner = value === null ? 'None' : `'${kind} object'`;
    return new Undefined(`${owner} has no attribute '${index}'`);
  }
  // A generator or a function has no text: its type is shown.
  const shown =
    index instanceof Lazy || index instanceof Native ? kindOf(index) : pythonRepr(budget, index);
  return new Undefined(`'${kind} object' has no element ${shown}`);
}

/** Access to parts of values. A missing part is undefined; a part of what is undefined is an error. */
export function accessOf(budget: Budget): Access {
  const access: Access = {
    attribute(value, name) {
      budget.step();
      if (isUnsafe(defined(value), name)) return missing(budget, value, name);
      const attribute = attributeOf(host, value, name);
      if (attribute !== undefined) return attribute;
      const item = itemAt(value, name);
      return item === undefined ? missing(budget, value, name) : item;
    },
    item(value, index) {
      budget.step();
      const item = itemAt(defined(value), index);
      if (item !== undefined) return item;
      const attribute = typeof index === 'string' ? attributeOf(host, value, index) : undefined;
      return attribute === undefined ? missing(budget, value, index) : attribute;
    },
  };
  const host: Host = { budget, access };
  return access;
}

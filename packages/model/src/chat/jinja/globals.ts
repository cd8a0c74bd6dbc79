/** The functions that templates of chats may call. */
import { bind } from './builtins.js';
import { formatDate } from './date.js';
import { itemsOf } from './items.js';
import { numberOf, pythonEquals, pythonString } from './python.js';
import {
  type Args,
  type Budget,
  Dict,
  Namespace,
  Native,
  Range,
  type Value,
  isList,
  kindOf,
} from './values.js';

/** An error that a template raises by itself. */
export class TemplateRefusal extends Error {}

/** As many numbers as Jinja's sandbox allows. */
const LONGEST_RANGE = 100_000;

const native = (call: (args: Args) => Value, fields?: ReadonlyMap<string, () => Value>): Native =>
  new Native('function', { call, ...(fields && { fields }) });

function range(budget: Budget, { placed }: Args): Value {
  const shown = placed.map((each) => pythonString(budget, each)).join(', ');
  const limits = placed.map((each) => {
    const number = numberOf(each);
    if (typeof number !== 'bigint') {
      throw new TypeError(`'${kindOf(each)}' object cannot be interpreted as an integer`);
    }
    return Number(number);
  });
  const [start, stop, step] =
    limits.length === 1 ? [0, limits[0]!, 1] : [limits[0]!, limits[1]!, limits[2] ?? 1];
  if (
    limits.length === 0 ||
    limits.length > 3 ||
    step === 0 ||
    !limits.every(Number.isSafeInteger)
  ) {
    throw new RangeError(`it asks for a range of ${shown}`);
  }
  const result = new Range(start, stop, step);
  if (result.length > LONGEST_RANGE) throw new RangeError(`it asks for a range of ${shown}`);
  return result;
}

/** The entries of `dict(...)` and `namespace(...)`. */
function entriesOf(budget: Budget, name: string, { placed, named }: Args): [Value, Value][] {
  const [first] = bind(name, ['mapping'], { placed, named: new Map() });
  const given =
    first === undefined
      ? []
      : first instanceof Dict
        ? first.entries()
        : itemsOf(budget, first).map((pair): [Value, Value] => {
            const [key, value, ...more] = itemsOf(budget, pair);
            if (key === undefined || value === undefined || more.length > 0) {
              throw new TypeError(`${name}() takes pairs`);
            }
            return [key, value];
          });
  return [...given.map(([key, value]): [Value, Value] => [key, value]), ...named];
}

/** `cycler('odd', 'even')` */
function cycler({ placed }: Args): Value {
  if (placed.length === 0) throw new TypeError('at least one item has to be provided');
  let at = 0;
  const next = (): Value => placed[at++ % placed.length]!;
  const reset = (): Value => {
    at = 0;
    return null;
  };
  return new Native('Cycler', {
    fields: new Map<string, () => Value>([
      ['next', () => native(next)],
      ['reset', () => native(reset)],
      ['current', () => placed[at % placed.length]!],
    ]),
  });
}

/** `joiner(', ')`: nothing at first, then the separator. */
function joiner(args: Args): Value {
  const [between = ', '] = bind('joiner', ['sep'], args);
  let used = false;
  return native(() => {
    const result = used ? between : '';
    used = true;
    return result;
  });
}

/** @param date - what `strftime_now` tells */
export function globalsOf(budget: Budget, date: Date | undefined): Map<string, Value> {
  const functions: Readonly<Record<string, (args: Args) => Value>> = {
    range: (args) => range(budget, args),
    dict: (args) => new Dict(entriesOf(budget, 'dict', args)),
    namespace: (args) => {
      const result = new Namespace();
      for (const [key, value] of entriesOf(budget, 'namespace', args)) {
        result.fields.set(pythonString(budget, key), value);
      }
      return result;
    },
    cycler,
    joiner,
    raise_exception: (args) => {
      const [message = ''] = bind('raise_exception', ['message'], args);
      throw new TemplateRefusal(pythonString(budget, message));
    },
    strftime_now: (args) => {
      const [format = ''] = bind('strftime_now', ['format'], args);
      if (date === undefined) throw new RangeError('it asks for the date; pass `date`');
      return formatDate(date, pythonString(budget, format));
    },
  };
  return new Map(Object.entries(functions).map(([name, call]) => [name, native(call)]));
}

/** The variable `loop`. */
export function loopOf(
  budget: Budget,
  items: readonly Value[],
  i: number,
  depth: number,
  changes: { last: Value | undefined },
  undefinedItem: (message: string) => Value,
  again: ((args: Args) => Value) | undefined,
): Native {
  const count = (n: number) => (): Value => BigInt(n);
  const cycle = native(({ placed }) => {
    if (placed.length === 0) throw new TypeError('no items for cycling given');
    return placed[i % placed.length]!;
  });
  const changed = native(({ placed }) => {
    const same =
      changes.last !== undefined &&
      isList(changes.last) &&
      pythonEquals(budget, changes.last, placed);
    changes.last = placed;
    return !same;
  });
  return new Native('LoopContext', {
    fields: new Map<string, () => Value>([
      ['index', count(i + 1)],
      ['index0', count(i)],
      ['revindex', count(items.length - i)],
      ['revindex0', count(items.length - i - 1)],
      ['length', count(items.length)],
      ['depth', count(depth + 1)],
      ['depth0', count(depth)],
      ['first', () => i === 0],
      ['last', () => i === items.length - 1],
      ['previtem', () => (i > 0 ? items[i - 1]! : undefinedItem('there is no previous item'))],
      [
        'nextitem',
        () => (i + 1 < items.length ? items[i + 1]! : undefinedItem('there is no next item')),
      ],
      ['cycle', () => cycle],
      ['changed', () => changed],
    ]),
    shown: () => `<LoopContext ${i + 1}/${items.length}>`,
    ...(again && { call: again }),
  });
}

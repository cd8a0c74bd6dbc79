/** The functions that templates of chats may call. */
import type { Budget } from './budget.js';
import { any, bind, int, native, printed, usually } from './call.js';
import { formatDate } from './date.js';
import { itemsOf } from './items.js';
import { pythonEquals, pythonString } from './python.js';
import { type Args, Dict, Namespace, Native, Range, Undefined, type Value } from './values.js';

/** What `raise_exception` throws: the template refuses the conversation. */
export class TemplateRefusal extends Error {}

/** As many numbers as Jinja's sandbox allows. */
const LONGEST_RANGE = 100_000;

function range(budget: Budget, args: Args): Value {
  const parameters = [int(), usually(undefined, int()), usually(1, int())] as const;
  const [first, second, step] = bind(budget, 'range', parameters, args);
  const [start, stop] = second === undefined ? [0, first] : [first, second];
  const result = new Range(start, stop, step);
  const exact = [start, stop, step].every(Number.isSafeInteger);
  if (exact && step !== 0 && result.length <= LONGEST_RANGE) return result;
  const shown = args.placed.map((each) => pythonString(budget, each)).join(', ');
  throw new RangeError(`it asks for a range of ${shown}`);
}

/** The entries of `dict(...)` and `namespace(...)`. */
function entriesOf(
  budget: Budget,
  name: string,
  { placed, named }: Args,
): (readonly [Value, Value])[] {
  const mapping = [usually(new Dict(), any())] as const;
  const [given] = bind(budget, name, mapping, { placed, named: new Map() });
  if (given instanceof Dict) return [...given.entries(), ...named];
  const pairs = itemsOf(budget, given).map((pair): readonly [Value, Value] => {
    const [key, value, ...more] = itemsOf(budget, pair);
    if (key !== undefined && value !== undefined && more.length === 0) return [key, value];
    throw new TypeError(`${name}() takes pairs`);
  });
  return [...pairs, ...named];
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
    // Nothing at first, then the separator.
    joiner: (args) => {
      const [separator] = bind(budget, 'joiner', [usually<Value, Value>(', ', any('sep'))], args);
      let result: Value = '';
      return native(() => {
        const before = result;
        result = separator;
        return before;
      });
    },
    raise_exception: (args) => {
      const [message] = bind(budget, 'raise_exception', [usually('', printed('message'))], args);
      throw new TemplateRefusal(message);
    },
    strftime_now: (args) => {
      const [format] = bind(budget, 'strftime_now', [usually('', printed('format'))], args);
      if (date === undefined) throw new RangeError('it asks for the date; pass `date`');
      return formatDate(date, format);
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
  changes: { last: readonly Value[] | undefined },
  again: ((args: Args) => Value) | undefined,
): Native {
  const cycle = native(({ placed }) => {
    if (placed.length === 0) throw new TypeError('no items for cycling given');
    return placed[i % placed.length]!;
  });
  const changed = native(({ placed }) => {
    const { last } = changes;
    changes.last = placed;
    return last === undefined || !pythonEquals(budget, last, placed);
  });
  const count = (n: number) => (): Value => BigInt(n);
  const neighbour = (at: number, name: string): Value =>
    at in items ? items[at]! : new Undefined(`there is no ${name} item`);
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
      ['previtem', () => neighbour(i - 1, 'previous')],
      ['nextitem', () => neighbour(i + 1, 'next')],
      ['cycle', () => cycle],
      ['changed', () => changed],
    ]),
    shown: () => `<LoopContext ${i + 1}/${items.length}>`,
    call: again,
  });
}

/** Parameters of Python's functions, and how arguments are bound to them. */
import type { Budget } from './budget.js';
import { isTrue } from './items.js';
import { numberOf } from './numbers.js';
import { pythonString } from './python.js';
import { type Args, Native, Undefined, type Value, kindOf, unmarked } from './values.js';

/** The two ways to a part of a value: `value.name` and `value[index]`. */
export interface Access {
  readonly attribute: (value: Value, name: string) => Value;
  readonly item: (value: Value, index: Value) => Value;
}

/** What filters and tests need of the run that they are in. */
export interface Runtime {
  readonly budget: Budget;
  readonly access: Access;
  readonly filter: (name: string, value: Value, args: Args) => Value;
  readonly test: (name: string, value: Value, args: Args) => boolean;
}

export interface Parameter<T> {
  /** Empty where it is given by place alone. */
  readonly name: string;
  readonly kind: string;
  /** Undefined for a value of another kind. */
  readonly read: (value: Value, budget: Budget) => T | undefined;
  /** What it is where it is not given; without it, it must be. */
  readonly usual?: readonly [T];
  /** Whether None stands for what is usual. */
  readonly none?: boolean;
}

export type Given<P extends readonly Parameter<unknown>[]> = {
  readonly [K in keyof P]: P[K] extends Parameter<infer T> ? T : never;
};

const textIn = (given: Value): string | undefined => {
  const value = unmarked(given);
  return typeof value === 'string' ? value : undefined;
};

const wholeIn = (value: Value): number | undefined => {
  const number = numberOf(value);
  return typeof number === 'bigint' ? Number(number) : undefined;
};

export const str = (name = ''): Parameter<string> => ({ name, kind: 'str', read: textIn });

export const int = (name = ''): Parameter<number> => ({ name, kind: 'int', read: wholeIn });

/** What a value prints. */
export const printed = (name: string): Parameter<string> => ({
  name,
  kind: 'str',
  read: (value, budget) => pythonString(budget, value),
});

export const any = (name = ''): Parameter<Value> => ({
  name,
  kind: 'object',
  read: (value) => value,
});

/** Whether a value counts as true; false where it is not given. */
export const flag = (name: string): Parameter<boolean> => ({
  name,
  kind: 'bool',
  read: isTrue,
  usual: [false],
});

/** A parameter that may be left out. */
export const usually = <T, U>(usual: U, parameter: Parameter<T>): Parameter<T | U> => ({
  ...parameter,
  usual: [usual],
});

/** A parameter that may be left out, or None. */
export const maybe = <T>(parameter: Parameter<T>): Parameter<T | undefined> => ({
  ...parameter,
  usual: [undefined],
  none: true,
});

/** Arguments as a function's parameters take them. */
export function bind<const P extends readonly Parameter<unknown>[]>(
  budget: Budget,
  name: string,
  parameters: P,
  { placed, named }: Args,
): Given<P> {
  const refuse = (what: string): never => {
    throw new TypeError(`${name}() ${what}`);
  };
  if (placed.length > parameters.length) {
    refuse(`takes at most ${parameters.length} arguments, ${placed.length} are given`);
  }
  for (const key of named.keys()) {
    const at = key === '' ? -1 : parameters.findIndex((each) => each.name === key);
    if (at < 0) refuse(`got an unexpected keyword argument '${key}'`);
    if (at < placed.length) refuse(`got multiple values for argument '${key}'`);
  }
  return parameters.map(({ name: key, kind, read, usual, none }, i) => {
    const value = i < placed.length ? placed[i] : named.get(key);
    const label = key === '' ? i + 1 : `'${key}'`;
    if (value === undefined || (value === null && none)) {
      return usual ? usual[0] : refuse(`lacks its argument ${label}, expected ${kind}`);
    }
    const result = read(value, budget);
    if (result !== undefined) return result;
    if (value instanceof Undefined) throw new TypeError(value.message);
    return refuse(`argument ${label} is ${kindOf(value)}, expected ${kind}`);
  }) as unknown as Given<P>;
}

/** A function that templates can call. */
export const native = (
  call: (args: Args) => Value,
  kind: 'function' | 'builtin_function_or_method' = 'function',
): Native => new Native(kind, { call });

/** Jinja's tests: what stands behind `is`. */
import { type Runtime, bind } from './builtins.js';
import { isIterable, lengthOf } from './items.js';
import { binary, compare, contains } from './operators.js';
import { pythonString } from './python.js';
import { isLower, isUpper } from './strings.js';
import {
  type Args,
  Dict,
  Markup,
  Native,
  Undefined,
  type Value,
  View,
  unmarked,
} from './values.js';

type Test = (runtime: Runtime, value: Value, args: Args, name: string) => boolean;

const argument = (name: string, args: Args): Value => {
  const [value] = bind(`the test ${name}`, ['other'], args);
  if (value === undefined) throw new TypeError(`the test '${name}' has no argument`);
  return value;
};

const alone =
  (check: (value: Value, runtime: Runtime) => boolean): Test =>
  (runtime, value, args, name) => {
    bind(`the test ${name}`, [], args);
    return check(value, runtime);
  };

const compared =
  (operator: string): Test =>
  ({ budget }, value, args, name) =>
    compare(budget, operator, value, argument(name, args));

const isNumber = (value: Value): boolean => ['bigint', 'number', 'boolean'].includes(typeof value);

const divisible = (runtime: Runtime, value: Value, by: bigint, rest: bigint): boolean =>
  compare(runtime.budget, '==', binary(runtime.budget, '%', value, by), rest);

const COMPARISONS: Readonly<Record<string, readonly string[]>> = {
  '==': ['==', 'eq', 'equalto'],
  '!=': ['!=', 'ne'],
  '<': ['<', 'lt', 'lessthan'],
  '<=': ['<=', 'le'],
  '>': ['>', 'gt', 'greaterthan'],
  '>=': ['>=', 'ge'],
};

export const TESTS: ReadonlyMap<string, Test> = new Map<string, Test>([
  ...Object.entries(COMPARISONS).flatMap(([operator, names]) =>
    names.map((name): [string, Test] => [name, compared(operator)]),
  ),
  ['boolean', alone((value) => typeof value === 'boolean')],
  [
    'callable',
    alone(
      (value) =>
        value instanceof Undefined || (value instanceof Native && value.parts.call !== undefined),
    ),
  ],
  ['defined', alone((value) => !(value instanceof Undefined))],
  [
    'divisibleby',
    ({ budget }, value, args, name) =>
      compare(budget, '==', binary(budget, '%', value, argument(name, args)), 0n),
  ],
  ['escaped', alone((value) => value instanceof Markup)],
  ['even', alone((value, runtime) => divisible(runtime, value, 2n, 0n))],
  ['false', alone((value) => value === false)],
  ['float', alone((value) => typeof value === 'number')],
  ['in', ({ budget }, value, args, name) => contains(budget, argument(name, args), value)],
  ['integer', alone((value) => typeof value === 'bigint')],
  ['iterable', alone(isIterable)],
  ['lower', alone((value, { budget }) => isLower(pythonString(budget, value)))],
  ['mapping', alone((value) => value instanceof Dict)],
  ['none', alone((value) => value === null)],
  ['number', alone(isNumber)],
  ['odd', alone((value, runtime) => divisible(runtime, value, 2n, 1n))],
  ['sameas', (_, value, args, name) => value === argument(name, args)],
  ['sequence', alone((value) => lengthOf(value) !== undefined && !(value instanceof View))],
  ['string', alone((value) => typeof unmarked(value) === 'string')],
  ['true', alone((value) => value === true)],
  ['undefined', alone((value) => value instanceof Undefined)],
  ['upper', alone((value, { budget }) => isUpper(pythonString(budget, value)))],
]);

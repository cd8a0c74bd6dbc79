/** Jinja's tests: what stands behind `is`. */
import { type Runtime, any, bind } from './call.js';
import { isIterable, lengthOf } from './items.js';
import { numberOf } from './numbers.js';
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

const alone =
  (check: (value: Value, runtime: Runtime) => boolean): Test =>
  (runtime, value, args, name) => {
    bind(runtime.budget, `the test ${name}`, [], args);
    return check(value, runtime);
  };

/** A test that compares with another value. */
const withOther =
  (check: (value: Value, other: Value, runtime: Runtime) => boolean): Test =>
  (runtime, value, args, name) =>
    check(value, bind(runtime.budget, `the test ${name}`, [any('other')], args)[0], runtime);

const divisible = ({ budget }: Runtime, value: Value, by: Value, rest = 0n): boolean =>
  compare(budget, '==', binary(budget, '%', value, by), rest);

/** Names of comparisons, each after its operator. */
const COMPARISONS = [
  ['==', 'eq', 'equalto'],
  ['!=', 'ne'],
  ['<', 'lt', 'lessthan'],
  ['<=', 'le'],
  ['>', 'gt', 'greaterthan'],
  ['>=', 'ge'],
] as const;

const isKind = (...kinds: string[]): Test => alone((value) => kinds.includes(typeof value));

export const TESTS: ReadonlyMap<string, Test> = new Map<string, Test>([
  ...COMPARISONS.flatMap((names) =>
    names.map((name): [string, Test] => [
      name,
      withOther((value, other, { budget }) => compare(budget, names[0], value, other)),
    ]),
  ),
  ['boolean', isKind('boolean')],
  [
    'callable',
    alone((value) => value instanceof Undefined || (value instanceof Native && !!value.parts.call)),
  ],
  ['defined', alone((value) => !(value instanceof Undefined))],
  ['divisibleby', withOther((value, by, runtime) => divisible(runtime, value, by))],
  ['escaped', alone((value) => value instanceof Markup)],
  ['even', alone((value, runtime) => divisible(runtime, value, 2n))],
  ['false', alone((value) => value === false)],
  ['float', isKind('number')],
  ['in', withOther((value, other, { budget }) => contains(budget, other, value))],
  ['integer', isKind('bigint')],
  ['iterable', alone(isIterable)],
  ['lower', alone((value, { budget }) => isLower(pythonString(budget, value)))],
  ['mapping', alone((value) => value instanceof Dict)],
  ['none', alone((value) => value === null)],
  ['number', alone((value) => numberOf(value) !== undefined)],
  ['odd', alone((value, runtime) => divisible(runtime, value, 2n, 1n))],
  ['sameas', withOther((value, other) => value === other)],
  ['sequence', alone((value) => lengthOf(value) !== undefined && !(value instanceof View))],
  ['string', alone((value) => typeof unmarked(value) === 'string')],
  ['true', alone((value) => value === true)],
  ['undefined', alone((value) => value instanceof Undefined)],
  ['upper', alone((value, { budget }) => isUpper(pythonString(budget, value)))],
]);

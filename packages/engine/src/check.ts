import * as tf from '@tensorflow/tfjs-core';

/**
 * Boundary checks. Each throws one message of the form `where is X, expected Y`, where `where` is `function: argument`, and
 * most return the value, so that a check can stand where the value is used.
 */

/** Indices of tensors are int32. */
export const MOST_ENTRIES = 2 ** 31 - 1;

/** What is larger is infinite in float32. */
export const MOST_FLOAT32 = 3.4e38;

/**
 * A value in a message, in a few words that fit no other value: a text in quotes, a bigint with its `n`; for functions, arrays
 * and objects, what kind they are.
 *
 * @example
 * ```ts
 * ['1', 1n, 1, [1], { a: 1 }, Math.max, null].map(showValue);
 * // => ['"1"', "1n", "1", "an array", "an object with a", "the function max", "null"]
 * ```
 */
export function showValue(value: unknown): string {
  if (typeof value === 'function') return value.name ? `the function ${value.name}` : 'a function';
  if (typeof value === 'string') return JSON.stringify(value);
  if (typeof value === 'bigint') return `${value}n`;
  if (Array.isArray(value)) return 'an array';
  if (typeof value !== 'object' || value === null) return String(value);
  if (value instanceof Promise) return 'a promise';
  return `an object with ${showNames(Object.keys(value))}`;
}

/** The most names of a list that a message shows. */
const NAMES = 8;

/**
 * Names in a message, and only a few: a model has hundreds of parameters, among which what went wrong would be hard to find.
 *
 * @returns the first ones, and how many there are more
 *
 * @example
 * ```ts
 * showNames(['a', 'b']); // => "a, b"
 * showNames(Array.from({ length: 300 }, (_, i) => `w${i}`)); // => "w0, w1, w2, w3, w4, w5, w6, w7 and 292 more"
 * ```
 */
export function showNames(names: readonly string[]): string {
  if (names.length === 0) return 'nothing';
  const more = names.length - NAMES;
  return `${names.slice(0, NAMES).join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}

/** The value, if it fits. */
function expectValue<T>(where: string, value: T, fits: boolean, expected: string): T {
  if (fits) return value;
  throw new RangeError(`${where} is ${showValue(value)}, expected ${expected}`);
}

/**
 * Refuses anything but an integer of at least 1.
 *
 * @throws RangeError if `value` is not a positive integer
 *
 * @example
 * ```ts
 * checkPositiveInteger('train: steps', 3); // => 3
 * ```
 */
export function checkPositiveInteger(where: string, value: number): number {
  const fits = Number.isSafeInteger(value) && value >= 1;
  return expectValue(where, value, fits, 'a positive integer');
}

/**
 * Refuses NaN and the infinities.
 *
 * @throws RangeError if `value` is not a finite number
 *
 * @example
 * ```ts
 * checkFinite('reward: value', 0.5); // => 0.5
 * ```
 */
export function checkFinite(where: string, value: number): number {
  return expectValue(where, value, Number.isFinite(value), 'a finite number');
}

/**
 * Refuses numbers outside a closed interval.
 *
 * @throws RangeError if `value` is NaN or outside `[low, high]`
 *
 * @example
 * ```ts
 * checkInRange('adamw: beta1', 0.9, 0, 1); // => 0.9
 * ```
 */
export function checkInRange(where: string, value: number, low: number, high: number): number {
  if (typeof value === 'number' && value >= low && value <= high) return value;
  const range = high === Infinity ? `a number >= ${low}` : `a number in [${low}, ${high}]`;
  return expectValue(where, value, false, range);
}

/**
 * Refuses a seed that is not an integer in `[0, 2^53)`.
 *
 * @throws RangeError if `value` is not a non-negative safe integer
 *
 * @example
 * ```ts
 * checkSeed('rng: seed', 7); // => 7
 * ```
 */
export function checkSeed(where: string, value: number): number {
  const fits = Number.isSafeInteger(value) && value >= 0;
  return expectValue(where, value, fits, 'an integer in [0, 2^53)');
}

/**
 * Refuses lists with an entry that is no token.
 *
 * @param vocabSize - `V`; without it, what int32 can hold
 * @throws RangeError naming the first entry that is no integer in `[0, V)`
 *
 * @example
 * ```ts
 * checkTokens('generate: stopTokens', [0, 28], 29);
 * ```
 */
export function checkTokens(where: string, tokens: readonly number[], vocabSize?: number): void {
  const end = vocabSize ?? MOST_ENTRIES + 1;
  const i = tokens.findIndex((token) => !(Number.isInteger(token) && token >= 0 && token < end));
  expectValue(`${where}[${i}]`, tokens[i], i < 0, `a token in [0, ${vocabSize ?? 'V'})`);
}

/**
 * Refuses what is no tensor.
 *
 * @throws TypeError if `x` is something else
 *
 * @example
 * ```ts
 * import * as tf from '@tensorflow/tfjs-core';
 * const x = tf.zeros([2]);
 * checkTensor('valueHead: features', x) === x; // => true
 * ```
 */
export function checkTensor<T extends tf.Tensor>(where: string, x: T): T {
  if (!(x instanceof tf.Tensor)) {
    throw new TypeError(`${where} is ${showValue(x)}, expected a tensor`);
  }
  return x;
}

/** A tensor's shape for people: `[2, 3]`. */
export const shapeOf = ({ shape }: { readonly shape: readonly number[] }): string =>
  `[${shape.join(', ')}]`;

/** Refuses a tensor whose shape does not fit; `expected` says what would. */
export function checkShape(where: string, x: tf.Tensor, fits: boolean, expected: string): void {
  if (!fits) throw new RangeError(`${where} has shape ${shapeOf(x)}, expected ${expected}`);
}

/**
 * Refuses a tensor whose shape is not that of another: nothing is broadcast by mistake.
 *
 * @param whose - what `like` is
 * @throws RangeError if the shapes differ; TypeError if one is no tensor
 *
 * @example
 * ```ts
 * import * as tf from '@tensorflow/tfjs-core';
 * const x = tf.zeros([2, 3]);
 * checkSameShape('klK3: refLogProbs', x, tf.ones([2, 3]), 'logProbs') === x; // => true
 * ```
 */
export function checkSameShape<T extends tf.Tensor>(
  where: string,
  x: T,
  like: tf.Tensor,
  whose: string,
): T {
  checkTensor(where, x);
  checkTensor(`${where.split(':', 1)[0]}: ${whose}`, like);
  if (tf.util.arraysEqual(x.shape, like.shape)) return x;
  throw new RangeError(`${where} has shape ${shapeOf(x)}, expected ${shapeOf(like)} as ${whose}`);
}

/**
 * Refuses option names that a function does not know: a typing mistake must not become a default.
 *
 * @throws TypeError if `options` is not an object; RangeError naming the unknown options and the
 *   known ones
 *
 * @example
 * ```ts
 * checkOptions('adamw', { learningRate: 0.1 }, ['learningRate', 'beta1']);
 * ```
 */
export function checkOptions(where: string, options: object, known: readonly string[]): void {
  if (typeof options !== 'object' || options === null) {
    throw new TypeError(`${where}: options is ${showValue(options)}, expected an object`);
  }
  const unknown = Object.keys(options).filter((name) => !known.includes(name));
  if (unknown.length > 0) {
    throw new RangeError(
      `${where}: options has ${unknown.map(showValue).join(', ')}, expected only ${known.join(', ')}`,
    );
  }
}

/**
 * Refuses anything but an AbortSignal, for example a controller.
 *
 * @param where - `function: argument`, the beginning of the message
 * @param signal - what was given
 * @throws TypeError that says what it is
 *
 * @example
 * ```ts
 * try {
 *   checkSignal('train: signal', new AbortController());
 * } catch ({ message }) {
 *   message; // => "train: signal is an AbortController, expected an AbortSignal; of a controller it is controller.signal"
 * }
 * ```
 */
export function checkSignal(where: string, signal: unknown): void {
  if (signal instanceof AbortSignal) return;
  const is = signal instanceof AbortController ? 'an AbortController' : showValue(signal);
  throw new TypeError(
    `${where} is ${is}, expected an AbortSignal; of a controller it is controller.signal`,
  );
}

/**
 * Refuses what cannot be called.
 *
 * @throws TypeError if `value` is no function
 *
 * @example
 * ```ts
 * checkFunction('grpo: reduce', Math.max, 'for example perToken');
 * ```
 */
export function checkFunction(where: string, value: unknown, mend: string): void {
  if (typeof value === 'function') return;
  throw new TypeError(`${where} is ${showValue(value)}, expected a function; ${mend}`);
}

/** What an option is when it is not given, and what refuses a wrong one; the check's `where` is `function: option`. */
export interface Option<T> {
  readonly value: T;
  readonly check: (where: string, value: Exclude<T, undefined>) => unknown;
  /** Whether it must be given: `undefined` is checked too. */
  readonly required?: true;
}

/** The type of a literal. */
type Wide<T> = T extends number
  ? number
  : T extends string
    ? string
    : T extends boolean
      ? boolean
      : T;

/**
 * One entry of a table for {@link resolveOptions}.
 *
 * @param check - throws if what was given is wrong; of no default (`undefined`) only what is given is checked
 *
 * @example
 * ```ts
 * option(8, checkPositiveInteger).value; // => 8
 * ```
 */
export function option<T>(
  value: T,
  check: Option<Wide<T>>['check'] = () => undefined,
): Option<Wide<T>> {
  return { value: value as Wide<T>, check };
}

/**
 * An entry without a default for {@link resolveOptions}: an option that must be given.
 *
 * @param check - throws if what was given is wrong, or if it is `undefined`
 * @returns the entry
 *
 * @example
 * ```ts
 * resolveOptions('train', { seed: 7 }, { seed: required<number>(checkSeed) }); // => { seed: 7 }
 * ```
 */
export const required = <T>(check: Option<T>['check']): Option<T> => ({
  value: undefined as T,
  check,
  required: true,
});

/** Options by name. Whatever their types are, `Option<T>` is one of these. */
type Table = Readonly<
  Record<
    string,
    Omit<Option<unknown>, 'check'> & {
      readonly check: (where: string, value: never) => unknown;
    }
  >
>;

/** Every option of a table with its type. */
export type Resolved<T extends Table> = { readonly [Name in keyof T]: T[Name]['value'] };

/**
 * Options with their defaults, checked one by one in the table's order.
 *
 * @param table - every option that there is, with its default and its check
 * @throws TypeError or RangeError if `options` is not an object, has a name that is not in the table, or a check throws
 *
 * @example
 * ```ts
 * const table = { steps: option(8, checkPositiveInteger), seed: option(0, checkSeed) };
 * resolveOptions('train', { steps: 3 }, table); // => { steps: 3, seed: 0 }
 * ```
 */
export function resolveOptions<T extends Table>(
  where: string,
  options: { readonly [Name in keyof T]?: T[Name]['value'] | undefined },
  table: T,
): Resolved<T> {
  checkOptions(where, options, Object.keys(table));
  const entries = Object.entries(table).map(([name, { value, check, required: must }]) => {
    const given = options[name] === undefined ? value : options[name];
    if (given !== undefined || must) check(`${where}: ${name}`, given as never);
    return [name, given];
  });
  return Object.fromEntries(entries) as Resolved<T>;
}

/**
 * The check of {@link checkInRange} with its bounds, for a table of options.
 *
 * @example
 * ```ts
 * resolveOptions('gae', { gamma: 0.5 }, { gamma: option(1, between(0, 1)) }); // => { gamma: 0.5 }
 * ```
 */
export const between =
  (low: number, high: number) =>
  (where: string, value: number): number =>
    checkInRange(where, value, low, high);

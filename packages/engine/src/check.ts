import * as tf from '@tensorflow/tfjs-core';

/**
 * Boundary checks. Each throws one message of the form `where is X, expected Y` and returns the
 * value, so that a check can stand where the value is used.
 */

/** Indices of tensors are int32. */
export const MOST_ENTRIES = 2 ** 31 - 1;

/** What is larger is infinite in float32. */
export const MOST_FLOAT32 = 3.4e38;

const show = (value: unknown): string =>
  typeof value === 'string' ? JSON.stringify(value) : String(value);

/**
 * Refuses anything but an integer of at least 1.
 *
 * @param where - `function: argument`, the beginning of the message
 * @param value - the argument
 * @returns `value`
 * @throws RangeError if `value` is not a positive integer
 *
 * @example
 * ```ts
 * checkPositiveInteger('train: steps', 3); // => 3
 * ```
 */
export function checkPositiveInteger(where: string, value: number): number {
  if (!Number.isSafeInteger(value) || value < 1) {
    throw new RangeError(`${where} is ${show(value)}, expected a positive integer`);
  }
  return value;
}

/**
 * Refuses NaN and the infinities.
 *
 * @param where - `function: argument`, the beginning of the message
 * @param value - the argument
 * @returns `value`
 * @throws RangeError if `value` is not a finite number
 *
 * @example
 * ```ts
 * checkFinite('reward: value', 0.5); // => 0.5
 * ```
 */
export function checkFinite(where: string, value: number): number {
  if (typeof value !== 'number' || !Number.isFinite(value)) {
    throw new RangeError(`${where} is ${show(value)}, expected a finite number`);
  }
  return value;
}

/**
 * Refuses numbers outside a closed interval.
 *
 * @param where - `function: argument`, the beginning of the message
 * @param value - the argument
 * @param low - smallest allowed value
 * @param high - largest allowed value, `Infinity` for no bound
 * @returns `value`
 * @throws RangeError if `value` is NaN or outside `[low, high]`
 *
 * @example
 * ```ts
 * checkInRange('adamw: beta1', 0.9, 0, 1); // => 0.9
 * ```
 */
export function checkInRange(where: string, value: number, low: number, high: number): number {
  if (typeof value !== 'number' || !(value >= low && value <= high)) {
    const range = high === Infinity ? `a number >= ${low}` : `a number in [${low}, ${high}]`;
    throw new RangeError(`${where} is ${show(value)}, expected ${range}`);
  }
  return value;
}

/**
 * Refuses a seed that is not an integer in `[0, 2^53)`.
 *
 * @param where - `function: argument`, the beginning of the message
 * @param value - the argument
 * @returns `value`
 * @throws RangeError if `value` is not a non-negative safe integer
 *
 * @example
 * ```ts
 * checkSeed('rng: seed', 7); // => 7
 * ```
 */
export function checkSeed(where: string, value: number): number {
  if (!Number.isSafeInteger(value) || value < 0) {
    throw new RangeError(`${where} is ${show(value)}, expected an integer in [0, 2^53)`);
  }
  return value;
}

/**
 * Refuses lists with an entry that is no token.
 *
 * @param where - `function: argument`, the beginning of the message
 * @param tokens - the argument
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
  if (i >= 0) {
    throw new RangeError(
      `${where}[${i}] is ${tokens[i]}, expected a token in [0, ${vocabSize ?? 'V'})`,
    );
  }
}

/**
 * Refuses what is no tensor.
 *
 * @param where - `function: argument`, the beginning of the message
 * @param x - the argument
 * @returns `x`
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
    const what = Array.isArray(x) ? 'an array' : show(x);
    throw new TypeError(`${where} is ${what}, expected a tensor`);
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
 * @param where - `function: argument`, the beginning of the message
 * @param x - the argument
 * @param like - the tensor that it goes with
 * @param whose - what `like` is
 * @returns `x`
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
 * @param where - the function's name
 * @param options - what the caller passed
 * @param known - the names that exist
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
    throw new TypeError(`${where}: options is ${show(options)}, expected an object`);
  }
  const unknown = Object.keys(options).filter((name) => !known.includes(name));
  if (unknown.length > 0) {
    throw new RangeError(
      `${where}: options has ${unknown.map(show).join(', ')}, expected only ${known.join(', ')}`,
    );
  }
}

/** One call with another value in one place. */
export interface Variation {
  /** Where: keys from the arguments on, `1.samples.0.weight`. */
  readonly at: string;
  /** What stood there. */
  readonly value: unknown;
  /** What stands there now. */
  readonly extreme: unknown;
  /** The arguments. */
  readonly changed: readonly unknown[];
}

interface TensorLike {
  readonly dataSync: () => ArrayLike<number>;
}

const isTensor = (value: unknown): value is TensorLike =>
  typeof value === 'object' && value !== null && 'dataSync' in value;

function* placesOf(
  value: unknown,
  path: readonly string[] = [],
): Generator<readonly [readonly string[], unknown]> {
  if (path.length > 0) yield [path, value];
  if (isTensor(value) || ArrayBuffer.isView(value)) return;
  if (typeof value !== 'object' || value === null) return;
  for (const [key, inner] of Object.entries(value)) yield* placesOf(inner, [...path, key]);
}

function replaced(value: unknown, [key, ...rest]: readonly string[], by: unknown): unknown {
  if (key === undefined) return by;
  if (Array.isArray(value)) {
    return value.map((inner: unknown, i) =>
      i === Number(key) ? replaced(inner, rest, by) : inner,
    );
  }
  const record = value as Record<string, unknown>;
  return { ...record, [key]: replaced(record[key], rest, by) };
}

/**
 * Every call that differs from a given one in one place, however deep in lists and records that is.
 *
 * @param given - the arguments of a call that has a result
 * @param extremesFor - what to put where a value stands; nothing to leave it
 */
export function* variations(
  given: readonly unknown[],
  extremesFor: (value: unknown) => readonly unknown[],
): Generator<Variation> {
  for (const [path, value] of placesOf(given)) {
    for (const extreme of extremesFor(value)) {
      const changed = replaced(given, path, extreme) as readonly unknown[];
      yield { at: path.join('.'), value, extreme, changed };
    }
  }
}

/** Whether every number in a value is one: tensors, typed arrays, lists and records of them. */
export function everyNumber(value: unknown, is: (entry: number) => boolean): boolean {
  if (typeof value === 'number') return is(value);
  if (isTensor(value)) return Array.from(value.dataSync()).every(is);
  if (ArrayBuffer.isView(value)) return Array.from(value as Float64Array).every(is);
  if (typeof value !== 'object' || value === null) return true;
  return Object.values(value).every((inner) => everyNumber(inner, is));
}

/** Whether an error is the one that a function should throw: its name, what it got, what it expected. */
export function isRefusal(error: unknown, names: readonly string[]): boolean {
  if (!(error instanceof RangeError || error instanceof TypeError)) return false;
  return (
    names.some((name) => error.message.startsWith(`${name}: `)) &&
    error.message.includes('expected')
  );
}

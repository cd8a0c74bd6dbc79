import {
  MOST_FLOAT32,
  type Option,
  between,
  checkPositiveInteger,
  option,
  checkFunction,
} from '@cfrl/engine';

/** A text that is not empty. */
export function checkName(where: string, name: string): void {
  if (typeof name === 'string' && name !== '') return;
  throw new TypeError(`${where} is ${JSON.stringify(name)}, expected a text that is not empty`);
}

/** Completions a prompt, where they are compared with one another. */
export function checkGroupSize(where: string, groupSize: number): void {
  checkPositiveInteger(where, groupSize);
  if (groupSize === 1) {
    throw new RangeError(
      `${where} is 1, expected at least 2; one completion has no others to compare with`,
    );
  }
}

/** A weight that float32 holds. */
export const weight = option(0, between(0, MOST_FLOAT32));

/** A function, and what it is by default. */
export const functionOption = <F extends (...args: never[]) => unknown>(value: F): Option<F> => ({
  value,
  check: (where, given) => checkFunction(where, given, `for example ${value.name}`),
});

/** An option as plain data: a function by its name, what JSON lacks as text. */
function plain(value: unknown): number | string {
  if (typeof value === 'function') return value.name;
  return typeof value === 'number' && Number.isFinite(value) ? value : String(value);
}

/** What an algorithm says of itself: its name, its options in use, and what `train` reads of them. */
export function described({
  name,
  ...options
}: {
  readonly name: string;
  readonly groupSize: number;
  readonly epochs?: number;
  readonly minibatchSize?: number;
  readonly klCoef: number;
}) {
  const { groupSize, epochs = 1, minibatchSize = Infinity, klCoef } = options;
  const shown = Object.entries(options).map(([each, value]) => [each, plain(value)] as const);
  const fixed = Object.freeze(Object.fromEntries(shown));
  return { name, options: fixed, groupSize, epochs, minibatchSize, needsReference: klCoef > 0 };
}

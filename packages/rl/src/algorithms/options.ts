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

/** Completions an update, `Infinity` for all. */
export function checkMinibatchSize(where: string, minibatchSize: number): void {
  if (minibatchSize !== Infinity) checkPositiveInteger(where, minibatchSize);
}

/** A weight that float32 holds. */
export const weight = option(0, between(0, MOST_FLOAT32));

/** A function, and what it is by default. */
export const functionOption = <F extends (...args: never[]) => unknown>(value: F): Option<F> => ({
  value,
  check: (where, given) => checkFunction(where, given, `for example ${value.name}`),
});

/** The options in use as plain data: functions by name, what JSON lacks as text. */
export function plain(
  options: Readonly<Record<string, unknown>>,
): Readonly<Record<string, number | string>> {
  return Object.freeze(
    Object.fromEntries(
      Object.entries(options).map(([name, value]) => [
        name,
        typeof value === 'function'
          ? value.name
          : typeof value === 'number' && Number.isFinite(value)
            ? value
            : String(value),
      ]),
    ),
  );
}

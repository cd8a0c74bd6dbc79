/** Refuses a value that does not fit, with `where is X, expected Y`. */
export function checkValue(
  where: string,
  value: unknown,
  fits: unknown,
  expected: string,
): asserts fits {
  if (!fits) throw new RangeError(`${where} is ${JSON.stringify(value)}, expected ${expected}`);
}

/** Refuses what is none of some values. */
export const oneOf =
  (...values: readonly unknown[]) =>
  (where: string, value: unknown): void => {
    const expected = values.map((each) => JSON.stringify(each)).join(' or ');
    checkValue(where, value, values.includes(value), expected);
  };

/** The mean, exact for equal entries (the sum is over differences from the first one). */
export function mean(values: readonly number[]): number {
  const first = values[0] ?? 0;
  const shift = values.reduce((sum, value) => sum + (value - first), 0);
  return values.length === 0 ? 0 : first + shift / values.length;
}

/** The standard deviation with `n - 1`; 0 for fewer than two entries. */
export function standardDeviation(values: readonly number[]): number {
  return Math.sqrt(variance(values));
}

/** The variance with `n - 1`; 0 for fewer than two entries. */
export function variance(values: readonly number[]): number {
  if (values.length < 2) return 0;
  const center = mean(values);
  const squares = values.reduce((sum, value) => sum + (value - center) ** 2, 0);
  return squares / (values.length - 1);
}

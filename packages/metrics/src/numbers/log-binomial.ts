/** `log C(n, k)` for integers `0 <= k <= n`. */
export function logBinomial(n: number, k: number): number {
  const few = Math.min(k, n - k);
  if (few > 32) return logFactorial(n) - logFactorial(k) - logFactorial(n - k);
  let value = 1;
  let log = 0;
  for (let i = 1; i <= few; i++) {
    value *= (n - few + i) / i;
    if (value > 1e250) [log, value] = [log + Math.log(value), 1];
  }
  return log + Math.log(value);
}

/** Stirling's series, beyond 16 within a rounding. */
function logFactorial(n: number): number {
  const x = n + 1;
  const y = 1 / (x * x);
  const series = (1 / 12 - y * (1 / 360 - y * (1 / 1260 - y * (1 / 1680 - y / 1188)))) / x;
  return (x - 0.5) * Math.log(x) - x + 0.5 * Math.log(2 * Math.PI) + series;
}

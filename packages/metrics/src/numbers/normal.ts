/** `P(Z > z)` for a standard normal Z and `z >= 0`, accurate in the far tail. */
function upperTail(z: number): number {
  const density = Math.exp((-z * z) / 2) / Math.sqrt(2 * Math.PI);
  if (z < 3) {
    // P(Z <= z) - 1/2 as a series of positive terms (Abramowitz and Stegun 1964, 26.2.11).
    let term = z;
    let sum = z;
    for (let k = 3; term > sum * 1e-17; k += 2) {
      term *= (z * z) / k;
      sum += term;
    }
    return 0.5 - density * sum;
  }
  // The continued fraction (26.2.14), from its end.
  let fraction = z;
  for (let k = 200; k >= 1; k--) fraction = z + k / fraction;
  return density / fraction;
}

/** `P(Z <= z)`. */
export function normalProbability(z: number): number {
  return z > 0 ? 1 - upperTail(z) : upperTail(-z);
}

/** The z with `P(Z <= z) = probability`, by bisection, which cannot fail. */
export function normalQuantile(probability: number): number {
  if (probability > 0.5) return -normalQuantile(1 - probability);
  if (probability === 0) return -Infinity;
  let low = 0;
  let high = 40;
  for (;;) {
    const middle = (low + high) / 2;
    if (middle <= low || middle >= high) return -middle;
    if (upperTail(middle) > probability) low = middle;
    else high = middle;
  }
}

import { expect } from 'vitest';

const norm = (values: readonly number[]): number => Math.hypot(...values);

/**
 * The error of a first-order prediction, `e(h) = a h^2 + b h^3 + ...`, has no term in `h`: checks
 * that `e(h) - 4 e(h / 2)`, which loses `a` and would keep a term in `h`, is small against `e(h)`
 * or against `h`. Where it is not, `h` may be too large for the series (the prediction small, the
 * curvature large): a smaller one is taken, but none so small that float32 rounding counts.
 *
 * @param error - of a step whose predicted change is `size`
 * @returns `|e(size)| / |e(size / 2)|`, 4 for small sizes, or NaN where rounding hides it
 */
export function halving(error: (size: number) => readonly number[], size: number): number {
  let [whole, half] = [error(size), error(size / 2)];
  const ratio = norm(half) < 2e-5 ? NaN : norm(whole) / norm(half);
  const rest = () => norm(whole.map((value, i) => value - 4 * half[i]!));
  let h = size;
  const small = () => rest() <= Math.max(0.2 * norm(whole), 0.02 * h);
  for (let i = 0; i < 4 && !small(); i++) {
    h /= 2;
    [whole, half] = [half, error(h / 2)];
  }
  expect(rest()).toBeLessThanOrEqual(Math.max(0.2 * norm(whole), 0.02 * h));
  return ratio;
}

/** The typical ratio over many models is 4. */
export function expectQuarters(ratios: readonly number[]): void {
  const known = ratios.filter((ratio) => !Number.isNaN(ratio)).sort((a, b) => a - b);
  expect(known.length).toBeGreaterThanOrEqual(3);
  const median = known[Math.floor(known.length / 2)]!;
  expect(median).toBeGreaterThan(3.5);
  expect(median).toBeLessThan(4.5);
}

/** The slope of a straight line through points. */
export function slopeOf(x: readonly number[], y: readonly number[]): number {
  const mean = (of: readonly number[]) => of.reduce((sum, each) => sum + each, 0) / of.length;
  const [mx, my] = [mean(x), mean(y)];
  const over = x.reduce((sum, each, i) => sum + (each - mx) * (y[i]! - my), 0);
  return over / x.reduce((sum, each) => sum + (each - mx) ** 2, 0);
}

/**
 * The power of the step size that an error goes with: the slope of `log |e|` over four sizes, each half of the one before, and the mean of
 * the slopes forwards and backwards, in which the next power's share is lost. NaN where float32 hides the smallest error.
 */
export function power(error: (size: number) => readonly number[], most: number): number {
  const sizes = [1, 2, 4, 8].map((part) => most / part);
  const slopes = [1, -1].map((sign) => {
    const errors = sizes.map((size) => norm(error(sign * size)));
    return errors.at(-1)! < 2e-5 ? NaN : slopeOf(sizes.map(Math.log), errors.map(Math.log));
  });
  return (slopes[0]! + slopes[1]!) / 2;
}

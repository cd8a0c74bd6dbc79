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

/** A node in `[0, 1]` and its weight. */
export interface Node {
  readonly at: number;
  readonly weight: number;
}

/**
 * Clenshaw-Curtis quadrature of `integral_0^1 f(t) dt` with `n + 1` nodes `(1 - cos(k pi / n)) / 2`, both ends among them; `n` is 1 (the
 * trapezium) or even. The nodes of `n` are among those of `2 n`, so that doubling them computes only the new ones.
 *
 * Source: Clenshaw and Curtis 1960; Trefethen 2008, "Is Gauss quadrature better than Clenshaw-Curtis?" (it hardly is).
 */
export function clenshawCurtis(n: number): Node[] {
  if (n === 1) return [0, 1].map((at) => ({ at, weight: 0.5 }));
  return Array.from({ length: n + 1 }, (_, k) => {
    let sum = 1;
    for (let j = 1; j <= n / 2; j++) {
      const b = j === n / 2 ? 1 : 2;
      sum -= (b * Math.cos((2 * Math.PI * j * k) / n)) / (4 * j * j - 1);
    }
    const ends = k === 0 || k === n ? 1 : 2;
    return { at: (1 - Math.cos((Math.PI * k) / n)) / 2, weight: (ends * sum) / (2 * n) };
  });
}

import type { FactoredUse } from '../uses/block-uses.js';

/** Which entries of the kernel between `(n, k)` and `(m, l)` are wanted: all, those with `k = l`, or the sum of these. */
export type Entries = 'full' | 'diagonal' | 'trace';

/** How a weight's share of a kernel comes about: by inner products of inputs and of cotangents, or by gradients. */
export type Route = 'inner' | 'gradients';

/** What decides: rows of a block's examples, and the weight's sides. */
export interface RouteShape {
  readonly n: number;
  readonly K: number;
  readonly R: number;
}

/** How much longer a multiplication takes in products of small matrices than in those of large ones. */
const SMALL = 2;
const TINY = 5;

/**
 * Multiplications, in those of large matrix products, of a weight `[width, out]` between two blocks, by either route.
 *
 *     full      inner: n m (R R' width + R R' out K' + R out K K')    gradients: n m K K' width out + forming
 *     diagonal  inner: n m R R' (width + K out)                       gradients: n m K width out + forming
 *     forming   (n K R + m K' R') width out
 */
export function routeCosts(
  left: RouteShape,
  right: RouteShape,
  { width, out, table }: { readonly width: number; readonly out: number; readonly table: boolean },
  entries: Entries,
): Record<Route, number> {
  const pairs = left.n * right.n;
  const rows = left.R * right.R;
  const forming = TINY * (left.n * left.K * left.R + right.n * right.K * right.R) * width * out;
  const mixing = table ? 0 : rows * width;
  if (entries !== 'full') {
    return {
      inner: pairs * (mixing + rows * left.K * out),
      gradients: pairs * left.K * width * out + forming,
    };
  }
  const inner =
    rows === 1
      ? left.K * right.K * out
      : TINY * rows * out * right.K + SMALL * left.R * out * left.K * right.K;
  return {
    inner: pairs * (mixing + inner),
    gradients: pairs * left.K * right.K * width * out + forming,
  };
}

const shapeOf = ({ cotangent: { shape } }: FactoredUse): RouteShape => ({
  n: shape[0],
  K: shape[1],
  R: shape[2],
});

/** The cheaper route. */
export function routeOf(left: FactoredUse, right: FactoredUse, entries: Entries): Route {
  const weight = {
    width: left.width,
    out: left.cotangent.shape[3],
    table: left.kind === 'embedding',
  };
  const costs = routeCosts(shapeOf(left), shapeOf(right), weight, entries);
  return costs.inner <= costs.gradients ? 'inner' : 'gradients';
}

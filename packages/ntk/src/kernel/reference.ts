import { type Params, selectParams, vjp } from '@cfrl/engine';
import * as tf from '@tensorflow/tfjs-core';

import type { Side } from '../uses/block-uses.js';
import type { Entries } from './route.js';
import { someDirections } from './directions.js';
import { type RowSource, stackRows } from './gradient-rows.js';
import { type GramPlan, gram } from './gram.js';

/** Row `n K + k` is the gradient of direction `k` of example `n`, one backward pass each. */
export function sideRows(
  { examples, directions: { count: K, rows } }: Side,
  params: Params,
  select: (name: string) => boolean,
): RowSource {
  const selected = selectParams(params, select);
  const row = (index: number): Params =>
    tf.tidy(() => {
      const [n, k] = [Math.floor(index / K), index % K];
      const inputs = examples.inputs(n, n + 1);
      const moved = (moving: Params): tf.Tensor =>
        examples.apply({ ...params, ...moving }, inputs, { from: n, to: n + 1, copies: 1 });
      return vjp(moved, selected, tf.squeeze(rows(n, n + 1, k, k + 1), [0])).grads;
    });
  return {
    count: examples.count * K,
    rows: (from, to) =>
      tf.tidy(() => stackRows(Array.from({ length: to - from }, (_, i) => row(from + i)))),
  };
}

/** The kernel by contraction of gradients: layer -> `[N K, M K']`, of the diagonal `[K, N, M]`, of the trace `[N, M]`. */
export function referenceKernels(
  left: Side,
  right: Side | null,
  params: Params,
  select: (name: string) => boolean,
  entries: Entries,
  plan: GramPlan,
): Params {
  const rows = (side: Side): RowSource => sideRows(side, params, select);
  if (entries === 'full') return gram(rows(left), right && rows(right), plan);
  return tf.tidy(() => {
    const byDirection = Array.from({ length: left.directions.count }, (_, k) => {
      const only = (side: Side): Side => ({
        ...side,
        directions: someDirections(side.directions, k, k + 1),
      });
      return gram(rows(only(left)), right && rows(only(right)), plan);
    });
    return Object.fromEntries(
      Object.keys(byDirection[0]!).map((layer) => {
        const kernels = byDirection.map((kernel) => kernel[layer]!);
        return [layer, entries === 'trace' ? tf.addN(kernels) : tf.stack(kernels)];
      }),
    );
  });
}

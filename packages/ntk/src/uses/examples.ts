import { type Params, showValue } from '@cfrl/engine';
import * as tf from '@tensorflow/tfjs-core';

import { checkNotEmpty } from '../check.js';
import type { Apply } from '../kernel/gradient-rows.js';

/** Inputs of a function: a list of values, a tensor with a row for each, or a record of such tensors. */
export type ExampleBatch = readonly unknown[] | tf.Tensor | Params;

/** Examples, and how a function computes a run of them, each of them several times over. */
export interface Examples {
  readonly count: number;
  /** Tensors that examples `from` to `to` are made of, one row each; the caller owns them. */
  readonly inputs: (from: number, to: number) => Params;
  /** Row `i * copies + c` of the result `[(to - from) copies, O]` is copy `c` of example `from + i`. */
  readonly apply: (
    params: Params,
    inputs: Params,
    run: { readonly from: number; readonly to: number; readonly copies: number },
  ) => tf.Tensor2D;
  /** Whether runs of one length differ in their inputs only, so that one graph serves them all. */
  readonly alike: boolean;
}

/** Examples that are plain values. */
export const listed = <X>(apply: Apply<X>, examples: readonly X[]): Examples => ({
  count: examples.length,
  inputs: () => ({}),
  apply: (params, _, { from, to, copies }) =>
    apply(
      params,
      examples.slice(from, to).flatMap((example) => new Array<X>(copies).fill(example)),
    ),
  alike: false,
});

/** Each row of a tensor several times in a row. */
const repeatRows = (x: tf.Tensor, copies: number): tf.Tensor =>
  copies === 1
    ? x
    : tf.tidy(() => {
        const [n, ...rest] = x.shape as [number, ...number[]];
        const tiled = tf.tile(tf.reshape(x, [n, 1, ...rest]), [1, copies, ...rest.map(() => 1)]);
        return tf.reshape(tiled, [n * copies, ...rest]);
      });

/** Examples that are the rows of tensors. */
export const stacked = (
  apply: (params: Params, batch: Params) => tf.Tensor2D,
  batch: Params,
): Examples => ({
  count: Object.values(batch)[0]!.shape[0]!,
  inputs: (from, to) =>
    Object.fromEntries(
      Object.entries(batch).map(([name, rows]) => [
        name,
        tf.slice(
          rows,
          [from, ...rows.shape.slice(1).map(() => 0)],
          [to - from, ...rows.shape.slice(1)],
        ),
      ]),
    ),
  apply: (params, inputs, { copies }) =>
    apply(
      params,
      Object.fromEntries(
        Object.entries(inputs).map(([name, rows]) => [name, repeatRows(rows, copies)]),
      ),
    ),
  alike: true,
});

/** Examples as they were given: a list, a tensor of rows, or a record of such tensors. */
export function examplesOf<E>(
  where: string,
  apply: (params: Params, examples: E) => tf.Tensor2D,
  examples: E,
): Examples {
  const single = examples instanceof tf.Tensor;
  if (!single && (Array.isArray(examples) || typeof examples !== 'object' || examples === null)) {
    const list = examples as readonly unknown[];
    checkNotEmpty(where, list);
    return listed(apply as Apply<unknown>, list);
  }
  const batch = (single ? { examples } : examples) as Params;
  const lengths = Object.entries(batch).map(([name, rows]) => {
    if (!(rows instanceof tf.Tensor)) {
      throw new TypeError(`${where}.${name} is ${showValue(rows)}, expected a tensor`);
    }
    return rows.shape[0] ?? 0;
  });
  if (new Set(lengths).size !== 1 || lengths[0] === 0) {
    throw new RangeError(
      `${where} has tensors of ${lengths.join(', ')} rows, expected as many in each, at least one`,
    );
  }
  return stacked((params, rows) => apply(params, (single ? rows['examples'] : rows) as E), batch);
}

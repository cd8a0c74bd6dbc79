import { type Params, mapParams, selectParams, vjp } from '@cfrl/engine';
import * as tf from '@tensorflow/tfjs-core';

import { oneHotRows } from '../one-hot.js';

/**
 * A differentiable function of parameters and examples. It maps `n` examples to `[n, O]` outputs,
 * row `i` depending on example `i` alone; it may be called on any part of the examples.
 */
export type Apply<X> = (params: Params, examples: readonly X[]) => tf.Tensor2D;

/** `count` rows of gradients, computed on demand: `rows(from, to)` is name -> `[to - from, size]`. */
export interface RowSource {
  readonly count: number;
  readonly rows: (from: number, to: number) => Params;
}

/**
 * Row `i` is `J(x_i)^T cotangents[i]`, for the parameters that `select` keeps. One backward pass
 * a row: a pass over several examples would add their gradients up.
 */
export function gradientRows<X>(
  apply: Apply<X>,
  params: Params,
  select: (name: string) => boolean,
  examples: readonly X[],
  cotangents: tf.Tensor2D,
): RowSource {
  const selected = selectParams(params, select);
  const row = (index: number): Params =>
    tf.tidy(() => {
      const moved = (moving: Params) => apply({ ...params, ...moving }, [examples[index]!]);
      return vjp(moved, selected, tf.slice(cotangents, [index, 0], [1, -1])).grads;
    });
  return {
    count: examples.length,
    rows: (from, to) =>
      tf.tidy(() => stackRows(Array.from({ length: to - from }, (_, i) => row(from + i)))),
  };
}

/** The rows of the Jacobian, example by example: row `i * outputs + k` is `d output_k(x_i)`. */
export function jacobianRows<X>(
  apply: Apply<X>,
  params: Params,
  select: (name: string) => boolean,
  examples: readonly X[],
  outputs: number,
): RowSource {
  const rows = (from: number, to: number): Params =>
    tf.tidy(() => {
      const indices = Array.from({ length: to - from }, (_, i) => from + i);
      const repeated = indices.map((r) => examples[Math.floor(r / outputs)]!);
      const taken = indices.map((r) => r % outputs);
      const cotangents = oneHotRows(taken, outputs);
      return gradientRows(apply, params, select, repeated, cotangents).rows(0, to - from);
    });
  return { count: examples.length * outputs, rows };
}

/** Records of tensors as rows below one another, `[n, size]` each. */
export const stackRows = (records: readonly Params[]): Params =>
  mapParams(records[0]!, ({ size }, name) =>
    tf.concat(records.map((record) => tf.reshape(record[name]!, [1, size]))),
  );

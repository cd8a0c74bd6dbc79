import * as tf from '@tensorflow/tfjs-core';

import type { Params } from '../params.js';

/** Entries up to which a tensor is joined with others: calling operations costs more than the copies. */
const SMALL = 1 << 14;

/**
 * Applies an elementwise function to records with the same names, as if to each name alone. Small
 * tensors are joined, worked on at once and cut apart again.
 *
 * @param f - elementwise, with a fixed number of results
 * @returns one record a result, in the order of the names
 */
export function elementwise(
  names: readonly string[],
  records: readonly Params[],
  f: (...tensors: tf.Tensor[]) => readonly tf.Tensor[],
): Params[] {
  const sizeOf = (name: string): number => records[0]![name]!.size;
  const small = names.filter((name) => sizeOf(name) <= SMALL);
  const joined = small.length > 1 ? small : [];
  const results = new Map<string, readonly tf.Tensor[]>();
  if (joined.length > 0) {
    // Native TensorFlow pays for a reshape as for any operation.
    const flat = (tensor: tf.Tensor): tf.Tensor1D =>
      tensor.rank === 1 ? (tensor as tf.Tensor1D) : tf.reshape(tensor, [-1]);
    const together = f(...records.map((r) => tf.concat(joined.map((name) => flat(r[name]!)))));
    const parts = together.map((tensor) => tf.split(tensor, joined.map(sizeOf)));
    joined.forEach((name, i) => {
      const { shape } = records[0]![name]!;
      results.set(
        name,
        parts.map((pieces) => (shape.length === 1 ? pieces[i]! : tf.reshape(pieces[i]!, shape))),
      );
    });
  }
  for (const name of names) {
    if (!results.has(name)) results.set(name, f(...records.map((record) => record[name]!)));
  }
  const count = results.values().next().value?.length ?? 0;
  return Array.from({ length: count }, (_, k) =>
    Object.fromEntries(names.map((name) => [name, results.get(name)![k]!])),
  );
}

import { showValue } from '@cfrl/engine';
import * as tf from '@tensorflow/tfjs-core';

import { checkFiniteTensor } from '../check.js';
import { oneHotRows } from '../one-hot.js';
import type { Directions } from '../uses/block-uses.js';

/** `[K, O]` for each of `n` examples. */
const forAll = (rows: tf.Tensor2D, n: number): tf.Tensor3D =>
  tf.tile(tf.expandDims(rows, 0), [n, 1, 1]) as tf.Tensor3D;

/** Each output by itself. */
export const everyOutput = (outputs: number): Directions => ({
  count: outputs,
  rows: (nFrom, nTo, kFrom, kTo) =>
    tf.tidy(() => {
      const indices = Array.from({ length: kTo - kFrom }, (_, k) => kFrom + k);
      return forAll(oneHotRows(indices, outputs), nTo - nFrom);
    }),
});

/** Directions that were given: `[K, O]` for all examples alike, or `[N, K, O]`. */
export function givenDirections(
  where: string,
  directions: tf.Tensor,
  N: number,
  outputs: number,
): Directions {
  if (!(directions instanceof tf.Tensor)) {
    throw new TypeError(`${where} is ${showValue(directions)}, expected a tensor [K, ${outputs}]`);
  }
  const { shape, rank } = directions;
  const fits = rank === 2 || (rank === 3 && shape[0] === N);
  if (!fits || shape[rank - 1] !== outputs || directions.size === 0) {
    throw new RangeError(
      `${where} has shape [${shape.join(', ')}], expected [K, ${outputs}] or [${N}, K, ${outputs}]`,
    );
  }
  checkFiniteTensor(where, directions);
  return {
    count: shape[rank - 2]!,
    rows: (nFrom, nTo, kFrom, kTo) =>
      tf.tidy(() =>
        rank === 2
          ? forAll(tf.slice(directions as tf.Tensor2D, [kFrom, 0], [kTo - kFrom, -1]), nTo - nFrom)
          : tf.slice(directions as tf.Tensor3D, [nFrom, kFrom, 0], [nTo - nFrom, kTo - kFrom, -1]),
      ) as tf.Tensor3D,
  };
}

/** Some of the directions. */
export const someDirections = ({ rows }: Directions, from: number, to: number): Directions => ({
  count: to - from,
  rows: (nFrom, nTo, kFrom, kTo) => rows(nFrom, nTo, from + kFrom, from + kTo),
});

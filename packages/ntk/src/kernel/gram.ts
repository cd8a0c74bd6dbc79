import type { Params } from '@cfrl/engine';
import * as tf from '@tensorflow/tfjs-core';

import type { RowSource } from './rows.js';

/** Bytes of gradient rows held at once, where the caller does not say: 512 MiB. */
export const defaultMaxBytes = 2 ** 29;

/** How a contraction is grouped and how much memory its rows may take. */
export interface GramPlan {
  /** The layer that a parameter's share is added to. */
  readonly layerOf: (name: string) => string;
  /** Rows of either side held at once. */
  readonly rowsPerBlock: number;
}

/** How many rows of `numbers` float32 numbers fit, when two blocks of rows are held at once. */
export function rowsWithin(where: string, maxBytes: number, numbers: number): number {
  const perRow = 4 * Math.max(1, numbers);
  if (!(maxBytes >= 2 * perRow)) {
    throw new RangeError(
      `${where}: maxBytes is ${maxBytes}, expected at least ${2 * perRow} (two gradients of ` +
        `${numbers} float32 numbers)`,
    );
  }
  return Math.floor(Math.min(maxBytes, Number.MAX_SAFE_INTEGER) / (2 * perRow));
}

/**
 * Inner products of gradient rows, layer by layer: `gram(left, right)[layer]` is `[n, m]`. Without
 * `right` it is the Gram matrix of `left`, of which one half is computed and the other mirrored.
 * The caller owns the result.
 */
export function gram(left: RowSource, right: RowSource | null, plan: GramPlan): Params {
  return tf.tidy(() => {
    const leftBlocks = blocks(left.count, plan.rowsPerBlock);
    const rightBlocks = right === null ? leftBlocks : blocks(right.count, plan.rowsPerBlock);
    const grid: Params[][] = leftBlocks.map(() => []);
    leftBlocks.forEach(([from, to], a) => {
      const shares = tf.tidy(() => {
        const rows = left.rows(from, to);
        return rightBlocks.map(([start, end], b): Params => {
          if (right === null && b < a) return {}; // mirrored below
          return tf.tidy(() =>
            contract(
              rows,
              right === null && b === a ? rows : (right ?? left).rows(start, end),
              plan,
            ),
          );
        });
      });
      shares.forEach((share, b) => {
        grid[a]![b] = right === null && b < a ? transposed(grid[b]![a]!) : share;
      });
    });
    return Object.fromEntries(
      Object.keys(grid[0]![0]!).map((layer) => [layer, assembled(grid, layer)]),
    );
  });
}

/** All layers' shares together. */
export const sumLayers = (layers: Params): tf.Tensor2D =>
  tf.tidy(() => tf.addN(Object.values(layers)) as tf.Tensor2D);

const blocks = (count: number, size: number): [number, number][] =>
  Array.from({ length: Math.ceil(count / size) }, (_, i) => [
    i * size,
    Math.min(count, (i + 1) * size),
  ]);

function contract(left: Params, right: Params, { layerOf }: GramPlan): Params {
  const shares: Record<string, tf.Tensor> = {};
  for (const [name, rows] of Object.entries(left)) {
    // An explicit transposition: matMul with a transpose flag is slow on wasm.
    const share = tf.matMul(rows as tf.Tensor2D, tf.transpose(right[name] as tf.Tensor2D));
    const layer = layerOf(name);
    const sum = shares[layer];
    shares[layer] = sum === undefined ? share : tf.add(sum, share);
  }
  return shares;
}

const transposed = (layers: Params): Params =>
  Object.fromEntries(Object.entries(layers).map(([layer, block]) => [layer, tf.transpose(block)]));

const assembled = (grid: readonly Params[][], layer: string): tf.Tensor =>
  tf.concat(
    grid.map((line) =>
      tf.concat(
        line.map((block) => block[layer] as tf.Tensor2D),
        1,
      ),
    ),
    0,
  );

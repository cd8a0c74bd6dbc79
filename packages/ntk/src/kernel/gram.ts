import { type Params, mapParams } from '@cfrl/engine';
import * as tf from '@tensorflow/tfjs-core';

import { runsOf } from '../runs.js';
import type { RowSource } from './gradient-rows.js';

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
    const leftBlocks = runsOf(0, left.count, plan.rowsPerBlock);
    const rightBlocks = right === null ? leftBlocks : runsOf(0, right.count, plan.rowsPerBlock);
    const grid: Params[][] = [];
    leftBlocks.forEach(([from, to], a) => {
      const line = tf.tidy(() => {
        const rows = left.rows(from, to);
        return rightBlocks.map(([start, end], b): Params => {
          if (right === null && b < a) return mapParams(grid[b]![a]!, (x) => tf.transpose(x));
          const same = right === null && b === a;
          return tf.tidy(() =>
            contract(rows, same ? rows : (right ?? left).rows(start, end), plan),
          );
        });
      });
      grid.push(line);
    });
    return mapParams(grid[0]![0]!, (_, layer) => {
      const lines = grid.map((line) => line.map((block) => block[layer]!));
      return tf.concat(lines.map((line) => tf.concat(line, 1)));
    });
  });
}

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

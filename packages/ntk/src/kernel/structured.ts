import { type Params, mapParams } from '@cfrl/engine';
import * as tf from '@tensorflow/tfjs-core';

import { runsOf } from '../runs.js';
import { type BlockUses, type Side, usesReader } from '../uses/block-uses.js';
import type { UseShape } from '../uses/known-params.js';
import { type Contraction, contractUses } from './contract-uses.js';

/** A kernel to compute from uses. */
export interface StructuredPlan extends Contraction {
  readonly params: Params;
  /** Which parameters; the uses say everything about them. */
  readonly select: (name: string) => boolean;
  readonly left: Side;
  /** Null: the left side. */
  readonly right: Side | null;
  readonly shapes: readonly UseShape[];
  readonly maxBytes: number;
}

/** Bytes that inputs and cotangents of one pass take, about; more passes cost less than a processor's cache that is left. */
const BYTES_PER_PASS = 2 ** 24;

/** Two blocks of uses, each beside a copy while its parts are put together. */
const BLOCKS = 4;

const isFactored = ({ kind }: UseShape): boolean => kind === 'dense' || kind === 'embedding';

/** Bytes that the uses of one direction of one example take, of `K` that share their inputs. */
export const bytesPerRow = (shapes: readonly UseShape[], K: number): number =>
  4 *
  shapes.reduce((sum, use) => {
    const { kind, rows, width, out } = use;
    if (!isFactored(use)) return sum + width * out;
    return sum + rows * (out + (kind === 'dense' ? width : 1) / K);
  }, 1);

/** Fewest bytes that {@link structuredKernels} gets by with. */
export const leastBytes = (shapes: readonly UseShape[]): number =>
  Math.ceil(BLOCKS * bytesPerRow(shapes, 1));

/** Examples and directions that are looked at together. */
interface Block {
  readonly n: readonly [number, number];
  readonly k: readonly [number, number];
}

/** All directions of some examples; of a single one some directions, where all are too many. */
function fullBlocks({ examples, directions: { count: K } }: Side, rows: number): Block[] {
  if (K <= rows)
    return runsOf(0, examples.count, Math.floor(rows / K)).map((n) => ({ n, k: [0, K] }));
  return runsOf(0, examples.count, 1).flatMap((n) => runsOf(0, K, rows).map((k) => ({ n, k })));
}

/**
 * A kernel from uses, layer by layer: no gradient of a weight is formed where inner products of inputs and cotangents are cheaper.
 * `maxBytes` decides how many examples and directions are held at once; beyond that, blocks of the right side are computed once a
 * block of the left one.
 *
 * @returns layer -> `[N K, M K']`, of the diagonal `[K, N, M]`, of the trace `[N, M]`; the caller owns the tensors
 */
export function structuredKernels(plan: StructuredPlan): Params {
  const { left, right, params, select, shapes, maxBytes, entries } = plan;
  const K = Math.max(left.directions.count, right?.directions.count ?? 1);
  const shared = entries === 'full' ? K : 1;
  const rows = Math.max(1, Math.floor(maxBytes / (BLOCKS * bytesPerRow(shapes, shared))));
  const passBytes = bytesPerRow(shapes.filter(isFactored), 1);
  const rowsPerPass = Math.min(rows, Math.max(1, Math.floor(BYTES_PER_PASS / passBytes)));
  const readers = [left, ...(right ? [right] : [])].map((side) =>
    usesReader(side, params, select, rowsPerPass),
  );
  const read = (index: 0 | 1, { n, k }: Block): BlockUses =>
    (readers[index] ?? readers[0]!).read(...n, ...k);
  try {
    return tf.tidy(() => {
      if (entries === 'full') {
        const grids = fullBlocks(left, rows);
        return gridOf(plan, read, grids, right && fullBlocks(right, rows));
      }
      const most = Math.max(left.examples.count, right?.examples.count ?? 0);
      const kernels = runsOf(0, K, Math.max(1, Math.floor(rows / most))).map((k) => {
        const blocks = ({ examples }: Side): Block[] =>
          runsOf(0, examples.count, rows).map((n) => ({ n, k }));
        return gridOf(plan, read, blocks(left), right && blocks(right));
      });
      const join = (parts: tf.Tensor[]): tf.Tensor =>
        entries === 'trace' ? tf.addN(parts) : tf.concat(parts, 0);
      return mapParams(kernels[0]!, (_, layer) => join(kernels.map((part) => part[layer]!)));
    });
  } finally {
    readers.forEach((reader) => reader.dispose());
  }
}

/** Every left block with every right one; half of them, and the others mirrored, where both sides are one. */
function gridOf(
  plan: StructuredPlan,
  read: (side: 0 | 1, block: Block) => BlockUses,
  leftBlocks: readonly Block[],
  rightBlocks: readonly Block[] | null,
): Params {
  const sizes = ({ n, k }: Block) => [n[1] - n[0], k[1] - k[0]] as const;
  const rowAxis = plan.entries === 'diagonal' ? 1 : 0;
  const grid: Params[][] = [];
  leftBlocks.forEach((left, a) => {
    const line = tf.tidy(() => {
      const uses = read(0, left);
      return (rightBlocks ?? leftBlocks).map((right, b): Params => {
        if (rightBlocks === null && b < a) return mapParams(grid[b]![a]!, mirrored);
        const own = rightBlocks === null && b === a;
        return tf.tidy(() =>
          contractUses(
            uses,
            own ? null : read(1, right),
            { left: sizes(left), right: sizes(right) },
            plan,
          ),
        );
      });
    });
    grid.push(line);
  });
  const blank = (a: number, b: number): tf.Tensor => {
    const [[n, K], [m, K2]] = [sizes(leftBlocks[a]!), sizes((rightBlocks ?? leftBlocks)[b]!)];
    if (plan.entries === 'full') return tf.zeros([n * K, m * K2]);
    return tf.zeros(plan.entries === 'trace' ? [n, m] : [K, n, m]);
  };
  const names = Object.keys(plan.params).filter(plan.select);
  return Object.fromEntries(
    [...new Set(names.map(plan.layerOf))].map((layer) => {
      const lines = grid.map(
        (line, a) =>
        tf.concat(line.map((block, b) => block[layer] ?? blank(a, b)), rowAxis + 1), // prettier-ignore
      );
      return [layer, tf.concat(lines, rowAxis)];
    }),
  );
}

const mirrored = (x: tf.Tensor): tf.Tensor => tf.transpose(x, x.rank === 3 ? [0, 2, 1] : [1, 0]);

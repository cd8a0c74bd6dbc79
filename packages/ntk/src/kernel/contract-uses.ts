import type { Params } from '@cfrl/engine';
import * as tf from '@tensorflow/tfjs-core';

import { runsOf } from '../runs.js';
import { type BlockUses, type FactoredUse } from '../uses/block-uses.js';
import { type Entries, type Route, routeOf } from './route.js';

/** What a contraction needs to know. */
export interface Contraction {
  readonly entries: Entries;
  /** The layer that a parameter's share is added to. */
  readonly layerOf: (name: string) => string;
}

/** Numbers that an intermediate tensor has at most, about: more would not fit into a processor's cache. */
const MOST = 2 ** 21;

/** Runs of examples, in each of which columns of a symmetric kernel are computed from its own rows on. */
const STRIPS = 8;
const LEAST_COLUMNS = 128;

/** A pair of blocks: `[B, n u, m u]`, as `matrix` of {@link Grid} has it. */
interface Grid {
  readonly entries: Entries;
  readonly symmetric: boolean;
  readonly n: number;
  readonly m: number;
  /** Runs of the right block's examples. */
  readonly strips: readonly (readonly [number, number])[];
}

const gridOf = (
  entries: Entries,
  [n, K]: readonly [number, number],
  right: readonly [number, number] | null,
): Grid => {
  const [m, K2] = right ?? [n, K];
  const unit = entries === 'full' ? K2 : 1;
  const size = Math.max(1, Math.ceil(LEAST_COLUMNS / unit), Math.ceil(m / STRIPS));
  return {
    entries,
    symmetric: right === null,
    n,
    m,
    strips: right === null ? runsOf(0, m, size) : [[0, m]],
  };
};

/**
 * Inner products of gradients from their uses, layer by layer: `[n K, m K']`, of the diagonal `[K, n, m]`, of the trace `[n, m]`. With
 * `right` absent it is the left block with itself, of which one half is computed and the other mirrored.
 */
export function contractUses(
  left: BlockUses,
  right: BlockUses | null,
  sizes: { readonly left: readonly [number, number]; readonly right: readonly [number, number] },
  { entries, layerOf }: Contraction,
): Params {
  const grid = gridOf(entries, sizes.left, right === null ? null : sizes.right);
  return tf.tidy(() => {
    const sums = new Map<string, tf.Tensor[]>();
    const add = (layer: string, strips: readonly tf.Tensor[]): void => {
      const known = sums.get(layer);
      sums.set(
        layer,
        strips.map((strip, i) => {
          if (known === undefined) return strip;
          const sum = tf.add(known[i]!, strip);
          tf.dispose([known[i]!, strip]);
          return sum;
        }),
      );
    };
    const pairs = pairsOf(left, right ?? left);
    for (const [use, other] of pairs.factored) {
      const share = (): tf.Tensor[] => factoredShares(use, other, grid);
      add(layerOf(use.name), tf.tidy(share));
    }
    const layers = new Set(Object.keys(pairs.formed).map(layerOf));
    for (const layer of layers) {
      const own = Object.entries(pairs.formed).filter(([name]) => layerOf(name) === layer);
      const side = (index: 0 | 1): tf.Tensor3D =>
        tf.concat(own.map(([, pair]) => pair[index]), 2) as tf.Tensor3D; // prettier-ignore
      const share = (): tf.Tensor[] => formedShares(side(0), right === null ? null : side(1), grid);
      add(layer, tf.tidy(share));
    }
    return Object.fromEntries([...sums].map(([layer, strips]) => [layer, whole(strips, grid)]));
  });
}

/** Parameters that both blocks use. One that they use in different ways is compared by gradients. */
function pairsOf(left: BlockUses, right: BlockUses) {
  const factored: [FactoredUse, FactoredUse][] = [];
  const formed: Record<string, readonly [tf.Tensor, tf.Tensor]> = {};
  const namesOf = ({ factored, formed }: BlockUses): string[] => [
    ...factored.map(({ name }) => name),
    ...Object.keys(formed),
  ];
  const shared = new Set(namesOf(right));
  for (const name of namesOf(left).filter((each) => shared.has(each))) {
    const find = (block: BlockUses) => block.factored.find((use) => use.name === name);
    const [use, other] = [find(left), find(right)];
    if (use && other && use.kind === other.kind && use.layout === other.layout) {
      factored.push([use, other]);
    } else {
      formed[name] = [
        left.formed[name] ?? wholeGradients(use!),
        right.formed[name] ?? wholeGradients(other!),
      ];
    }
  }
  return { factored, formed };
}

/** Gradients `[n, K, size]`, as the parameter lies in memory. */
export function wholeGradients(use: FactoredUse): tf.Tensor3D {
  const [n, K, , out] = use.cotangent.shape;
  const gradients = tf.reshape(gradientsOf(use, 0, use.width), [n, K, use.width, out]);
  const inMemory = use.layout === 'in-out' ? gradients : tf.transpose(gradients, [0, 1, 3, 2]);
  return tf.reshape(inMemory, [n, K, use.width * out]);
}

/** Strips put together; of a symmetric kernel the rows above each strip are those of earlier strips, turned. */
function whole(
  strips: readonly tf.Tensor[],
  { entries, symmetric, n, strips: runs }: Grid,
): tf.Tensor {
  const unit = strips[0]!.shape[1]! / n;
  const columns = strips.map((strip, j) => {
    if (!symmetric) return strip;
    const [from, to] = runs[j]!;
    const above = strips.slice(0, j).map((earlier, i) => {
      const start = (from - runs[i]![0]) * unit;
      const own = tf.slice(earlier, [0, start, 0], [-1, (to - from) * unit, -1]);
      return tf.transpose(own, [0, 2, 1]);
    });
    return tf.concat([...above, strip], 1);
  });
  const all = tf.concat(columns, 2);
  return entries === 'diagonal' ? all : tf.squeeze(all, [0]);
}

/** Gradients `[n, K, X]` as rows: `[1, n K, X]`, `[K, n, X]` or `[1, n, K X]`. */
function asRows(gradients: tf.Tensor3D, entries: Entries): tf.Tensor3D {
  const [n, K, X] = gradients.shape;
  if (entries === 'diagonal') return tf.transpose(gradients, [1, 0, 2]);
  return tf.reshape(gradients, entries === 'full' ? [1, n * K, X] : [1, n, K * X]);
}

/** `left right^T` of rows, strip by strip. */
function rowProducts(left: tf.Tensor3D, right: tf.Tensor3D, grid: Grid): tf.Tensor[] {
  const unit = left.shape[1] / grid.n;
  const unit2 = right.shape[1] / grid.m;
  return grid.strips.map(([from, to]) => {
    const rows = grid.symmetric ? tf.slice(left, [0, from * unit, 0]) : left;
    const columns =
      grid.strips.length === 1 ? right : tf.slice(right, [0, from * unit2, 0], [-1, (to - from) * unit2, -1]); // prettier-ignore
    return tf.matMul(rows, columns, false, true);
  });
}

const formedShares = (left: tf.Tensor3D, right: tf.Tensor3D | null, grid: Grid): tf.Tensor[] => {
  const rows = asRows(left, grid.entries);
  return rowProducts(rows, right === null ? rows : asRows(right, grid.entries), grid);
};

function factoredShares(left: FactoredUse, right: FactoredUse, grid: Grid): tf.Tensor[] {
  const route = routeOf(left, right, grid.entries);
  const shares: Record<Route, () => tf.Tensor[]> = {
    gradients: () => gradientShares(left, right, grid),
    inner: () => (grid.entries === 'full' ? fullInner : diagonalInner)(left, right, grid),
  };
  return shares[route]();
}

/** Gradients `[n, K, (to - from) out]` of rows `from` to `to` of the weight (or table). */
function gradientsOf(
  { kind, input, cotangent }: FactoredUse,
  from: number,
  to: number,
): tf.Tensor3D {
  const [n, K, , out] = cotangent.shape;
  const rows =
    kind === 'dense'
      ? tf.slice(input, [0, 0, from], [-1, -1, to - from])
      : tf.cast(tf.equal(tf.expandDims(input, 2), tf.range(from, to, 1, 'int32')), 'float32');
  const gradients = tf.matMul(tf.expandDims(rows, 1), cotangent, true);
  return tf.reshape(gradients, [n, K, (to - from) * out]);
}

/** By gradients, some rows of the weight at a time. */
function gradientShares(left: FactoredUse, right: FactoredUse, grid: Grid): tf.Tensor[] {
  const [n, K, , out] = left.cotangent.shape;
  const slice = Math.max(1, Math.floor(MOST / (n * K * out)));
  let sums: tf.Tensor[] | undefined;
  for (const [from, to] of runsOf(0, left.width, slice)) {
    const known = sums;
    sums = tf.tidy(() => {
      const shares = formedShares(
        gradientsOf(left, from, to),
        grid.symmetric ? null : gradientsOf(right, from, to),
        grid,
      );
      return known === undefined ? shares : shares.map((share, i) => tf.add(share, known[i]!));
    });
    tf.dispose(known ?? []);
  }
  return sums!;
}

/** `<a_r, a'_s>` of rows of inputs, `[n' R, s R']`: of ids whether they are equal. */
function inputProducts(left: tf.Tensor, right: tf.Tensor, kind: FactoredUse['kind']): tf.Tensor2D {
  const flat = (x: tf.Tensor): tf.Tensor2D => tf.reshape(x, [-1, x.shape[2] ?? 1]) as tf.Tensor2D;
  if (kind === 'dense') return tf.matMul(flat(left), flat(right), false, true);
  return tf.cast(tf.equal(flat(left), tf.transpose(flat(right))), 'float32') as tf.Tensor2D;
}

/** Of the examples of a strip: the left ones from there on, if the other half is mirrored, and the right ones. */
const stripOf = (
  left: tf.Tensor,
  right: tf.Tensor,
  { symmetric }: Grid,
  [from, to]: readonly [number, number],
): [tf.Tensor, tf.Tensor] => {
  const rows = (x: tf.Tensor, start: number, count: number): tf.Tensor =>
    start === 0 && count === x.shape[0]
      ? x
      : tf.slice(x, [start, ...x.shape.slice(1).map(() => 0)], [count, ...x.shape.slice(1)]);
  const start = symmetric ? from : 0;
  return [rows(left, start, left.shape[0]! - start), rows(right, from, to - from)];
};

/** `sum_{r, s} <a_r, a'_s> <delta_r^k, delta'_s^k>`. */
function diagonalInner(left: FactoredUse, right: FactoredUse, grid: Grid): tf.Tensor[] {
  // [n, K, R, out] to [1, n, R, K out], or [K, n, R, out]
  const apart = ({ cotangent }: FactoredUse): tf.Tensor => {
    const [n, K, R, out] = cotangent.shape;
    return grid.entries === 'diagonal'
      ? cotangent
      : tf.reshape(tf.transpose(cotangent, [0, 2, 1, 3]), [n, 1, R, K * out]);
  };
  const [deltas, deltas2] = [apart(left), apart(right)];
  return grid.strips.map((strip) =>
    tf.tidy(() => {
      const [rows, columns] = stripOf(deltas, deltas2, grid, strip);
      const [inputs, inputs2] = stripOf(left.input, right.input, grid, strip);
      const M = inputProducts(inputs, inputs2, left.kind);
      const flat = (x: tf.Tensor): tf.Tensor => {
        const [n, B, R, X] = x.shape as [number, number, number, number];
        return tf.reshape(tf.transpose(x, [1, 0, 2, 3]), [B, n * R, X]);
      };
      const products = tf.mul(tf.matMul(flat(rows), flat(columns), false, true), M);
      const [n, B, R] = rows.shape as [number, number, number];
      const [s, , R2] = columns.shape as [number, number, number];
      const sums = tf.sum(tf.reshape(products, [B * n, R, s, R2]), [1, 3]);
      return tf.reshape(sums, [B, n, s]);
    }),
  );
}

/** `sum_{r, s} <a_r, a'_s> <delta_r^k, delta'_s^l>`: the inputs' products move the right cotangents to the left rows. */
function fullInner(left: FactoredUse, right: FactoredUse, grid: Grid): tf.Tensor[] {
  const turned = tf.transpose(right.cotangent, [0, 2, 3, 1]); // [m, R', out, K']
  return grid.strips.map((strip) =>
    tf.tidy(() => {
      const [rows, columns] = stripOf(left.cotangent, turned, grid, strip);
      const [inputs, inputs2] = stripOf(left.input, right.input, grid, strip);
      const M = inputProducts(inputs, inputs2, left.kind);
      const [n, K, R, out] = rows.shape as [number, number, number, number];
      const [s, R2, , K2] = columns.shape as [number, number, number, number];
      if (R === 1 && R2 === 1) {
        const [, other] = stripOf(left.cotangent, right.cotangent, grid, strip);
        const products = tf.matMul(
          tf.reshape(rows, [n * K, out]) as tf.Tensor2D,
          tf.reshape(other, [s * K2, out]) as tf.Tensor2D,
          false,
          true,
        );
        const scaled = tf.mul(tf.reshape(products, [n, K, s, K2]), tf.reshape(M, [n, 1, s, 1]));
        return tf.reshape(scaled, [1, n * K, s * K2]);
      }
      const some = Math.max(1, Math.floor(MOST / 2 / (R * out * K2)));
      const flat = tf.reshape(rows, [n, K, R * out]);
      const byExample = Array.from({ length: s }, (_, m) =>
        tf.tidy(() => {
          const delta = tf.reshape(tf.slice(columns, [m, 0, 0, 0], [1, -1, -1, -1]), [
            R2,
            out * K2,
          ]);
          const parts = runsOf(0, n, some).map(([from, to]) =>
            tf.tidy(() => {
              const mixing = tf.slice(M, [from * R, m * R2], [(to - from) * R, R2]);
              const moved = tf.matMul(mixing as tf.Tensor2D, delta as tf.Tensor2D);
              return tf.matMul(
                tf.slice(flat, [from, 0, 0], [to - from, -1, -1]),
                tf.reshape(moved, [to - from, R * out, K2]),
              );
            }),
          );
          return tf.reshape(tf.concat(parts, 0), [n * K, 1, K2]);
        }),
      );
      return tf.reshape(tf.concat(byExample, 1), [1, n * K, s * K2]);
    }),
  );
}

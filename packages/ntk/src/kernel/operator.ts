import {
  type Params,
  checkTensor,
  compile,
  jvp,
  mapParams,
  resolveOptions,
  selectParams,
  vjp,
  yieldToEventLoop,
} from '@cfrl/engine';
import * as tf from '@tensorflow/tfjs-core';

import { checkFiniteTensor, checkSelection } from '../check.js';
import { type SharedOptions, shared } from '../options.js';
import { rowsWithin } from './gram.js';

/** Options of products with kernels; a batch is of examples, or of whole sequences. */
export type ProductOptions = Pick<SharedOptions, 'select' | 'maxBytes' | 'batchSize'>;

/** A kernel to multiply with, which is never formed. */
export interface KernelOperator {
  /** `N`, the rows of what comes out. */
  readonly rows: number;
  /** `M`, the rows of what goes in. */
  readonly columns: number;
  /**
   * `K v`: `[M, O]` to `[N, O]`; several at once, `[Q, M, O]` to `[Q, N, O]`. `v` is borrowed, the caller owns the result.
   *
   * @throws RangeError if `v` has another shape, or numbers are not finite; the signal's reason if it has aborted
   */
  readonly product: (v: tf.Tensor, signal?: AbortSignal) => Promise<tf.Tensor>;
  /** Frees what it holds: its graphs, and the examples' tensors. */
  readonly dispose: () => void;
}

/** One side of a kernel: outputs as rows, batch by batch. */
export interface Side {
  /** A batch as tensors, or a number that stands for it: what a graph is for. */
  readonly batches: readonly { readonly rows: number; readonly input: tf.TensorContainer }[];
  /** `[rows, O]`, of a batch's input. */
  readonly outputs: (params: Params, input: tf.TensorContainer) => tf.Tensor2D;
}

const rowCount = ({ batches }: Side): number => batches.reduce((sum, { rows }) => sum + rows, 0);

/** Refuses outputs of another shape than `[rows, O]`, where `O` is what `v` has. */
function checkedOutputs(where: string, outputs: tf.Tensor, like: tf.Tensor): tf.Tensor {
  if (tf.util.arraysEqual(outputs.shape, like.shape)) return outputs;
  const [rows, O] = like.shape as [number, number];
  throw new RangeError(
    outputs.rank === 2 && outputs.shape[0] === rows
      ? `${where}: v has ${O} columns, expected ${outputs.shape[1]}, one an output`
      : `${where}: the outputs of ${rows} examples have shape [${outputs.shape.join(', ')}], expected [${rows}, outputs]`,
  );
}

/** `v` as `[Q, M, O]`. */
function checkedVectors(where: string, v: tf.Tensor, M: number): tf.Tensor3D {
  checkTensor(`${where}: v`, v);
  if (![2, 3].includes(v.rank) || v.shape.at(-2) !== M || v.size === 0) {
    throw new RangeError(
      `${where}: v has shape [${v.shape.join(', ')}], expected [${M}, O] or [Q, ${M}, O]`,
    );
  }
  checkFiniteTensor(`${where}: v`, v);
  return tf.reshape(v, [-1, M, v.shape.at(-1)!]) as tf.Tensor3D;
}

/** What an operator is made of. */
interface Parts {
  readonly where: string;
  readonly params: Params;
  readonly select: (name: string) => boolean;
  /** Vectors at a time. */
  readonly perGroup: number;
  readonly left: Side;
  readonly right: Side;
  /** Without graphs. */
  readonly eager: boolean;
}

/** Checks the options, makes both sides, and the operator of them. */
export function kernelOperatorOf<X>(
  where: string,
  params: Params,
  [list, list2]: readonly [readonly X[], (readonly X[] | undefined)?],
  options: ProductOptions,
  sideOf: (list: readonly X[], batchSize: number) => Side,
  eager = false,
): KernelOperator {
  const table = shared('select', 'maxBytes', 'batchSize');
  const { select, maxBytes, batchSize } = resolveOptions(where, options, table);
  const perGroup = rowsWithin(where, maxBytes, checkSelection(where, params, select));
  const left = sideOf(list, batchSize);
  const right = list2 === undefined ? left : sideOf(list2, batchSize);
  return operator({ where, params, select, perGroup, left, right, eager });
}

/** `J'^T v` batch by batch, then `J` times that. */
function operator({ where, params, select, perGroup, left, right, eager }: Parts): KernelOperator {
  const moving = selectParams(params, select);
  const fixed = selectParams(params, (name) => !select(name));
  const graphs = { maxGraphs: Math.max(left.batches.length, right.batches.length), eager };
  const pull = compile(
    (moved: Params, rest: Params, input: tf.TensorContainer, cotangents: tf.Tensor2D[]) =>
      cotangents.map((cotangent) => {
        const outputs = (p: Params): tf.Tensor =>
          checkedOutputs(where, right.outputs({ ...rest, ...p }, input), cotangent);
        return vjp(outputs, moved, cotangent).grads;
      }),
    { ...graphs, name: `${where}: v -> J^T v` },
  );
  const push = compile(
    (moved: Params, rest: Params, input: tf.TensorContainer, directions: Params[]) =>
      directions.map((direction) => {
        const outputs = (p: Params): tf.Tensor => left.outputs({ ...rest, ...p }, input);
        return jvp(outputs, moved, direction).tangent;
      }),
    { ...graphs, name: `${where}: t -> J t` },
  );

  /** `K v` of some vectors, `[q, M, O]` to `[q, N, O]`. */
  const groupProduct = async (vectors: tf.Tensor, signal?: AbortSignal): Promise<tf.Tensor> => {
    let directions: Params[] = Array.from({ length: vectors.shape[0]! }, () =>
      mapParams(moving, (parameter) => tf.zerosLike(parameter)),
    );
    const images: tf.Tensor[][] = [];
    try {
      let from = 0;
      for (const { rows, input } of right.batches) {
        await yieldToEventLoop(signal);
        const before = directions;
        directions = tf.tidy(() => {
          const own = tf.unstack(tf.slice(vectors, [0, from, 0], [-1, rows, -1])) as tf.Tensor2D[];
          const sums = pull(moving, fixed, input, own).map((grads, q) =>
            mapParams(grads, (grad, name) => tf.add(before[q]![name]!, grad)),
          );
          return sums as Record<string, tf.Tensor>[];
        });
        tf.dispose(before as tf.TensorContainer);
        from += rows;
      }
      for (const { input } of left.batches) {
        await yieldToEventLoop(signal);
        images.push(push(moving, fixed, input, directions));
      }
      return tf.tidy(() =>
        tf.stack(directions.map((_, q) => tf.concat(images.map((batch) => batch[q]!)))),
      );
    } finally {
      tf.dispose([directions as tf.TensorContainer, images]);
    }
  };

  return {
    rows: rowCount(left),
    columns: rowCount(right),
    product: async (v, signal) => {
      const all = checkedVectors(where, v, rowCount(right));
      const results: tf.Tensor[] = [];
      try {
        for (let q = 0; q < all.shape[0]; q += perGroup) {
          const group = tf.slice(all, q, Math.min(perGroup, all.shape[0] - q));
          try {
            results.push(await groupProduct(group, signal));
          } finally {
            group.dispose();
          }
        }
        return tf.tidy(() => {
          const [O, N] = [all.shape[2], rowCount(left)];
          const product = tf.reshape(tf.concat(results), [...v.shape.slice(0, -2), N, O]);
          return checkFiniteTensor(`${where}: the product`, product);
        });
      } finally {
        tf.dispose([all, ...results]);
      }
    },
    dispose: () => {
      pull.dispose();
      push.dispose();
      for (const { batches } of new Set([left, right])) {
        tf.dispose(batches.map(({ input }) => input));
      }
    },
  };
}

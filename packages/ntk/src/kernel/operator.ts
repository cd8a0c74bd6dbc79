import {
  type Params,
  checkTensor,
  compile,
  disposeParams,
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

/** Options of products with kernels; a batch is of examples, or of whole sequences. */
export type ProductOptions = Pick<SharedOptions, 'select' | 'batchSize'>;

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

/** Refuses what is not `[M, O]` or `[Q, M, O]`. */
function checkVectors(where: string, v: tf.Tensor, M: number): void {
  checkTensor(`${where}: v`, v);
  if (![2, 3].includes(v.rank) || v.shape.at(-2) !== M || v.size === 0) {
    throw new RangeError(
      `${where}: v has shape [${v.shape.join(', ')}], expected [${M}, O] or [Q, ${M}, O]`,
    );
  }
  checkFiniteTensor(`${where}: v`, v);
}

/**
 * Checks the options and makes both sides: `J'^T v` batch by batch, then `J` times that. A graph is for one vector, since recording takes
 * as long as some dozens of runs for each vector in it.
 */
export function kernelOperatorOf<X>(
  where: string,
  params: Params,
  [list, list2]: readonly [readonly X[], (readonly X[] | undefined)?],
  options: ProductOptions,
  sideOf: (list: readonly X[], batchSize: number) => Side,
  eager = false,
): KernelOperator {
  const { select, batchSize } = resolveOptions(where, options, shared('select', 'batchSize'));
  checkSelection(where, params, select);
  const left = sideOf(list, batchSize);
  const right = list2 === undefined ? left : sideOf(list2, batchSize);
  const [N, M] = [rowCount(left), rowCount(right)];
  const moving = selectParams(params, select);
  const fixed = selectParams(params, (name) => !select(name));
  const graphs = { maxGraphs: Math.max(left.batches.length, right.batches.length), eager };
  const pull = compile(
    (moved: Params, rest: Params, input: tf.TensorContainer, cotangent: tf.Tensor2D) => {
      const outputs = (p: Params): tf.Tensor =>
        checkedOutputs(where, right.outputs({ ...rest, ...p }, input), cotangent);
      return vjp(outputs, moved, cotangent).grads;
    },
    { ...graphs, name: `${where}: v -> J^T v` },
  );
  const push = compile(
    (moved: Params, rest: Params, input: tf.TensorContainer, direction: Params) =>
      jvp((p) => left.outputs({ ...rest, ...p }, input), moved, direction).tangent,
    { ...graphs, name: `${where}: t -> J t` },
  );

  /** `K v` of one vector, `[M, O]` to `[N, O]`. */
  const productOf = async (v: tf.Tensor, signal?: AbortSignal): Promise<tf.Tensor> => {
    let direction: Params = mapParams(moving, (parameter) => tf.zerosLike(parameter));
    const images: tf.Tensor[] = [];
    try {
      let from = 0;
      for (const { rows, input } of right.batches) {
        await yieldToEventLoop(signal);
        const before = direction;
        direction = tf.tidy(() => {
          const own = tf.slice(v, [from, 0], [rows, -1]) as tf.Tensor2D;
          const grads = pull(moving, fixed, input, own);
          return mapParams(grads, (grad, name) => tf.add(before[name]!, grad));
        });
        disposeParams(before);
        from += rows;
      }
      for (const { input } of left.batches) {
        await yieldToEventLoop(signal);
        images.push(push(moving, fixed, input, direction));
      }
      return tf.concat(images);
    } finally {
      disposeParams(direction);
      tf.dispose(images);
    }
  };

  return {
    rows: N,
    columns: M,
    product: async (v, signal) => {
      checkVectors(where, v, M);
      const vectors = tf.tidy(() => tf.unstack(tf.reshape(v, [-1, M, v.shape.at(-1)!])));
      const products: tf.Tensor[] = [];
      try {
        for (const each of vectors) products.push(await productOf(each, signal));
        return tf.tidy(() => {
          const product = tf.reshape(tf.stack(products), [...v.shape.slice(0, -2), N, -1]);
          return checkFiniteTensor(`${where}: the product`, product);
        });
      } finally {
        tf.dispose([...vectors, ...products]);
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

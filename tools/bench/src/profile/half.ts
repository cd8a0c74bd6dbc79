import * as tf from '@tensorflow/tfjs-core';

import { medianTimes } from './timing.js';

/** What a product of matrices takes, by how its weights are stored; the result is float32. */
export interface HalfPoint {
  /** `[N, I]` times `[I, O]`. */
  readonly shape: readonly [N: number, I: number, O: number];
  /**
   * Ms in float32; in bfloat16, which both sides are already; and with weights of bfloat16 that are widened to float32 before
   * every product, which leaves the results as exact as the weights.
   */
  readonly times: readonly number[];
}

/** What is used of the binding of `@tensorflow/tfjs-node`: TensorFlow.js itself knows no bfloat16. */
interface Binding {
  readonly TF_ATTR_TYPE: number;
  readonly TF_ATTR_BOOL: number;
  readonly TF_FLOAT: number;
  createTensor(shape: readonly number[], dtype: number, values: Float32Array): number;
  executeOp(
    op: string,
    attributes: readonly { name: string; type: number; value: number | boolean }[],
    inputs: readonly number[],
    outputs: number,
  ): { readonly id: number }[];
  deleteTensor(id: number): void;
}

/** TensorFlow's number of the type. */
const BFLOAT16 = 14;

/** Decoding one token and eight, the vocabulary's row of a 135 M model, a batch of tokens, a training step. */
const SHAPES = [
  [1, 576, 1536],
  [1, 576, 49152],
  [8, 576, 49152],
  [64, 384, 1536],
  [2048, 384, 1536],
] as const;

/** Whether weights of half the size pay on this processor. */
export function measureHalf(rounds: number): HalfPoint[] {
  const { binding } = tf.backend() as unknown as { readonly binding: Binding };
  const { TF_ATTR_TYPE, TF_ATTR_BOOL, TF_FLOAT } = binding;
  const type = (name: string, value: number) => ({ name, type: TF_ATTR_TYPE, value });
  const flag = (name: string) => ({ name, type: TF_ATTR_BOOL, value: false });
  const cast = (id: number, from: number, to: number): number => {
    const attributes = [type('SrcT', from), type('DstT', to), flag('Truncate')];
    return binding.executeOp('Cast', attributes, [id], 1)[0]!.id;
  };
  const product = (x: number, w: number, dtype: number): number => {
    const attributes = [flag('transpose_a'), flag('transpose_b'), type('T', dtype)];
    return binding.executeOp('MatMul', attributes, [x, w], 1)[0]!.id;
  };
  const free = (...ids: number[]): void => ids.forEach((id) => binding.deleteTensor(id));

  return SHAPES.map((shape) => {
    const [n, i, o] = shape;
    const x = binding.createTensor([n, i], TF_FLOAT, new Float32Array(n * i).fill(0.5));
    const w = binding.createTensor([i, o], TF_FLOAT, new Float32Array(i * o).fill(0.5));
    const [halfX, halfW] = [cast(x, TF_FLOAT, BFLOAT16), cast(w, TF_FLOAT, BFLOAT16)];
    const ways = [
      () => free(product(x, w, TF_FLOAT)),
      () => {
        const y = product(halfX, halfW, BFLOAT16);
        free(y, cast(y, BFLOAT16, TF_FLOAT));
      },
      () => {
        const wide = cast(halfW, BFLOAT16, TF_FLOAT);
        free(product(x, wide, TF_FLOAT), wide);
      },
    ];
    const times = medianTimes(ways, rounds);
    free(x, w, halfX, halfW);
    return { shape, times };
  });
}

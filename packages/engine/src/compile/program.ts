import type * as tf from '@tensorflow/tfjs-core';

import { nativeBackend } from './binding.js';
import type { Graph, LoadedGraph, Output } from './graph.js';

/** A tensor at the border of a program: where it is, its type as a number of TensorFlow's, and its shape. */
export interface Value {
  readonly output: Output;
  readonly dtype: number;
  readonly shape: readonly number[];
}

/** Something that is fed at each call although the function does not take it as an argument. */
export interface Hidden {
  readonly placeholder: string;
  /** A tensor from outside of the function, by the identity of its data. */
  readonly dataId?: object;
  /** A constant too large to be written into the graph: the id of the binding's tensor. */
  readonly id?: number;
}

/** A recorded function: its graph, what is fed and what is fetched. */
export interface Program {
  readonly graph: Graph;
  /** Names of the placeholders of the inputs that have no place in the graph. */
  readonly inputs: readonly string[];
  readonly hidden: readonly Hidden[];
  /** The tensors of the arguments, in their order. */
  readonly entries: readonly Value[];
  /** The tensors of the result, in their order. */
  readonly results: readonly Value[];
  /** The result around tensors. */
  readonly rebuild: (tensors: readonly tf.Tensor[]) => unknown;
}

/** What is fed: the arguments, and the tensors that the function took from outside. */
export function feeds(
  where: string,
  { inputs, hidden }: Program,
  tensors: readonly tf.Tensor[],
): (readonly [string, number])[] {
  const backend = nativeBackend();
  const ids = backend.getInputTensorIds(tensors);
  const fed = inputs.map((name, i) => [name, ids[i]!] as const);
  for (const { placeholder, dataId, id } of hidden) {
    if (dataId !== undefined && !backend.tensorMap.has(dataId)) {
      throw new Error(
        `${where}: a tensor that the function took from outside has been disposed, expected it to stay; pass it as an argument`,
      );
    }
    fed.push([placeholder, id ?? backend.tensorMap.get(dataId!).id]);
  }
  return fed;
}

/** Frees a graph, and the large constants that are fed to it. */
export function release({ loaded, hidden }: Program & { readonly loaded: LoadedGraph }): void {
  loaded.dispose();
  const { binding } = nativeBackend();
  for (const { id } of hidden) if (id !== undefined) binding.deleteTensor(id);
}

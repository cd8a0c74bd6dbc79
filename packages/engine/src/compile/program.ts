import type * as tf from '@tensorflow/tfjs-core';

import { nativeBackend } from './binding.js';
import type { Graph, GraphNode, LoadedGraph, Output } from './graph.js';
import { type Hidden, type Input, record } from './recorder.js';
import { flatten } from './structure.js';
import { typeAttribute, typeNumber } from './types.js';

/** A recorded function: its graph, what is fed and what is fetched. */
export interface Program {
  readonly graph: Graph;
  /** Names of the placeholders of the inputs that have no place in the graph. */
  readonly inputs: readonly string[];
  readonly hidden: readonly Hidden[];
  /** Where each tensor of the result is, and its type as a number of TensorFlow's. */
  readonly results: readonly { readonly output: Output; readonly dtype: number }[];
  /** The result around tensors. */
  readonly rebuild: (tensors: readonly tf.Tensor[]) => unknown;
}

/** Records a function. */
export function recordProgram(
  where: string,
  inputs: readonly Input[],
  body: () => unknown,
): Program {
  const { placeholders, hidden, constants, nodes, outputs, result } = record(where, inputs, () => {
    const { tensors, rebuild } = flatten(`${where}: result`, synchronous(where, body()));
    const dtypes = tensors.map(({ dtype }) => typeNumber(dtype));
    return { tensors, result: { rebuild, dtypes } };
  });
  const { rebuild, dtypes } = result as { rebuild: Program['rebuild']; dtypes: readonly number[] };
  const fed = inputs.filter(({ place }) => place === undefined).length;
  return {
    graph: { placeholders, constants, nodes },
    inputs: placeholders.slice(0, fed).map(({ name }) => name),
    hidden,
    results: outputs.map((output, i) => ({ output, dtype: dtypes[i]! })),
    rebuild,
  };
}

/** Refuses a function that answers later. */
export function synchronous<T>(where: string, result: T): T {
  if (typeof (result as { then?: unknown } | null | undefined)?.then !== 'function') return result;
  (result as unknown as Promise<unknown>).then(undefined, () => undefined);
  throw new TypeError(
    `${where} is asynchronous, expected a function that returns tensors at once; await outside of it`,
  );
}

/** A node that hands a value on: TensorFlow does not give back what it was fed. */
export const identity = (
  name: string,
  { output, dtype }: Program['results'][number],
): GraphNode => ({
  name,
  op: 'Identity',
  inputs: [output],
  attributes: [typeAttribute('T', dtype)],
});

/** What is fed: the arguments, and the tensors that the function took from outside. */
export function feeds(
  where: string,
  { inputs, hidden }: Pick<Program, 'inputs' | 'hidden'>,
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
export function release(loaded: LoadedGraph, { hidden }: Pick<Program, 'hidden'>): void {
  loaded.dispose();
  const { binding } = nativeBackend();
  for (const { id } of hidden) if (id !== undefined) binding.deleteTensor(id);
}

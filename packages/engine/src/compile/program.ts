import type * as tf from '@tensorflow/tfjs-core';

import { nativeBackend } from './binding.js';
import type { Graph, GraphNode, LoadedGraph, Output } from './graph.js';
import { type Hidden, type Input, record } from './recorder.js';
import { flatten } from './structure.js';
import { typeAttribute, typeNumber } from './types.js';

/** A tensor at the border of a program: where it is, its type as a number of TensorFlow's, and its shape. */
export interface Value {
  readonly output: Output;
  readonly dtype: number;
  readonly shape: readonly number[];
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

/** Records a function; for XLA if it is XLA that will compile it. */
export function recordProgram(
  where: string,
  inputs: readonly Input[],
  xla: boolean,
  body: () => unknown,
): Program {
  const recorded = record(where, inputs, xla, () => {
    const { tensors, rebuild } = flatten(`${where}: result`, synchronous(where, body()));
    const kinds = tensors.map(({ dtype, shape }) => ({ dtype: typeNumber(dtype), shape }));
    return { tensors, result: { rebuild, kinds } };
  });
  const { placeholders, hidden, constants, nodes, outputs, result } = recorded;
  const { rebuild, kinds } = result as {
    rebuild: Program['rebuild'];
    kinds: readonly Omit<Value, 'output'>[];
  };
  const fed = placeholders.slice(0, inputs.filter(({ place }) => place === undefined).length);
  const names = fed.map(({ name }) => name);
  return {
    graph: { placeholders, constants, nodes },
    inputs: fed.map(({ name }) => name),
    hidden,
    entries: inputs.map(({ tensor, place }) => ({
      output: { node: place ?? names.shift()!, index: 0 },
      dtype: typeNumber(tensor.dtype),
      shape: tensor.shape,
    })),
    results: outputs.map((output, i) => ({ output, ...kinds[i]! })),
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
export const identity = (name: string, { output, dtype }: Omit<Value, 'shape'>): GraphNode => ({
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

import * as tf from '@tensorflow/tfjs-core';

import { nativeBackend, tensorsOf } from './binding.js';
import { ownTensors, runsGraphs } from './compile.js';
import type { GraphNode, LoadedGraph, TensorMetadata } from './graph.js';
import { Graphs, type Ready } from './graphs.js';
import { at, identity, operation, typeAttribute, typeNumber } from './nodes.js';
import { type CompileOptions, resolveOptions } from './options.js';
import { type Program, feeds } from './program.js';
import { isRecording, record } from './recorder.js';
import { flatten, synchronous } from './structure.js';

/** A structure whose tensors may be of any rank: what a step makes is not known by its type to have the state's ranks. */
export type AnyRank<S> = S extends tf.Tensor
  ? tf.Tensor
  : S extends object
    ? { [K in keyof S]: AnyRank<S[K]> }
    : S;

/** What a step hands back: the state after it, of the same structure, and anything else. */
export interface StateAndOutput<S, O> {
  readonly state: S;
  readonly output: O;
}

/** A compiled function with a state that stays inside. */
export type StatefulFunction<S, A extends readonly unknown[], O> = ((...args: A) => O) & {
  /** The state now, as tensors that the caller owns. */
  state(): S;
  /** Puts another state of the same structure, shapes and types in its place; borrowed. */
  setState(state: S): void;
  /** Frees state and graphs; the function must not be called any more. */
  dispose(): void;
};

/**
 * A compiled function whose state stays in the graph, as variables: it is neither fed nor fetched at a call, and read out
 * only when asked for. For parameters and moments in a training loop, or a cache in a decoding loop.
 * Where graphs do not exist the state is held as tensors and the function runs operation by operation, with the same results.
 *
 *     (state, output) = fn(state, ...args)
 *
 * A call that throws leaves the state as it was. Each structure of arguments has a graph of its own; when they alternate,
 * the state is handed from graph to graph.
 *
 * @param initial - the first state: tensors in arrays and plain records of any depth; borrowed
 * @param fn - gives the state after a call, of the same structure, shapes and types, and an output
 * @returns a function of the other arguments to the output, which the caller owns
 * @throws as {@link compile}; TypeError (from the returned function) if the new state has another structure, shape or type;
 *   Error if it is called inside of another compiled function or under a gradient, where a state could not stay
 *
 * @example
 * ```ts
 * import * as tf from '@tensorflow/tfjs-core';
 * const count = compileWithState({ n: tf.scalar(0) }, ({ n }, by: tf.Tensor) => ({
 *   state: { n: tf.add(n, by) },
 *   output: tf.mul(n, 10),
 * }));
 * count(tf.scalar(2)).arraySync(); // => 0
 * count(tf.scalar(1)).arraySync(); // => 20
 * count.state().n.arraySync(); // => 3
 * count.dispose();
 * ```
 */
export function compileWithState<S, A extends readonly unknown[], O>(
  initial: S,
  fn: (state: S, ...args: A) => StateAndOutput<AnyRank<S>, O>,
  options: CompileOptions = {},
): StatefulFunction<S, A, O> {
  const resolved = resolveOptions('compileWithState', fn, options);
  const where = `compileWithState: ${resolved.name}`;
  const graphs = new Graphs(resolved);
  const shape = flatten(`${where}: state`, initial);
  // The state lies in a graph's variables or, before the first call and without graphs, in tensors of our own.
  let holder: Ready | undefined;
  let held: readonly tf.Tensor[] = shape.tensors.map((tensor) => tf.keep(tf.clone(tensor)));
  let disposed = false;

  const check = (): void => {
    if (disposed) throw new Error(`${where} has been disposed, expected calls before that`);
    if (!isRecording() && tf.engine().state.gradientDepth === 0) return;
    throw new Error(
      `${where} is called inside of another compiled function or of a gradient, expected a call outside; its state could not stay`,
    );
  };
  const hold = (tensors: readonly tf.Tensor[]): void => {
    tf.dispose(held as tf.Tensor[]);
    held = tensors.map((tensor) => tf.keep(tensor));
    holder = undefined;
  };
  /** Reads the variables; TensorFlow shares their memory where it can. */
  const fetch = (): tf.Tensor[] => {
    if (holder === undefined) return held.map((tensor) => tf.clone(tensor));
    const names = shape.tensors.map((_, i) => `get${i}`);
    return tensorsOf(holder.loaded.run([], names));
  };
  const checkStructure = (state: unknown): readonly tf.Tensor[] => {
    const { tensors, key } = flatten(`${where}: state`, state);
    if (key === shape.key) return tensors;
    throw new TypeError(
      `${where}: the new state is ${key.slice(0, 300)}, expected ${shape.key.slice(0, 300)} as the first one; ` +
        'keep its structure, shapes and types',
    );
  };

  const eager = (args: A): O =>
    tf.tidy(() => {
      const before = fetch();
      const { state, output } = synchronous(where, fn(shape.rebuild(before) as S, ...args));
      hold(checkStructure(state).map((tensor) => tf.clone(tensor)));
      return ownTensors(where, output);
    }) as O;

  const call = (...args: A): O => {
    check();
    const { tensors, key } = flatten(`${where}: arguments`, args);
    if (resolved.eager || !runsGraphs()) return eager(args);
    const make = (): readonly [Program, readonly GraphNode[]] => {
      const before = fetch();
      try {
        const inputs = [
          ...before.map((tensor, i) => ({ tensor, place: `read${i}` })),
          ...tensors.map((tensor) => ({ tensor })),
        ];
        const program = record(where, inputs, resolved.xla, () => {
          const { state, output } = synchronous(where, fn(shape.rebuild(before) as S, ...args));
          return { state: checkStructure(state), output };
        });
        const { TF_INT32 } = nativeBackend().binding;
        const signal = { name: 'signal', dtype: TF_INT32, shape: [], values: new Int32Array(1) };
        const graph = { ...program.graph, constants: [...program.graph.constants, signal] };
        return [{ ...program, graph }, stateNodes(before, program)];
      } finally {
        tf.dispose(before);
      }
    };
    const run = (ready: Ready): O => {
      if (holder !== ready) {
        const before = fetch();
        const ids = nativeBackend().getInputTensorIds(before);
        fetchSignal(
          ready,
          ids.map((id, i) => [`first${i}`, id]),
          'started',
        );
        tf.dispose(before);
        hold([]);
        holder = ready;
      }
      const outputs = ready.results.slice(shape.tensors.length).map((_, i) => `o${i}`);
      const fetched = fetchSignal(ready, feeds(where, ready, tensors), 'done', outputs);
      return (ready.rebuild([...shape.tensors, ...tensorsOf(fetched)]) as { output: O }).output;
    };
    return graphs.use(key, make, run, (old) => {
      if (old === holder) hold(fetch());
    });
  };

  return Object.assign(call, {
    state: (): S => {
      check();
      return shape.rebuild(fetch()) as S;
    },
    setState: (state: S): void => {
      check();
      hold(checkStructure(state).map((tensor) => tf.clone(tensor)));
    },
    dispose: (): void => {
      disposed = true;
      hold([]);
      graphs.dispose();
    },
  });
}

/** Runs a graph for a signal, whose value means nothing, and for outputs. */
function fetchSignal(
  { loaded }: Ready,
  fed: Parameters<LoadedGraph['run']>[0],
  signal: string,
  outputs: readonly string[] = [],
): TensorMetadata[] {
  const [done, ...fetched] = loaded.run(fed, [signal, ...outputs]);
  nativeBackend().binding.deleteTensor(done!.id);
  return fetched;
}

/**
 * The nodes around a step: variables, their first values, their reading and writing. Nothing is written before everything has
 * been computed, so that a step that fails leaves all variables as they were.
 */
function stateNodes(state: readonly tf.Tensor[], { results }: Program): GraphNode[] {
  const { TF_ATTR_SHAPE, TF_ATTR_STRING, TF_INT32 } = nativeBackend().binding;
  const outputs = results
    .slice(state.length)
    .map(({ output, dtype }, i) => identity(`o${i}`, output, dtype));
  const values = [...results.map(({ output }) => output), ...outputs.map(({ name }) => at(name))];
  const computed = {
    ...operation('computed', 'NoOp', []),
    after: [...new Set(values.map(({ node }) => node))],
  };
  const variables = state.flatMap((tensor, i) => {
    const [variable, first] = [at(`variable${i}`), at(`first${i}`)];
    const dtype = typeAttribute('dtype', typeNumber(tensor.dtype));
    const shape = { name: 'shape', type: TF_ATTR_SHAPE, value: tensor.shape };
    const name = { name: 'shared_name', type: TF_ATTR_STRING, value: variable.node };
    const { output } = results[i]!;
    const write = operation(`write${i}`, 'AssignVariableOp', [variable, output], dtype);
    return [
      operation(variable.node, 'VarHandleOp', [], dtype, shape, name),
      operation(first.node, 'Placeholder', [], dtype, shape),
      operation(`start${i}`, 'AssignVariableOp', [variable, first], dtype),
      operation(`read${i}`, 'ReadVariableOp', [variable], dtype),
      operation(`get${i}`, 'ReadVariableOp', [variable], dtype),
      // One that is only read stays as it is.
      ...(output.node === `read${i}` ? [] : [{ ...write, after: ['computed'] }]),
    ];
  });
  const beginning = (prefix: string): string[] =>
    variables.map(({ name }) => name).filter((name) => name.startsWith(prefix));
  /** A node that can be fetched to have others run. */
  const signal = (name: string, after: readonly string[]): GraphNode => ({
    ...identity(name, at('signal'), TF_INT32),
    after,
  });
  return [
    ...outputs,
    computed,
    ...variables,
    signal('started', beginning('start')),
    signal('done', ['computed', ...beginning('write')]),
  ];
}

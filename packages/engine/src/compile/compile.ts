import * as tf from '@tensorflow/tfjs-core';

import { checkOptions, checkPositiveInteger } from '../check.js';
import { environment } from '../backend/runtime.js';
import { nativeBackend } from './binding.js';
import { type Graph, type GraphNode, type LoadedGraph, graphLoader } from './graph.js';
import { type Hidden, isRecording, record } from './recorder.js';
import { flatten } from './structure.js';

/** What was compiled, and what it cost. */
export interface CompileEvent {
  /** The function's name. */
  readonly name: string;
  /** Structure, shapes and types of the arguments that the graph is for. */
  readonly key: string;
  /** Operations in the graph. */
  readonly nodes: number;
  /** Seconds to run the function once, operation by operation, and write down what it did. */
  readonly recordSeconds: number;
  /** Seconds to hand the graph to TensorFlow. */
  readonly loadSeconds: number;
  /** Seconds of the first run, in which TensorFlow rewrites the graph and XLA compiles it. */
  readonly firstRunSeconds: number;
  /** Graphs that the function has now. */
  readonly graphs: number;
}

/** Options of {@link compile}. */
export interface CompileOptions {
  /** What to call the function in messages. @defaultValue its own name */
  readonly name?: string;
  /** Graphs that are kept; the one that was not used for longest goes first. @defaultValue 16 */
  readonly maxGraphs?: number;
  /** Called after the first run of each new graph. With `CFRL_LOG=compile` a line goes to standard error too. */
  readonly onCompile?: (event: CompileEvent) => void;
}

/** A compiled function. */
export type Compiled<F> = F & {
  /** Frees its graphs; it must not be called any more. */
  dispose(): void;
};

interface Program {
  readonly loaded: LoadedGraph;
  readonly inputs: readonly string[];
  readonly hidden: readonly Hidden[];
  readonly outputs: readonly string[];
  readonly rebuild: (tensors: readonly tf.Tensor[]) => unknown;
}

/**
 * A function that runs as one TensorFlow graph instead of operation by operation. The first call for each structure, shapes and
 * types of the arguments records which operations the function does; later calls run that record as a whole, optimised
 * and fused. Where graphs do not exist (wasm, cpu), inside of another compiled function, and while a gradient is being
 * recorded, the function itself is called. The results are the same within rounding.
 *
 * Only tensors among the arguments may change without a new graph. Plain values (numbers, strings, booleans) are part of
 * what a graph is for. Tensors that the function takes from outside are fed as they were at the first call.
 *
 * @param fn - tensors to tensors, in arrays and plain records of any depth; gradients and optimisers may be used inside
 * @param options - see {@link CompileOptions}
 * @returns the function, with `dispose()`; the caller owns the tensors that it returns
 * @throws Error (from the returned function) if `fn` reads a tensor's values, is asynchronous, uses `Math.random`, makes a shape that
 *   depends on values, keeps tensors or disposes its arguments; if a tensor it captured has been disposed; after `dispose()`
 *
 * @example
 * ```ts
 * import * as tf from '@tensorflow/tfjs-core';
 * const norm = compile((x: tf.Tensor) => tf.sqrt(tf.sum(tf.square(x))));
 * norm(tf.tensor1d([3, 4])).arraySync(); // => 5
 * norm(tf.tensor1d([5, 12])).arraySync(); // => 13
 * norm.dispose();
 * ```
 */
// eslint-disable-next-line @typescript-eslint/no-explicit-any
export function compile<F extends (...args: any[]) => any>(
  fn: F,
  options: CompileOptions = {},
): Compiled<F> {
  checkOptions('compile', options, ['name', 'maxGraphs', 'onCompile']);
  const { name = fn.name || 'function', maxGraphs = 16 } = options;
  checkPositiveInteger('compile: maxGraphs', maxGraphs);
  const where = `compile: ${name}`;
  const programs = new Map<string, Program>();
  let disposed = false;

  const call = (...args: Parameters<F>): unknown => {
    if (disposed) throw new Error(`${where} has been disposed, expected calls before that`);
    const { tensors, key } = flatten(`${where}: arguments`, args);
    const load = graphLoader(tf.getBackend());
    if (load === undefined || isRecording() || tf.engine().state.gradientDepth > 0) {
      return tf.tidy(() => synchronous(where, fn(...args)));
    }
    const ready = programs.get(key);
    if (ready !== undefined) {
      programs.delete(key); // the newest stands last
      programs.set(key, ready);
      return run(where, ready, tensors);
    }
    const [start, recorded] = [performance.now(), program(where, fn, args, tensors)];
    const loading = performance.now();
    const made: Program = { ...recorded, loaded: load(recorded.graph) };
    programs.set(key, made);
    for (const [old, { loaded, hidden }] of programs) {
      if (programs.size <= maxGraphs) break;
      release(loaded, hidden);
      programs.delete(old);
    }
    const running = performance.now();
    const result = run(where, made, tensors);
    announce(options, {
      ...{ name, key, nodes: recorded.graph.nodes.length, graphs: programs.size },
      recordSeconds: (loading - start) / 1000,
      loadSeconds: (running - loading) / 1000,
      firstRunSeconds: (performance.now() - running) / 1000,
    });
    return result;
  };
  const dispose = (): void => {
    disposed = true;
    for (const { loaded, hidden } of programs.values()) release(loaded, hidden);
    programs.clear();
  };
  return Object.assign(call, { dispose }) as unknown as Compiled<F>;
}

function synchronous<T>(where: string, result: T): T {
  if (typeof (result as { then?: unknown } | null | undefined)?.then !== 'function') return result;
  (result as unknown as Promise<unknown>).then(undefined, () => undefined);
  throw new TypeError(
    `${where} is asynchronous, expected a function that returns tensors at once; await outside of it`,
  );
}

/** Records the function and gives every output a node of its own: TensorFlow does not hand back what it was fed. */
function program<A extends readonly unknown[]>(
  where: string,
  fn: (...args: A) => unknown,
  args: A,
  tensors: readonly tf.Tensor[],
): Omit<Program, 'loaded'> & { graph: Graph } {
  const { placeholders, hidden, constants, nodes, outputs, result } = record(where, tensors, () =>
    flattenResult(where, synchronous(where, fn(...args))),
  );
  const names = outputs.map((_, i) => `o${i}`);
  const { TF_ATTR_TYPE } = nativeBackend().binding;
  const { rebuild, dtypes } = result as ReturnType<typeof flattenResult>['result'];
  const identities = outputs.map(
    (output, i): GraphNode => ({
      name: names[i]!,
      op: 'Identity',
      inputs: [output],
      attributes: [{ name: 'T', type: TF_ATTR_TYPE, value: dtypes[i] }],
    }),
  );
  return {
    graph: { placeholders, constants, nodes: [...nodes, ...identities] },
    inputs: placeholders.slice(0, tensors.length).map((each) => each.name),
    hidden,
    outputs: names,
    rebuild,
  };
}

function flattenResult(where: string, result: unknown) {
  const { tensors, rebuild } = flatten(`${where}: result`, result);
  const { binding } = nativeBackend();
  const numbers: Readonly<Record<string, number>> = {
    float32: binding.TF_FLOAT,
    int32: binding.TF_INT32,
    bool: binding.TF_BOOL,
  };
  return { tensors, result: { rebuild, dtypes: tensors.map(({ dtype }) => numbers[dtype]!) } };
}

function run(where: string, { loaded, inputs, hidden, outputs, rebuild }: Program, tensors: readonly tf.Tensor[]): unknown {
  const backend = nativeBackend();
  const ids = backend.getInputTensorIds(tensors);
  const feeds = inputs.map((name, i) => [name, ids[i]!] as const);
  for (const { placeholder, dataId, id } of hidden) {
    if (dataId !== undefined && !backend.tensorMap.has(dataId)) {
      throw new Error(
        `${where}: a tensor that the function took from outside has been disposed, expected it to stay; pass it as an argument`,
      );
    }
    feeds.push([placeholder, id ?? backend.tensorMap.get(dataId!).id]);
  }
  if (outputs.length === 0) return rebuild([]);
  return rebuild(loaded.run(feeds, outputs).map((metadata) => backend.createOutputTensor(metadata)));
}

function release(loaded: LoadedGraph, hidden: readonly Hidden[]): void {
  loaded.dispose();
  const { binding } = nativeBackend();
  for (const { id } of hidden) if (id !== undefined) binding.deleteTensor(id);
}

function announce({ onCompile }: CompileOptions, event: CompileEvent): void {
  onCompile?.(event);
  if (!(environment('CFRL_LOG') ?? '').split(',').some((topic) => topic === 'compile' || topic === 'debug')) return;
  const seconds = (number: number): string => `${number.toFixed(2)} s`;
  console.error(
    `compile: ${event.name}, graph ${event.graphs}: ${event.nodes} operations, recorded in ${seconds(event.recordSeconds)}, ` +
      `loaded in ${seconds(event.loadSeconds)}, first run ${seconds(event.firstRunSeconds)}; ${event.key.slice(0, 200)}`,
  );
}

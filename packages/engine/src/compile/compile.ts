import * as tf from '@tensorflow/tfjs-core';

import { tensorsOf } from './binding.js';
import { graphLoader } from './graph.js';
import { Graphs } from './graphs.js';
import { identity } from './nodes.js';
import { type CompileOptions, resolveOptions } from './options.js';
import { feeds } from './program.js';
import { isRecording, record } from './recorder.js';
import { flatten, synchronous } from './structure.js';

// The arguments' types are those of the function, which `unknown` would not let through.
// eslint-disable-next-line @typescript-eslint/no-explicit-any
type AnyFunction = (...args: any[]) => unknown;

/** A compiled function. */
export type Compiled<F> = F & {
  /** Frees its graphs; it must not be called any more. */
  dispose(): void;
};

/** Whether functions run as graphs now: not on other backends, not inside of another graph, not under a gradient. */
export const runsGraphs = (): boolean =>
  graphLoader(tf.getBackend()) !== undefined &&
  !isRecording() &&
  tf.engine().state.gradientDepth === 0;

/** The same structure around tensors of its own: a result may hold an argument, which is the caller's. */
export function ownTensors(where: string, result: unknown): tf.TensorContainer {
  const { tensors, rebuild } = flatten(`${where}: result`, result);
  return rebuild(tensors.map((tensor) => tf.clone(tensor))) as tf.TensorContainer;
}

/**
 * A function that runs as one TensorFlow graph instead of operation by operation. The first call for each structure, shapes and
 * types of the arguments records which operations the function does; later calls run that record as a whole, rewritten
 * and fused by TensorFlow. Where graphs do not exist (wasm, cpu), inside of another compiled function, and while a
 * gradient is being recorded, the function itself is called. The results are the same within rounding, and the same
 * to the bit at every call of one graph.
 *
 * Only tensors among the arguments may change without a new graph. Plain values (numbers, strings, booleans) are part of
 * what a graph is for. Tensors that the function takes from outside are fed as they were at the first call.
 *
 * @param fn - tensors to tensors, in arrays and plain records of any depth; gradients and optimisers may be used inside
 * @returns the function, with `dispose()`; the caller owns the tensors that it returns
 * @throws RangeError if an option is unknown or outside its range; Error or TypeError (from the returned function) if `fn`
 *   reads a tensor's values, is asynchronous, uses `Math.random`, makes a shape that depends on values, keeps tensors or
 *   disposes its arguments; if a tensor it took from outside has been disposed; after `dispose()`
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
export function compile<F extends AnyFunction>(fn: F, options: CompileOptions = {}): Compiled<F> {
  const resolved = resolveOptions('compile', fn, options);
  const where = `compile: ${resolved.name}`;
  const graphs = new Graphs(resolved);
  let disposed = false;

  const call = (...args: Parameters<F>): unknown => {
    if (disposed) throw new Error(`${where} has been disposed, expected calls before that`);
    const { tensors, key } = flatten(`${where}: arguments`, args);
    if (resolved.eager || !runsGraphs())
      return tf.tidy(() => ownTensors(where, synchronous(where, fn(...args))));
    return graphs.use(
      key,
      () => {
        const inputs = tensors.map((tensor) => ({ tensor }));
        const program = record(where, inputs, resolved.xla, () => fn(...args));
        return [
          program,
          program.results.map(({ output, dtype }, i) => identity(`o${i}`, output, dtype)),
        ];
      },
      (ready) => {
        const outputs = ready.results.map((_, i) => `o${i}`);
        if (outputs.length === 0) return ready.rebuild([]);
        const fetched = ready.loaded.run(feeds(where, ready, tensors), outputs);
        return ready.rebuild(tensorsOf(fetched));
      },
    );
  };
  return Object.assign(call, {
    dispose: (): void => {
      disposed = true;
      graphs.dispose();
    },
  }) as unknown as Compiled<F>;
}

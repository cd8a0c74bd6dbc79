import { isLogged } from '../backend/runtime.js';
import { checkOptions, checkPositiveInteger } from '../check.js';

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
  /** Seconds of the first run, in which TensorFlow rewrites the graph, and XLA compiles it if it is asked to. */
  readonly firstRunSeconds: number;
  /** Graphs that the function has now. */
  readonly graphs: number;
}

/** Options of `compile` and `compileWithState`. */
export interface CompileOptions {
  /** What to call the function in messages. @defaultValue its own name */
  readonly name?: string;
  /** Graphs that are kept; the one that was not used for longest goes first. @defaultValue 16 */
  readonly maxGraphs?: number;
  /**
   * Whether XLA compiles the graph to machine code, which fuses elementwise operations: up to half the time, for some seconds
   * before the first run of each graph. It pays for functions that are called hundreds of times with the same shapes.
   * @defaultValue false
   */
  readonly xla?: boolean;
  /** Calls the function itself, operation by operation, as where there are no graphs: to debug it. @defaultValue false */
  readonly eager?: boolean;
  /** Called after the first run of each new graph. With `CFRL_LOG=compile` a line goes to standard error too. */
  readonly onCompile?: (event: CompileEvent) => void;
}

/** The options, checked and complete. */
export function resolveOptions(
  caller: string,
  fn: { readonly name: string },
  options: CompileOptions,
): Required<Omit<CompileOptions, 'onCompile'>> & CompileOptions {
  checkOptions(caller, options, ['name', 'maxGraphs', 'xla', 'eager', 'onCompile']);
  const { name = fn.name || 'function', maxGraphs = 16, xla = false, eager = false } = options;
  checkPositiveInteger(`${caller}: maxGraphs`, maxGraphs);
  return { ...options, name, maxGraphs, xla, eager };
}

/** Tells whoever wants to know. */
export function announce({ onCompile }: CompileOptions, event: CompileEvent): void {
  onCompile?.(event);
  if (!isLogged('compile') && !isLogged('debug')) return;
  const seconds = (number: number): string => `${number.toFixed(2)} s`;
  // eslint-disable-next-line no-console -- asked for by CFRL_LOG
  console.error(
    `compile: ${event.name}, graph ${event.graphs}: ${event.nodes} operations, ` +
      `recorded in ${seconds(event.recordSeconds)}, loaded in ${seconds(event.loadSeconds)}, ` +
      `first run ${seconds(event.firstRunSeconds)}; ${event.key.slice(0, 200)}`,
  );
}

import { type GraphNode, type LoadedGraph, graphLoader } from './graph.js';
import { type CompileOptions, announce } from './options.js';
import { type Program, release } from './program.js';

/** A recorded function that TensorFlow has. */
export interface Ready extends Program {
  readonly loaded: LoadedGraph;
}

/** The graphs of one function, the one used last standing last. */
export class Graphs {
  private readonly options: CompileOptions & { readonly name: string; readonly maxGraphs: number };
  private readonly byKey = new Map<string, Ready>();

  constructor(options: Graphs['options']) {
    this.options = options;
  }

  /**
   * Runs the graph for a key, which is made first where there is none.
   *
   * @param make - records the program, and says which nodes it needs besides
   * @param beforeRelease - is told of a graph that is about to be freed
   */
  use<T>(
    key: string,
    make: () => readonly [program: Program, more: readonly GraphNode[]],
    run: (ready: Ready) => T,
    beforeRelease?: (ready: Ready) => void,
  ): T {
    const known = this.byKey.get(key);
    if (known !== undefined) {
      this.byKey.delete(key);
      this.byKey.set(key, known);
      return run(known);
    }
    const recording = performance.now();
    const [program, more] = make();
    const graph = { ...program.graph, nodes: [...program.graph.nodes, ...more] };
    const loading = performance.now();
    const ready = { ...program, loaded: graphLoader('tensorflow')!(graph) };
    this.byKey.set(key, ready);
    for (const [old, each] of this.byKey) {
      if (this.byKey.size <= this.options.maxGraphs) break;
      beforeRelease?.(each);
      release(each);
      this.byKey.delete(old);
    }
    const running = performance.now();
    const result = run(ready);
    announce(this.options, {
      name: this.options.name,
      key,
      nodes: graph.nodes.length,
      recordSeconds: (loading - recording) / 1000,
      loadSeconds: (running - loading) / 1000,
      firstRunSeconds: (performance.now() - running) / 1000,
      graphs: this.byKey.size,
    });
    return result;
  }

  dispose(): void {
    for (const each of this.byKey.values()) release(each);
    this.byKey.clear();
  }
}

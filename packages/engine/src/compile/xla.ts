import type { GraphNode, Output } from './graph.js';
import { type Program, identity } from './program.js';
import { typeAttribute } from './types.js';

/**
 * The same program with all of its operations in one cluster that XLA compiles to machine code: TensorFlow wants every
 * value that leaves a cluster to pass through a node of its own, which nothing else may wait for.
 */
export function withXla(program: Program): Program {
  const { constants, nodes, placeholders } = program.graph;
  const inside = new Set([...constants, ...nodes].map(({ name }) => name));
  const exits = new Map<string, readonly [GraphNode, GraphNode]>();
  const exit = (output: Output, dtype: number): Output => {
    if (!inside.has(output.node)) return output;
    const key = `${output.node}:${output.index}`;
    const known = exits.get(key);
    if (known !== undefined) return { node: known[1].name, index: 0 };
    const name = `x${exits.size}`;
    const attributes = [typeAttribute('T', dtype)];
    const leaving = { name, op: 'XlaClusterOutput', inputs: [output], attributes };
    const outside = identity(`y${exits.size}`, { output: { node: name, index: 0 }, dtype });
    exits.set(key, [leaving, outside]);
    return { node: outside.name, index: 0 };
  };
  const results = program.results.map(({ output, dtype }) => ({
    output: exit(output, dtype),
    dtype,
  }));
  return {
    ...program,
    results,
    graph: {
      placeholders,
      constants: constants.map((each) => ({ ...each, xla: true })),
      nodes: [...nodes.map((each) => ({ ...each, xla: true })), ...[...exits.values()].flat()],
    },
  };
}

import type { GraphNode, Output } from './graph.js';
import { packSmall } from './pack.js';
import { type Program, identity } from './program.js';
import { typeAttribute } from './types.js';

/**
 * The same program with its operations in one cluster that XLA compiles to machine code: TensorFlow wants every value that
 * leaves a cluster to pass through a node of its own, which nothing else may wait for.
 */
export function withXla(recorded: Program): Program {
  const program = packSmall(recorded);
  const { constants, nodes, placeholders } = program.graph;
  const clustered = ({ xla = true }: { readonly xla?: boolean }): boolean => xla;
  const inside = new Set([...constants, ...nodes].filter(clustered).map(({ name }) => name));
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
  const results = program.results.map(({ output, dtype, shape }) => ({
    output: exit(output, dtype),
    dtype,
    shape,
  }));
  const placed = nodes.map((node) =>
    clustered(node)
      ? { ...node, xla: true }
      : {
          ...node,
          inputs: node.inputs.map((input) =>
            input.dtype === undefined ? input : exit(input, input.dtype),
          ),
        },
  );
  return {
    ...program,
    results,
    graph: {
      placeholders,
      constants: constants.map((each) => ({ ...each, xla: clustered(each) })),
      nodes: [...placed, ...[...exits.values()].flat()],
    },
  };
}

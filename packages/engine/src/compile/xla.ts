import type { GraphNode, Output } from './graph.js';
import { at, identity, keyOf, operation, typeAttribute } from './nodes.js';
import { packSmall } from './pack.js';
import type { Program } from './program.js';

/**
 * The same program with its operations in one cluster that XLA compiles to machine code: TensorFlow wants every value that
 * leaves a cluster to pass through a node of its own, which nothing else may wait for.
 */
export function withXla(recorded: Program): Program {
  const program = packSmall(recorded);
  const { constants, nodes, placeholders } = program.graph;
  const clustered = ({ xla = true }: { readonly xla?: boolean }): boolean => xla;
  const inside = new Set([...constants, ...nodes].filter(clustered).map(({ name }) => name));
  const exits = new Map<string, readonly [leaving: GraphNode, outside: GraphNode]>();
  const exit = (output: Output, dtype: number): Output => {
    if (!inside.has(output.node)) return output;
    const [x, y] = [`x${exits.size}`, `y${exits.size}`];
    const pair = exits.get(keyOf(output)) ?? [
      operation(x, 'XlaClusterOutput', [output], typeAttribute('T', dtype)),
      identity(y, at(x), dtype),
    ];
    exits.set(keyOf(output), pair);
    return at(pair[1].name);
  };
  const results = program.results.map((value) => ({
    ...value,
    output: exit(value.output, value.dtype),
  }));
  const outward = (input: Output): Output =>
    input.dtype === undefined ? input : exit(input, input.dtype);
  const placed = nodes.map((node) =>
    clustered(node) ? { ...node, xla: true } : { ...node, inputs: node.inputs.map(outward) },
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

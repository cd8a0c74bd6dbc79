import * as tf from '@tensorflow/tfjs-core';

import { nativeBackend } from './binding.js';
import type { GraphConstant, GraphNode, Output } from './graph.js';
import type { Program, Value } from './program.js';
import { at, keyOf, operation, typeAttribute } from './nodes.js';

/** Entries up to which a tensor travels with others; a large one is not worth the copy. */
const SMALL = 1 << 14;

/** From how many small results on it pays. */
const MANY = 8;

/**
 * The same program, whose small tensors enter and leave it as one tensor: a training step has hundreds of biases and moments, and
 * XLA would make, compile and keep a kernel for each of them. What enters is joined outside (`xla: false`) and split inside; what
 * leaves is joined inside, where XLA sees that neighbouring pieces are one, and split outside.
 */
export function packSmall(program: Program): Program {
  const { TF_FLOAT } = nativeBackend().binding;
  const { graph, results, entries } = program;
  const made = new Set(graph.nodes.map(({ name }) => name));
  const small = ({ dtype, shape }: Value): boolean =>
    dtype === TF_FLOAT && tf.util.sizeFromShape([...shape]) <= SMALL;
  const leaving = unique(results.filter((value) => made.has(value.output.node) && small(value)));
  if (leaving.length < MANY) return program;
  const entering = unique(entries.filter(small));
  const out = crossing('p', leaving, { joined: true });
  const into = entering.length < MANY ? undefined : crossing('q', entering, { joined: false });
  const inner = (output: Output): Output => into?.pieces.get(keyOf(output)) ?? output;
  const outer = ({ output, ...rest }: Value): Value => ({
    ...rest,
    output: out.pieces.get(keyOf(output)) ?? output,
  });
  return {
    ...program,
    results: results.map(outer),
    graph: {
      ...graph,
      constants: [...graph.constants, ...out.constants, ...(into?.constants ?? [])],
      nodes: [
        ...graph.nodes.map((node) => ({ ...node, inputs: node.inputs.map(inner) })),
        ...out.nodes,
        ...(into?.nodes ?? []),
      ],
    },
  };
}

const unique = (values: readonly Value[]): Value[] => [
  ...new Map(values.map((value) => [keyOf(value.output), value])).values(),
];

/** The nodes that join values on one side of the border and cut them apart on the other; `joined` says whether inside is where they are joined. */
function crossing(
  prefix: string,
  values: readonly Value[],
  { joined }: { readonly joined: boolean },
): { nodes: GraphNode[]; constants: GraphConstant[]; pieces: Map<string, Output> } {
  const { TF_FLOAT, TF_INT32, TF_ATTR_INT } = nativeBackend().binding;
  const nodes: GraphNode[] = [];
  const constants: GraphConstant[] = [];
  const side = (inside: boolean) => (inside ? {} : { xla: false });
  const count = (name: string) => ({ name, type: TF_ATTR_INT, value: values.length });
  const float = typeAttribute('T', TF_FLOAT);
  const constant = (name: string, numbers: number | readonly number[], inside: boolean) => {
    const all = Int32Array.from([numbers].flat());
    const shape = typeof numbers === 'number' ? [] : [all.length];
    constants.push({ name, dtype: TF_INT32, shape, values: all, ...side(inside) });
    return at(name);
  };
  const add = (inside: boolean, node: GraphNode) => {
    nodes.push({ ...node, ...side(inside) });
    return at(node.name);
  };
  const reshaped = (name: string, value: Output, shape: readonly number[], inside: boolean) => {
    const inputs = [value, constant(`${name}s`, shape, inside)];
    return add(
      inside,
      operation(name, 'Reshape', inputs, float, typeAttribute('Tshape', TF_INT32)),
    );
  };

  const flat = values.map(({ output, shape }, i) =>
    shape.length === 1 ? output : reshaped(`${prefix}f${i}`, output, [-1], joined),
  );
  const parts = [...flat, constant(`${prefix}ja`, 0, joined)];
  const indices = typeAttribute('Tidx', TF_INT32);
  const whole = add(joined, operation(`${prefix}j`, 'ConcatV2', parts, count('N'), float, indices));
  const sizes = values.map(({ shape }) => tf.util.sizeFromShape([...shape]));
  const cut = [
    { ...whole, dtype: TF_FLOAT },
    constant(`${prefix}cs`, sizes, !joined),
    constant(`${prefix}ca`, 0, !joined),
  ];
  const lengths = typeAttribute('Tlen', TF_INT32);
  add(!joined, operation(`${prefix}c`, 'SplitV', cut, count('num_split'), float, lengths));
  const pieces = values.map(({ output, shape }, i): [string, Output] => {
    const piece = { ...at(`${prefix}c`, i), dtype: TF_FLOAT };
    const shaped = shape.length === 1 ? piece : reshaped(`${prefix}r${i}`, piece, shape, !joined);
    return [keyOf(output), { ...shaped, dtype: TF_FLOAT }];
  });
  return { nodes, constants, pieces: new Map(pieces) };
}

import type { Binding } from './binding.js';
import type { Attribute, GraphNode, Output } from './graph.js';
import { at, keyOf, operation, typeAttribute } from './nodes.js';

interface RecordedLoop {
  /** Name of the loop, and the beginning of the names of its nodes. */
  readonly frame: string;
  readonly limit: Output;
  /** The number of the round, then the state: before the loop, and after a round. */
  readonly before: readonly Output[];
  readonly after: readonly Output[];
  /** Their types, as the attribute `T`. */
  readonly types: readonly Attribute[];
  /** The nodes of the body, which know the state as `{frame}v0`, `{frame}v1`, ... */
  readonly inside: readonly GraphNode[];
}

/**
 * A loop in TensorFlow's own terms: each value enters a frame, is merged with what the round before gave, and is
 * switched to the body or out of the loop. What the body takes from outside enters as a constant of the frame. The
 * state after the loop is known as `{frame}e0`, `{frame}e1`, ...
 */
export function loopNodes(
  { TF_ATTR_STRING, TF_ATTR_BOOL, TF_ATTR_INT, TF_INT32 }: Binding,
  { frame, limit, before, after, types, inside }: RecordedLoop,
): GraphNode[] {
  const local = new Set([
    ...inside.map(({ name }) => name),
    ...before.map((_, i) => `${frame}v${i}`),
  ]);
  const entered = new Map<string, GraphNode>();
  const enter = (name: string, input: Output, constant: boolean, type: Attribute[]): GraphNode =>
    operation(
      name,
      'Enter',
      [input],
      ...type,
      { name: 'frame_name', type: TF_ATTR_STRING, value: frame },
      { name: 'is_constant', type: TF_ATTR_BOOL, value: constant },
      { name: 'parallel_iterations', type: TF_ATTR_INT, value: 1 },
    );
  const within = (output: Output): Output => {
    if (local.has(output.node)) return output;
    const name = entered.get(keyOf(output))?.name ?? `${frame}c${entered.size}`;
    // Its type is that of its input: TensorFlow infers what is left out of no operation but this one's import.
    const type = output.dtype === undefined ? [] : [typeAttribute('T', output.dtype)];
    entered.set(keyOf(output), enter(name, output, true, type));
    return at(name);
  };
  const body = inside.map((node) => ({
    ...node,
    inputs: node.inputs.map(within),
    // What is outside of the loop was there before it.
    ...(node.after && { after: node.after.filter((name) => local.has(name)) }),
  }));
  const next = after.map(within);
  const bound = within(limit);
  const each = before.flatMap((output, i) => {
    const type = types[i]!;
    const node = (kind: string): string => `${frame}${kind}${i}`;
    return [
      enter(node('i'), output, false, [type]),
      operation(node('m'), 'Merge', [at(node('i')), at(node('n'))], type, {
        name: 'N',
        type: TF_ATTR_INT,
        value: 2,
      }),
      operation(node('s'), 'Switch', [at(node('m')), at(`${frame}q`)], type),
      operation(node('v'), 'Identity', [at(node('s'), 1)], type),
      operation(node('n'), 'NextIteration', [next[i]!], type),
      operation(node('e'), 'Exit', [at(node('s'))], type),
    ];
  });
  return [
    ...entered.values(),
    operation(`${frame}p`, 'Less', [at(`${frame}m0`), bound], typeAttribute('T', TF_INT32)),
    operation(`${frame}q`, 'LoopCond', [at(`${frame}p`)]),
    ...each,
    ...body,
  ];
}

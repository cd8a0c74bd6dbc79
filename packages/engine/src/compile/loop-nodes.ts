import type { Attribute, GraphNode, Output } from './graph.js';
import type { Binding } from './binding.js';

/** A loop, as it was recorded. */
export interface RecordedLoop {
  /** Name of the loop, and the beginning of the names of its nodes. */
  readonly frame: string;
  /** How often it runs. */
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
  { TF_ATTR_STRING, TF_ATTR_BOOL, TF_ATTR_INT, TF_ATTR_TYPE, TF_INT32 }: Binding,
  { frame, limit, before, after, types, inside }: RecordedLoop,
): GraphNode[] {
  const local = new Set([
    ...inside.map(({ name }) => name),
    ...before.map((_, i) => `${frame}v${i}`),
  ]);
  const entered = new Map<string, GraphNode>();
  const enter = (name: string, input: Output, constant: boolean, type: Attribute[]): GraphNode => ({
    name,
    op: 'Enter',
    inputs: [input],
    attributes: [
      ...type,
      { name: 'frame_name', type: TF_ATTR_STRING, value: frame },
      { name: 'is_constant', type: TF_ATTR_BOOL, value: constant },
      { name: 'parallel_iterations', type: TF_ATTR_INT, value: 1 },
    ],
  });
  const int32 = { name: 'T', type: TF_ATTR_TYPE, value: TF_INT32 };
  const within = (output: Output): Output => {
    if (local.has(output.node)) return output;
    const key = `${output.node}:${output.index}`;
    const name = entered.get(key)?.name ?? `${frame}c${entered.size}`;
    // Its type is that of its input: TensorFlow infers what is left out of no operation but this one's import.
    entered.set(
      key,
      enter(
        name,
        output,
        true,
        output.dtype === undefined ? [] : [{ ...int32, value: output.dtype }],
      ),
    );
    return { node: name, index: 0 };
  };
  const ref = (node: string, index = 0): Output => ({ node, index });
  const body = inside.map((node) => ({
    ...node,
    inputs: node.inputs.map(within),
    // What is outside of the loop was there before it.
    ...(node.after && { after: node.after.filter((name) => local.has(name)) }),
  }));
  const next = after.map(within);
  const bound = within(limit);
  const plain = (op: string, name: string, inputs: Output[], type?: Attribute): GraphNode => ({
    name,
    op,
    inputs,
    attributes: type ? [type] : [],
  });
  const each = before.flatMap((output, i) => [
    enter(`${frame}i${i}`, output, false, [types[i]!]),
    {
      ...plain('Merge', `${frame}m${i}`, [ref(`${frame}i${i}`), ref(`${frame}n${i}`)], types[i]),
      attributes: [types[i]!, { name: 'N', type: TF_ATTR_INT, value: 2 }],
    },
    plain('Switch', `${frame}s${i}`, [ref(`${frame}m${i}`), ref(`${frame}q`)], types[i]),
    plain('Identity', `${frame}v${i}`, [ref(`${frame}s${i}`, 1)], types[i]),
    plain('NextIteration', `${frame}n${i}`, [next[i]!], types[i]),
    plain('Exit', `${frame}e${i}`, [ref(`${frame}s${i}`, 0)], types[i]),
  ]);
  return [
    ...entered.values(),
    plain('Less', `${frame}p`, [ref(`${frame}m0`), bound], int32),
    plain('LoopCond', `${frame}q`, [ref(`${frame}p`)]),
    ...each,
    ...body,
  ];
}

import * as tf from '@tensorflow/tfjs-core';

import type { Binding } from './binding.js';
import type { Attribute, TensorMetadata } from './graph.js';

/** Operations that refuse zeros, and others with results of the same shape and type. */
const harmless = new Map(['FloorDiv', 'FloorMod', 'Mod', 'Div'].map((op) => [op, 'Maximum']));

/** Operations that exist in XLA alone, with results of their first operand's shape and type. */
const likeFirst = new Set(['XlaDynamicUpdateSlice']);

/** What to run for the shape of an operation's result. */
function runnable(
  { TF_ATTR_TYPE }: Binding,
  op: string,
  attributes: readonly Attribute[],
  ids: readonly number[],
): [string, readonly Attribute[], readonly number[]] {
  if (!likeFirst.has(op)) return [harmless.get(op) ?? op, attributes, ids];
  const type = attributes.filter((each) => each.name === 'T' && each.type === TF_ATTR_TYPE);
  return ['Identity', type, ids.slice(0, 1)];
}

/** Stand-ins hold zeros, which are indices wherever indices are wanted. */
function zerosOf(
  { TF_FLOAT, TF_INT32, TF_BOOL }: Binding,
  dtype: number,
  shape: readonly number[],
): Float32Array | Int32Array | Uint8Array | undefined {
  const size = tf.util.sizeFromShape([...shape]);
  if (dtype === TF_FLOAT) return new Float32Array(size);
  if (dtype === TF_INT32) return new Int32Array(size);
  return dtype === TF_BOOL ? new Uint8Array(size) : undefined;
}

/**
 * Executes operations only for the shapes and types of their results. An operation runs only the first time that it occurs
 * with these shapes of inputs, and all results of one shape and type share their memory. So recording a training step takes
 * neither the time nor the memory of a step.
 */
export function shapeExecutor(binding: Binding) {
  const shapes = new Map<number, string>();
  /** The one tensor that stands for all of a shape and type. */
  const standIns = new Map<string, number>();
  const known = new Map<
    string,
    readonly (readonly [standIn: string, metadata: TensorMetadata])[]
  >();

  const learn = (id: number, dtype: number, shape: readonly number[]): string => {
    const key = `${dtype}[${shape.join()}]`;
    shapes.set(id, key);
    return key;
  };
  const shapeOf = (id: number): string => shapes.get(id)!;

  const alias = (key: string, { shape, dtype }: TensorMetadata): TensorMetadata => {
    const type = { name: 'T', type: binding.TF_ATTR_TYPE, value: dtype };
    const [{ id }] = binding.executeOp('Identity', [type], [standIns.get(key)!], 1) as [
      TensorMetadata,
    ];
    learn(id, dtype, shape);
    return { id, shape: [...shape], dtype };
  };

  return {
    learn,
    shapeOf,
    /**
     * @param signatures - of the inputs: their shapes and types, or their values where those may decide on shapes
     * @returns results of the right shapes and types; what they hold means nothing
     */
    execute(
      op: string,
      attributes: readonly Attribute[],
      ids: readonly number[],
      count: number,
      signatures: readonly string[],
    ): TensorMetadata[] {
      const call = `${op} ${JSON.stringify(attributes)} ${signatures.join()}`;
      const before = known.get(call);
      if (before !== undefined) return before.map(([key, metadata]) => alias(key, metadata));
      const [asked, given, operands] = runnable(binding, op, attributes, ids);
      const results = binding.executeOp(asked, given, operands, count).map((metadata) => {
        const { id, dtype, shape } = metadata;
        const key = learn(id, dtype, shape);
        const zeros = standIns.has(key) ? undefined : zerosOf(binding, dtype, shape);
        if (zeros !== undefined) standIns.set(key, binding.createTensor(shape, dtype, zeros));
        if (standIns.has(key)) binding.deleteTensor(id);
        else standIns.set(key, id);
        return [key, metadata] as const;
      });
      known.set(call, results);
      return results.map(([key, metadata]) => alias(key, metadata));
    },
    /** Frees the stand-ins; what was handed out stays its owner's. */
    dispose(): void {
      for (const id of standIns.values()) binding.deleteTensor(id);
      standIns.clear();
    },
  };
}

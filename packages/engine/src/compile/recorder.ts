/* eslint no-restricted-properties: 'off' -- Math.random is watched here, not used */
import * as tf from '@tensorflow/tfjs-core';

import { type Binding, type NativeBackend, type Values, nativeBackend } from './binding.js';
import { callerLine } from './caller-line.js';
import { loopNodes } from './loop-nodes.js';
import { shapeExecutor } from './shape-executor.js';
import { typeAttribute, typeNumber } from './types.js';
import type {
  Attribute,
  GraphConstant,
  GraphNode,
  Output,
  Placeholder,
  TensorMetadata,
} from './graph.js';

/** Something that is fed at each call although the function does not take it as an argument. */
export interface Hidden {
  readonly placeholder: string;
  /** A tensor from outside of the function, by the identity of its data. */
  readonly dataId?: object;
  /** A constant too large to be written into the graph: the id of the binding's tensor. */
  readonly id?: number;
}

/** What a function did, once. */
export interface Recording {
  /** One for each tensor given that has no place in the graph, then one for each hidden one. */
  readonly placeholders: readonly Placeholder[];
  readonly hidden: readonly Hidden[];
  readonly constants: readonly GraphConstant[];
  readonly nodes: readonly GraphNode[];
  /** One for each tensor that the function returned. */
  readonly outputs: readonly Output[];
  /** What the function returned; its tensors are gone. */
  readonly result: unknown;
}

/** Bytes above which a constant is fed instead of written into the graph. */
const LARGE_CONSTANT = 65_536;

/** A tensor of the arguments. */
export interface Input {
  readonly tensor: tf.Tensor;
  /** The node that has its value, if it is not fed. */
  readonly place?: string;
}

/** What operations need of the recording that they are part of. */
export interface ActiveRecorder {
  /** Whether XLA will compile the graph: its own operations may be used. */
  readonly xla: boolean;
  /**
   * Writes down that values are not to be had before others are.
   *
   * @param tensors - the values
   * @param awaited - the others
   * @returns stand-ins for `tensors`, which TensorFlow takes for other values than they are
   */
  after(tensors: readonly tf.Tensor[], awaited: readonly tf.Tensor[]): tf.Tensor[];
  /**
   * Writes a loop down: its body is run once.
   *
   * @param count - scalar int32, how often the body runs
   * @param initial - the state before
   * @param body - from the number of the round and the state to the state after it, of the same shapes and types
   * @returns stand-ins for the state after the loop; their values mean nothing
   */
  loop(
    count: tf.Tensor,
    initial: readonly tf.Tensor[],
    body: (round: tf.Scalar, state: readonly tf.Tensor[]) => readonly tf.Tensor[],
  ): tf.Tensor[];
}

let active: ActiveRecorder | undefined;

/** The recording that is going on, if one is. */
export const activeRecorder = (): ActiveRecorder | undefined => active;

let recording = false;

/**
 * Whether a function is being recorded by {@link compile}, and so must not read a tensor's values: checks of values are
 * for the other calls.
 *
 * @returns true inside a function that is being compiled
 *
 * @example
 * ```ts
 * isRecording(); // => false
 * ```
 */
export function isRecording(): boolean {
  return recording;
}

/** Operations whose results have shapes that depend on values: a graph for other values would be another graph. */
const dataDependent =
  /^(Where|Unique|UniqueV2|NonMaxSuppressionV\d|ListDiff|SparseFillEmptyRows|SparseReshape)$/;

/** Type attributes that the eager runtime infers and a graph must state: attribute, and the input that it is the type of. */
const inferred: Readonly<Record<string, readonly (readonly [string, number])[]>> = {
  ExpandDims: [
    ['T', 0],
    ['Tdim', 1],
  ],
  Split: [['T', 1]],
  Softmax: [['T', 0]],
  Unpack: [['T', 0]],
};

/**
 * Runs a function once on the native backend, and writes down which operations TensorFlow was asked for.
 *
 * @param where - what to call the function in messages
 * @param inputs - the arguments' tensors: those with a `place` are found there in the graph, the others will be fed
 * @param xla - whether XLA will compile the graph
 * @param body - runs the function; `result` is handed back as it is, `tensors` are the graph's outputs
 * @throws Error if the function reads a tensor's values, is asynchronous, asks for random numbers of JavaScript's, or uses an
 *   operation whose result's shape depends on values; the message names the line
 */
export function record(
  where: string,
  inputs: readonly Input[],
  xla: boolean,
  body: () => { readonly tensors: readonly tf.Tensor[]; readonly result: unknown },
): Recording {
  const backend = nativeBackend();
  const { binding } = backend;
  const known = new Map<number, Output>();
  const placeholders: Placeholder[] = [];
  const hidden: Hidden[] = [];
  const constants: GraphConstant[] = [];
  const constantsByValue = new Map<string, GraphConstant>();
  let nodes: GraphNode[] = [];
  let named = 0;
  let loops = 0;
  const dtypes = new Map<number, number>();
  const made = new WeakSet<object>();
  const held = new Set<number>();

  const shapeOnly = shapeExecutor(binding);
  /** Values matter only where they come from JavaScript: they may say what shape a result has. */
  const execute = (
    op: string,
    attributes: readonly Attribute[],
    ids: readonly number[],
    count: number,
  ): TensorMetadata[] =>
    shapeOnly.execute(op, attributes, ids, count, (id) => {
      const { node } = known.get(id)!;
      return node.startsWith('k') ? node : shapeOnly.shapeOf(id);
    });

  const placeholder = (
    prefix: string,
    id: number,
    dtype: number,
    shape: readonly number[],
  ): string => {
    const name = `${prefix}${placeholders.length}`;
    placeholders.push({ name, dtype, shape });
    known.set(id, { node: name, index: 0, dtype });
    dtypes.set(id, dtype);
    return name;
  };

  const constant = (id: number, dtype: number, shape: readonly number[], values: Values): void => {
    if (!ArrayBuffer.isView(values))
      throw new Error(`${where}: strings cannot be compiled${callerLine()}`);
    dtypes.set(id, dtype);
    shapeOnly.learn(id, dtype, shape);
    if (values.byteLength > LARGE_CONSTANT) {
      held.add(id);
      hidden.push({ placeholder: placeholder('c', id, dtype, shape), id });
      return;
    }
    const key = `${dtype}[${shape.join()}]${Buffer.from(values.buffer, values.byteOffset, values.byteLength).toString('latin1')}`;
    let known_ = constantsByValue.get(key);
    if (known_ === undefined) {
      known_ = { name: `k${constants.length}`, dtype, shape: [...shape], values: values.slice() };
      constants.push(known_);
      constantsByValue.set(key, known_);
    }
    known.set(id, { node: known_.name, index: 0, dtype });
  };

  /** Tensors whose values still lie in JavaScript are handed over first: those from outside must not look like constants. */
  const idsOf = (tensors: readonly tf.TensorInfo[]): number[] =>
    tensors.map((tensor) => {
      const { dataId } = tensor;
      if (dataId === undefined || made.has(dataId)) return getInputTensorIds([tensor])[0]!;
      backend.binding = binding;
      const id = getInputTensorIds([tensor])[0]!;
      backend.binding = recordingBinding;
      if (!known.has(id)) {
        const { dtype, shape } = backend.tensorMap.get(dataId);
        shapeOnly.learn(id, dtype, shape);
        hidden.push({ placeholder: placeholder('h', id, dtype, shape), dataId });
      }
      return id;
    });

  const overrides: Pick<Binding, 'createTensor' | 'deleteTensor' | 'tensorDataSync' | 'executeOp'> =
    {
      createTensor: (shape: readonly number[], dtype: number, values: Values): number => {
        const id = binding.createTensor(shape, dtype, values);
        constant(id, dtype, shape, values);
        return id;
      },
      deleteTensor: (id: number): void => {
        if (!held.has(id)) binding.deleteTensor(id);
      },
      tensorDataSync: (): never => {
        throw new Error(
          `${where}: the function reads a tensor's values${callerLine()}, expected only operations on tensors; return the ` +
            'tensor and read it outside, or pass the number as an argument',
        );
      },
      executeOp: (
        op: string,
        attributes: readonly Attribute[],
        ids: readonly number[],
        count: number,
      ): TensorMetadata[] => {
        if (dataDependent.test(op)) {
          throw new Error(
            `${where}: the shape of ${op}'s result depends on values${callerLine()}, expected shapes that do not; use a mask ` +
              'of a fixed shape, or call this part outside',
          );
        }
        const results = execute(op, attributes, ids, count);
        const name = `n${named++}`;
        const complete = [...attributes];
        for (const [attribute, input] of inferred[op] ?? []) {
          if (complete.some((each) => each.name === attribute)) continue;
          complete.push({
            name: attribute,
            type: binding.TF_ATTR_TYPE,
            value: dtypes.get(ids[input]!),
          });
        }
        nodes.push({ name, op, inputs: ids.map((id) => known.get(id)!), attributes: complete });
        results.forEach(({ id, dtype }, index) => {
          known.set(id, { node: name, index, dtype });
          dtypes.set(id, dtype);
        });
        return results;
      },
    };
  // The binding's own properties are read-only, so that a copy cannot be made by assignment.
  const recordingBinding = Object.create(
    binding,
    Object.fromEntries(Object.entries(overrides).map(([name, value]) => [name, { value }])),
  ) as Binding;

  const typesOf = (tensors: readonly tf.Tensor[]): Attribute[] =>
    tensors.map(({ dtype }) => typeAttribute('T', typeNumber(dtype)));

  /** A tensor of the same shape that is known as a value of the graph. */
  const standIn = (tensor: tf.Tensor, output: Output): tf.Tensor => {
    const [id] = getInputTensorIds([tensor]);
    const [copy] = binding.executeOp('Identity', typesOf([tensor]), [id!], 1);
    known.set(copy!.id, { ...output, dtype: copy!.dtype });
    dtypes.set(copy!.id, copy!.dtype);
    shapeOnly.learn(copy!.id, copy!.dtype, copy!.shape);
    return backend.createOutputTensor(copy!);
  };

  const recorder: ActiveRecorder = {
    xla,
    after: (tensors, awaited) => {
      const inputs = idsOf(tensors).map((id) => known.get(id)!);
      const before = idsOf(awaited).map((id) => known.get(id)!.node);
      const name = `n${named++}`;
      const types = typesOf(tensors).map(({ value }) => value);
      nodes.push({
        name,
        op: 'IdentityN',
        inputs,
        after: [...new Set(before)],
        attributes: [{ name: 'T', type: binding.TF_ATTR_TYPE, value: types }],
      });
      return tensors.map((tensor, index) => standIn(tensor, { node: name, index }));
    },
    loop: (count, initial, body) => {
      const frame = `l${loops++}`;
      const [limit] = idsOf([count]).map((id) => known.get(id)!);
      const zero = tf.scalar(0, 'int32');
      const before = idsOf([zero, ...initial]).map((id) => known.get(id)!);
      const types = typesOf([zero, ...initial]);
      const outer = nodes;
      nodes = [];
      let after: Output[];
      let results: readonly tf.Tensor[];
      try {
        const [round, ...state] = [zero, ...initial].map((tensor, i) =>
          standIn(tensor, { node: `${frame}v${i}`, index: 0 }),
        );
        results = body(round as tf.Scalar, state);
        const next = tf.add(round!, tf.scalar(1, 'int32'));
        after = idsOf([next, ...results]).map((id) => known.get(id)!);
      } catch (error) {
        nodes = outer;
        throw error;
      }
      const inside = nodes;
      nodes = outer;
      nodes.push(...loopNodes(binding, { frame, limit: limit!, before, after, types, inside }));
      return results.map((tensor, i) => standIn(tensor, { node: `${frame}e${i + 1}`, index: 0 }));
    },
  };

  const getInputTensorIds = backend.getInputTensorIds.bind(backend);
  const write = backend.write.bind(backend);
  for (const { tensor, place } of inputs) {
    const [id] = getInputTensorIds([tensor]) as [number];
    const { dtype } = backend.tensorMap.get(tensor.dataId);
    shapeOnly.learn(id, dtype, tensor.shape);
    if (place === undefined) placeholder('a', id, dtype, tensor.shape);
    else known.set(id, { node: place, index: 0, dtype });
    dtypes.set(id, dtype);
  }

  const before = tf.engine().state.numTensors;
  const random = Math.random;
  recording = true;
  active = recorder;
  backend.binding = recordingBinding;
  backend.getInputTensorIds = idsOf;
  backend.write = (...args: Parameters<typeof write>) => {
    const dataId = write(...args);
    made.add(dataId);
    return dataId;
  };
  Math.random = () => {
    throw new Error(
      `${where}: the function asks JavaScript for a random number${callerLine()}, which would be the same at every call; ` +
        'pass the random numbers as a tensor',
    );
  };
  let finished = false;
  try {
    let outputs: Output[] = [];
    let result: unknown;
    tf.tidy(() => {
      const returned = body();
      ({ result } = returned);
      outputs = idsOf(returned.tensors).map((id) => known.get(id)!);
    });
    if (tf.engine().state.numTensors > before) {
      throw new Error(
        `${where}: the function keeps ${tf.engine().state.numTensors - before} tensors beyond its end (tf.keep), expected it ` +
          'to return all that it makes; return them',
      );
    }
    const disposed = inputs.findIndex(({ tensor }) => tensor.isDisposed);
    if (disposed >= 0) {
      throw new Error(
        `${where}: the function disposes its argument's tensor ${disposed}, expected it to leave arguments alone`,
      );
    }
    finished = true;
    return { placeholders, hidden, constants, nodes, outputs, result };
  } finally {
    recording = false;
    active = undefined;
    Math.random = random;
    backend.binding = binding;
    restore(backend);
    shapeOnly.dispose();
    if (!finished) for (const id of held) binding.deleteTensor(id);
  }
}

/** The methods were shadowed on the instance. */
function restore(backend: NativeBackend): void {
  Reflect.deleteProperty(backend, 'getInputTensorIds');
  Reflect.deleteProperty(backend, 'write');
}

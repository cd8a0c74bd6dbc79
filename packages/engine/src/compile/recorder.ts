/* eslint no-restricted-properties: 'off' -- Math.random is watched here, not used */
import * as tf from '@tensorflow/tfjs-core';

import { type Binding, type Values, nativeBackend } from './binding.js';
import { callerLine } from './caller-line.js';
import type {
  Attribute,
  GraphConstant,
  GraphNode,
  Output,
  Placeholder,
  TensorMetadata,
} from './graph.js';
import { loopNodes } from './loop-nodes.js';
import type { Hidden, Program, Value } from './program.js';
import { shapeExecutor } from './shape-executor.js';
import { flatten, synchronous } from './structure.js';
import { withXla } from './xla.js';
import { at, typeAttribute, typeNumber } from './nodes.js';

/** Bytes above which a constant is fed instead of written into the graph. */
const LARGE_CONSTANT = 65_536;

/** A tensor of the arguments. */
interface Input {
  readonly tensor: tf.Tensor;
  /** The node that has its value, if it is not fed. */
  readonly place?: string;
}

let active: Recorder | undefined;
const setActive = (recorder: Recorder | undefined): void => {
  active = recorder;
};

/** The recording that is going on, if one is. */
export const activeRecorder = (): Recorder | undefined => active;

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
  return active !== undefined;
}

/** Operations whose results have shapes that depend on values: a graph for other values would be another graph. */
const dataDependent =
  /^(Where|Unique|UniqueV2|NonMaxSuppressionV\d|ListDiff|SparseFillEmptyRows|SparseReshape)$/;

/** Type attributes that the eager runtime infers and a graph must state: attribute, and the input that it is the type of. */
const inferred: Readonly<Record<string, Readonly<Record<string, number>>>> = {
  ExpandDims: { T: 0, Tdim: 1 },
  Split: { T: 1 },
  Softmax: { T: 0 },
  Unpack: { T: 0 },
};

/** What has been written down of a function that is running; operations may ask for what only graphs have. */
class Recorder {
  /** Whether XLA will compile the graph: its own operations may be used. */
  readonly xla: boolean;
  readonly placeholders: Placeholder[] = [];
  readonly hidden: Hidden[] = [];
  readonly constants = new Map<string, GraphConstant>();
  nodes: GraphNode[] = [];
  private readonly where: string;
  private readonly backend = nativeBackend();
  private readonly binding = this.backend.binding;
  private readonly getIds = this.backend.getInputTensorIds.bind(this.backend);
  /** The values of the graph, by the binding's ids of the tensors that stand for them. */
  private readonly known = new Map<number, Output & { readonly dtype: number }>();
  private readonly shapes = shapeExecutor(this.binding);
  /** Data that the function made of JavaScript's numbers. */
  private readonly made = new WeakSet<object>();
  private readonly large = new Set<number>();
  private named = 0;
  private loops = 0;

  constructor(where: string, xla: boolean) {
    this.where = where;
    this.xla = xla;
  }

  /** Makes a tensor of the arguments known. */
  enter({ tensor, place }: Input): Value {
    const [id] = this.getIds([tensor]) as [number];
    const { shape } = tensor;
    const { dtype } = this.backend.tensorMap.get(tensor.dataId);
    const node = place ?? this.placeholder('a', id, dtype, shape);
    this.know(id, at(node), dtype, shape);
    return { output: at(node), dtype, shape };
  }

  /** The values that tensors stand for. */
  outputsOf(tensors: readonly tf.Tensor[]): Output[] {
    return this.idsOf(tensors).map((id) => this.known.get(id)!);
  }

  /**
   * Writes down that values are available only after others.
   *
   * @returns stand-ins for `tensors`, which TensorFlow treats as new values
   */
  after(tensors: readonly tf.Tensor[], awaited: readonly tf.Tensor[]): tf.Tensor[] {
    const node = {
      name: `n${this.named++}`,
      op: 'IdentityN',
      inputs: this.outputsOf(tensors),
      after: [...new Set(this.outputsOf(awaited).map(({ node }) => node))],
      attributes: [typeAttribute('T', tensors.map(typeOf))],
    };
    this.nodes.push(node);
    return tensors.map((tensor, index) => this.standIn(tensor, at(node.name, index)));
  }

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
  ): tf.Tensor[] {
    const frame = `l${this.loops++}`;
    const [limit] = this.outputsOf([count]);
    const first = [tf.scalar(0, 'int32'), ...initial];
    const before = this.outputsOf(first);
    const outer = this.nodes;
    const inside: GraphNode[] = (this.nodes = []);
    let after: Output[];
    let results: readonly tf.Tensor[];
    try {
      const [round, ...state] = first.map((tensor, i) => this.standIn(tensor, at(`${frame}v${i}`)));
      results = body(round as tf.Scalar, state);
      after = this.outputsOf([tf.add(round!, tf.scalar(1, 'int32')), ...results]);
    } finally {
      this.nodes = outer;
    }
    const types = first.map((tensor) => typeAttribute('T', typeOf(tensor)));
    outer.push(...loopNodes(this.binding, { frame, limit: limit!, before, after, types, inside }));
    return results.map((tensor, i) => this.standIn(tensor, at(`${frame}e${i + 1}`)));
  }

  /** Has the backend ask this recorder for operations, while a function runs. */
  watch<T>(run: () => T): T {
    const { backend, binding, where } = this;
    const random = Math.random;
    const write = backend.write.bind(backend);
    let finished = false;
    setActive(this);
    backend.binding = this.watched;
    backend.getInputTensorIds = (tensors) => this.idsOf(tensors);
    backend.write = (...args: Parameters<typeof write>) => {
      const dataId = write(...args);
      this.made.add(dataId);
      return dataId;
    };
    Math.random = () => {
      throw new Error(
        `${where}: the function asks JavaScript for a random number${callerLine()}, which would be the same at every call; ` +
          'pass the random numbers as a tensor',
      );
    };
    try {
      const result = run();
      finished = true;
      return result;
    } finally {
      setActive(undefined);
      Math.random = random;
      backend.binding = binding;
      // The methods were shadowed on the instance.
      Reflect.deleteProperty(backend, 'getInputTensorIds');
      Reflect.deleteProperty(backend, 'write');
      this.shapes.dispose();
      if (!finished) for (const id of this.large) binding.deleteTensor(id);
    }
  }

  private know(id: number, output: Output, dtype: number, shape: readonly number[]): void {
    this.known.set(id, { ...output, dtype });
    this.shapes.learn(id, dtype, shape);
  }

  private placeholder(prefix: string, id: number, dtype: number, shape: readonly number[]): string {
    const name = `${prefix}${this.placeholders.length}`;
    this.placeholders.push({ name, dtype, shape });
    this.know(id, at(name), dtype, shape);
    return name;
  }

  /** Tensors whose values still lie in JavaScript are handed over first: those from outside must not look like constants. */
  private idsOf(tensors: readonly tf.TensorInfo[]): number[] {
    const { backend, getIds } = this;
    return tensors.map((tensor) => {
      const { dataId } = tensor;
      if (dataId === undefined || this.made.has(dataId)) return getIds([tensor])[0]!;
      backend.binding = this.binding;
      const id = getIds([tensor])[0]!;
      backend.binding = this.watched;
      if (!this.known.has(id)) {
        const { dtype, shape } = backend.tensorMap.get(dataId);
        this.hidden.push({ placeholder: this.placeholder('h', id, dtype, shape), dataId });
      }
      return id;
    });
  }

  /** A tensor of the same shape that is known as a value of the graph. */
  private standIn(tensor: tf.Tensor, output: Output): tf.Tensor {
    const type = typeAttribute('T', typeOf(tensor));
    const [copy] = this.binding.executeOp('Identity', [type], this.getIds([tensor]), 1);
    this.know(copy!.id, output, copy!.dtype, copy!.shape);
    return this.backend.createOutputTensor(copy!);
  }

  private constant(id: number, dtype: number, shape: readonly number[], values: Values): void {
    if (!ArrayBuffer.isView(values))
      throw new Error(`${this.where}: strings cannot be compiled${callerLine()}`);
    if (values.byteLength > LARGE_CONSTANT) {
      this.large.add(id);
      this.hidden.push({ placeholder: this.placeholder('c', id, dtype, shape), id });
      return;
    }
    const key = `${dtype}[${shape.join()}]${Buffer.from(values.buffer, values.byteOffset, values.byteLength).toString('latin1')}`;
    const name = this.constants.get(key)?.name ?? `k${this.constants.size}`;
    if (!this.constants.has(key)) {
      this.constants.set(key, { name, dtype, shape: [...shape], values: values.slice() });
    }
    this.know(id, at(name), dtype, shape);
  }

  private operation(
    op: string,
    given: readonly Attribute[],
    ids: readonly number[],
    count: number,
  ): TensorMetadata[] {
    if (dataDependent.test(op)) {
      throw new Error(
        `${this.where}: the shape of ${op}'s result depends on values${callerLine()}, expected shapes that do not; use a mask ` +
          'of a fixed shape, or call this part outside',
      );
    }
    const inputs = ids.map((id) => this.known.get(id)!);
    // Values matter only where they come from JavaScript: they may say what shape a result has.
    const signatures = inputs.map(({ node }, i) =>
      node.startsWith('k') ? node : this.shapes.shapeOf(ids[i]!),
    );
    const results = this.shapes.execute(op, given, ids, count, signatures);
    const missing = Object.entries(inferred[op] ?? {}).filter(
      ([name]) => !given.some((each) => each.name === name),
    );
    const attributes = [
      ...given,
      ...missing.map(([name, input]) => typeAttribute(name, inputs[input]!.dtype)),
    ];
    const name = `n${this.named++}`;
    this.nodes.push({ name, op, inputs, attributes });
    results.forEach(({ id, dtype, shape }, index) => this.know(id, at(name, index), dtype, shape));
    return results;
  }

  /** The binding with the methods that are watched; its own properties are read-only, so that they cannot be assigned. */
  private readonly watched = Object.create(this.binding, {
    createTensor: {
      value: (shape: readonly number[], dtype: number, values: Values): number => {
        const id = this.binding.createTensor(shape, dtype, values);
        this.constant(id, dtype, shape, values);
        return id;
      },
    },
    deleteTensor: {
      value: (id: number): void => {
        if (!this.large.has(id)) this.binding.deleteTensor(id);
      },
    },
    tensorDataSync: {
      value: (): never => {
        throw new Error(
          `${this.where}: the function reads a tensor's values${callerLine()}, expected only operations on tensors; return the ` +
            'tensor and read it outside, or pass the number as an argument',
        );
      },
    },
    executeOp: { value: this.operation.bind(this) },
  }) as Binding;
}

const typeOf = ({ dtype }: tf.Tensor): number => typeNumber(dtype);

/**
 * Runs a function once on the native backend, and writes down which operations TensorFlow was asked for.
 *
 * @param inputs - the arguments' tensors: those with a `place` are found there in the graph, the others will be fed
 * @param xla - whether XLA will compile the graph
 * @returns the program; the tensors of the function's result are gone
 * @throws Error if the function reads a tensor's values, is asynchronous, asks for random numbers of JavaScript's, or uses an
 *   operation whose result's shape depends on values; the message names the line
 */
export function record(
  where: string,
  inputs: readonly Input[],
  xla: boolean,
  body: () => unknown,
): Program {
  const recorder = new Recorder(where, xla);
  const entries = inputs.map((input) => recorder.enter(input));
  const names = recorder.placeholders.map(({ name }) => name);
  const before = tf.engine().state.numTensors;
  let results: readonly Value[] = [];
  let rebuild: Program['rebuild'];
  recorder.watch(() => {
    tf.tidy(() => {
      const result = flatten(`${where}: result`, synchronous(where, body()));
      const kinds = result.tensors.map((each) => ({ dtype: typeOf(each), shape: each.shape }));
      results = recorder.outputsOf(result.tensors).map((output, i) => ({ output, ...kinds[i]! }));
      rebuild = result.rebuild;
    });
    const kept = tf.engine().state.numTensors - before;
    if (kept > 0) {
      throw new Error(
        `${where}: the function keeps ${kept} tensors beyond its end (tf.keep), expected it ` +
          'to return all that it makes; return them',
      );
    }
    const disposed = inputs.findIndex(({ tensor }) => tensor.isDisposed);
    if (disposed >= 0) {
      throw new Error(
        `${where}: the function disposes its argument's tensor ${disposed}, expected it to leave arguments alone`,
      );
    }
  });
  const { placeholders, constants, nodes, hidden } = recorder;
  const graph = { placeholders, constants: [...constants.values()], nodes };
  const program = { graph, inputs: names, hidden, entries, results, rebuild: rebuild! };
  return xla ? withXla(program) : program;
}

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import type { Binding } from './binding.js';
import type {
  Attribute,
  Graph,
  GraphConstant,
  GraphNode,
  LoadedGraph,
  Placeholder,
} from './graph.js';

/** TensorFlow's messages, as tfjs-node ships them: generated code, with setters and without types. */
export interface Messages {
  readonly [name: string]: MessageClass;
}
type MessageClass = (new () => Message) & { readonly [name: string]: MessageClass };
interface Message {
  serializeBinary(): Uint8Array;
  // Every setter of generated code: what it takes depends on the message.
  // eslint-disable-next-line @typescript-eslint/no-explicit-any
  readonly [method: string]: any;
}

const TAG = 'serve';

/**
 * Loads a graph into TensorFlow by way of a SavedModel, the one form of a graph that tfjs-node's binding takes. The folder
 * lies in the system's folder for temporary files and is removed at once.
 */
export function loadGraph(binding: Binding, messages: Messages, graph: Graph): LoadedGraph {
  const folder = mkdtempSync(join(tmpdir(), 'cfrl-graph-'));
  let model: number;
  try {
    writeFileSync(join(folder, 'saved_model.pb'), encode(binding, messages, graph));
    model = binding.loadSavedModel(folder, TAG);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  return {
    run: (inputs, outputs) =>
      binding.runSavedModel(
        model,
        inputs.map(([, id]) => id),
        inputs.map(([name]) => `${name}:0`).join(),
        outputs.map((name) => `${name}:0`).join(),
      ),
    dispose: () => binding.deleteSavedModel(model),
  };
}

function encode(
  binding: Binding,
  messages: Messages,
  { placeholders, constants, nodes }: Graph,
): Uint8Array {
  const make = new Encoder(binding, messages);
  const graph = make.message('GraphDef');
  for (const each of placeholders) graph['addNode'](make.placeholder(each));
  for (const each of constants) graph['addNode'](make.constant(each));
  for (const each of nodes) graph['addNode'](make.node(each));
  const versions = make.message('VersionDef');
  versions['setProducer'](PRODUCER);
  graph['setVersions'](versions);
  const info = new messages['MetaGraphDef']!['MetaInfoDef']!();
  info['addTags'](TAG);
  const meta = make.message('MetaGraphDef');
  meta['setMetaInfoDef'](info);
  meta['setGraphDef'](graph);
  const model = make.message('SavedModel');
  model['setSavedModelSchemaVersion'](1);
  model['addMetaGraphs'](meta);
  return model.serializeBinary();
}

/** The version of the graph format that TensorFlow 2.0 wrote; every later one reads it. */
const PRODUCER = 175;

class Encoder {
  private readonly binding: Binding;
  private readonly messages: Messages;

  constructor(binding: Binding, messages: Messages) {
    this.binding = binding;
    this.messages = messages;
  }

  message(name: string): Message {
    return new this.messages[name]!();
  }

  private bare(name: string, op: string): Message {
    const node = this.message('NodeDef');
    node['setName'](name);
    node['setOp'](op);
    return node;
  }

  private shape(dimensions: readonly number[]): Message {
    const shape = this.message('TensorShape');
    for (const size of dimensions) {
      const dimension = new this.messages['TensorShape']!['Dim']!();
      dimension['setSize'](size);
      shape['addDim'](dimension);
    }
    return shape;
  }

  private attribute(set: (attribute: Message) => void): Message {
    const attribute = this.message('AttrValue');
    set(attribute);
    return attribute;
  }

  placeholder({ name, dtype, shape }: Placeholder): Message {
    const node = this.bare(name, 'Placeholder');
    const attributes = node['getAttrMap']();
    attributes.set(
      'dtype',
      this.attribute((a) => a['setType'](dtype)),
    );
    attributes.set(
      'shape',
      this.attribute((a) => a['setShape'](this.shape(shape))),
    );
    return node;
  }

  /** TensorFlow compiles all nodes with this attribute into one function of XLA's. */
  private cluster(node: Message): Message {
    node['getAttrMap']().set(
      '_xla_compile_id',
      this.attribute((a) => a['setS'](Buffer.from('xla', 'utf8'))),
    );
    return node;
  }

  constant({ name, dtype, shape, values, xla = false }: GraphConstant): Message {
    const tensor = this.message('Tensor');
    tensor['setDtype'](dtype);
    tensor['setTensorShape'](this.shape(shape));
    tensor['setTensorContent'](new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
    const node = this.bare(name, 'Const');
    const attributes = node['getAttrMap']();
    attributes.set(
      'dtype',
      this.attribute((a) => a['setType'](dtype)),
    );
    attributes.set(
      'value',
      this.attribute((a) => a['setTensor'](tensor)),
    );
    return xla ? this.cluster(node) : node;
  }

  node({ name, op, inputs, after = [], attributes, xla = false }: GraphNode): Message {
    const node = this.bare(name, op);
    for (const input of inputs) {
      node['addInput'](input.index === 0 ? input.node : `${input.node}:${input.index}`);
    }
    for (const before of after) node['addInput'](`^${before}`);
    const map = node['getAttrMap']();
    for (const each of attributes) map.set(each.name, this.value(each));
    return xla ? this.cluster(node) : node;
  }

  private value({ name, type, value }: Attribute): Message {
    const {
      TF_ATTR_STRING,
      TF_ATTR_INT,
      TF_ATTR_FLOAT,
      TF_ATTR_BOOL,
      TF_ATTR_TYPE,
      TF_ATTR_SHAPE,
    } = this.binding;
    const one = new Map<number, (a: Message, v: unknown) => void>([
      [TF_ATTR_STRING, (a, v) => a['setS'](Buffer.from(String(v), 'utf8'))],
      [TF_ATTR_INT, (a, v) => a['setI'](v)],
      [TF_ATTR_FLOAT, (a, v) => a['setF'](v)],
      [TF_ATTR_BOOL, (a, v) => a['setB'](v)],
      [TF_ATTR_TYPE, (a, v) => a['setType'](v)],
    ]).get(type);
    if (type === TF_ATTR_SHAPE) {
      return this.attribute((a) => a['setShape'](this.shape(value as readonly number[])));
    }
    if (one === undefined) {
      throw new Error(
        `compile: attribute ${name} has the type ${type}, which graphs are not written with`,
      );
    }
    if (!Array.isArray(value)) return this.attribute((a) => one(a, value));
    const list = new this.messages['AttrValue']!['ListValue']!();
    const add = new Map([
      [TF_ATTR_INT, 'addI'],
      [TF_ATTR_FLOAT, 'addF'],
      [TF_ATTR_BOOL, 'addB'],
      [TF_ATTR_TYPE, 'addType'],
    ]).get(type);
    for (const each of value as unknown[]) list[add!](each);
    return this.attribute((a) => a['setList'](list));
  }
}

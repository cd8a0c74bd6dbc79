import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import type { Binding } from './binding.js';
import type { Attribute, Graph, LoadedGraph } from './graph.js';

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

/** The version of the graph format that TensorFlow 2.0 wrote; every later one reads it. */
const PRODUCER = 175;

function encode(binding: Binding, messages: Messages, graph: Graph): Uint8Array {
  /** A message: `name` is given to `setName`, each member of a list to `addName`. */
  const make = (type: string, fields: Readonly<Record<string, unknown>>): Message => {
    const [outer, inner] = type.split('.') as [string, string?];
    const message = new (inner ? messages[outer]![inner]! : messages[outer]!)();
    for (const [field, value] of Object.entries(fields)) {
      const name = field[0]!.toUpperCase() + field.slice(1);
      if (!Array.isArray(value)) message[`set${name}`](value);
      else for (const each of value as unknown[]) message[`add${name}`](each);
    }
    return message;
  };
  const shapeOf = (dimensions: readonly number[]): Message =>
    make('TensorShape', { dim: dimensions.map((size) => make('TensorShape.Dim', { size })) });

  const kinds = new Map([
    [binding.TF_ATTR_STRING, 's'],
    [binding.TF_ATTR_INT, 'i'],
    [binding.TF_ATTR_FLOAT, 'f'],
    [binding.TF_ATTR_BOOL, 'b'],
    [binding.TF_ATTR_TYPE, 'type'],
    [binding.TF_ATTR_SHAPE, 'shape'],
  ]);
  const valueOf = ({ name, type, value }: Attribute): Message => {
    const kind = kinds.get(type);
    if (kind === undefined) {
      throw new Error(
        `compile: attribute ${name} has the type ${type}, which graphs are not written with`,
      );
    }
    if (kind === 'shape') return make('AttrValue', { shape: shapeOf(value as readonly number[]) });
    if (kind === 's') return make('AttrValue', { s: Buffer.from(String(value), 'utf8') });
    const list = Array.isArray(value) && make('AttrValue.ListValue', { [kind]: value });
    return make('AttrValue', list ? { list } : { [kind]: value });
  };

  const nodeOf = (
    name: string,
    op: string,
    input: readonly string[],
    attributes: readonly (readonly [string, Message])[],
    xla = false,
  ): Message => {
    const node = make('NodeDef', { name, op, input });
    const map = node['getAttrMap']();
    for (const [key, value] of attributes) map.set(key, value);
    // TensorFlow compiles all nodes with this attribute into one function of XLA's.
    if (xla) map.set('_xla_compile_id', make('AttrValue', { s: Buffer.from('xla', 'utf8') }));
    return node;
  };
  const dtypeOf = (dtype: number): [string, Message] => [
    'dtype',
    make('AttrValue', { type: dtype }),
  ];
  const placeholders = graph.placeholders.map(({ name, dtype, shape }) =>
    nodeOf(
      name,
      'Placeholder',
      [],
      [dtypeOf(dtype), ['shape', make('AttrValue', { shape: shapeOf(shape) })]],
    ),
  );
  const constants = graph.constants.map(({ name, dtype, shape, values, xla }) => {
    const tensorContent = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
    const tensor = make('Tensor', { dtype, tensorShape: shapeOf(shape), tensorContent });
    const attributes = [dtypeOf(dtype), ['value', make('AttrValue', { tensor })]] as const;
    return nodeOf(name, 'Const', [], attributes, xla);
  });
  const nodes = graph.nodes.map(({ name, op, inputs, after = [], attributes, xla }) => {
    const values = inputs.map(({ node, index }) => (index === 0 ? node : `${node}:${index}`));
    const awaited = after.map((before) => `^${before}`);
    const given = attributes.map((each) => [each.name, valueOf(each)] as const);
    return nodeOf(name, op, [...values, ...awaited], given, xla);
  });

  const graphDef = make('GraphDef', {
    node: [...placeholders, ...constants, ...nodes],
    versions: make('VersionDef', { producer: PRODUCER }),
  });
  const metaInfoDef = make('MetaGraphDef.MetaInfoDef', { tags: [TAG] });
  const metaGraphs = [make('MetaGraphDef', { metaInfoDef, graphDef })];
  return make('SavedModel', { savedModelSchemaVersion: 1, metaGraphs }).serializeBinary();
}

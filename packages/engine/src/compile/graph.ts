/** A value inside of a graph: output `index` of the node called `node`. */
export interface Output {
  readonly node: string;
  readonly index: number;
  /** TensorFlow's number of its type, where it is known. */
  readonly dtype?: number;
}

/** An attribute of an operation, as tfjs-node's binding takes it. */
export interface Attribute {
  readonly name: string;
  /** One of the binding's `TF_ATTR_*`. */
  readonly type: number;
  readonly value: unknown;
}

export interface GraphNode {
  readonly name: string;
  readonly op: string;
  readonly inputs: readonly Output[];
  /** Nodes that must have run before, beside those that values come from. */
  readonly after?: readonly string[];
  readonly attributes: readonly Attribute[];
  /** Whether XLA compiles it, together with all others of the graph that say so. */
  readonly xla?: boolean;
}

export interface GraphConstant {
  readonly name: string;
  readonly dtype: number;
  readonly shape: readonly number[];
  readonly values: Float32Array | Int32Array | Uint8Array;
  /** As of {@link GraphNode}. */
  readonly xla?: boolean;
}

/** What stands where a value is fed. */
export interface Placeholder {
  readonly name: string;
  readonly dtype: number;
  readonly shape: readonly number[];
}

/** A program for TensorFlow. Nodes may be given in any order. */
export interface Graph {
  readonly placeholders: readonly Placeholder[];
  readonly constants: readonly GraphConstant[];
  readonly nodes: readonly GraphNode[];
}

export interface TensorMetadata {
  readonly id: number;
  readonly shape: number[];
  readonly dtype: number;
}

/** A graph that is ready to run. */
export interface LoadedGraph {
  /** Runs what the outputs need, in one call; the ids are those of the binding's tensors. */
  run(
    inputs: readonly (readonly [placeholder: string, id: number])[],
    outputs: readonly string[],
  ): TensorMetadata[];
  dispose(): void;
}

/** What loads graphs; only native TensorFlow has one. */
type GraphLoader = (graph: Graph) => LoadedGraph;

let loader: GraphLoader | undefined;

/** Called when the native backend is loaded. */
export function setGraphLoader(load: GraphLoader): void {
  loader = load;
}

/** The loader, if the current backend runs graphs. */
export const graphLoader = (backend: string): GraphLoader | undefined =>
  backend === 'tensorflow' ? loader : undefined;

import type { RotaryTables } from '@cfrl/engine';
import type * as tf from '@tensorflow/tfjs-core';

import type { ModelConfig } from '../config.js';

/** How a parameter starts: `residual` is `normal` divided by `sqrt(2 L)`, as GPT-2 does. */
export type Initial = 'normal' | 'residual' | 'ones' | 'zeros';

/** Name, shape and start of one parameter. */
export interface ParamSpec {
  readonly name: string;
  readonly shape: readonly number[];
  readonly initial: Initial;
}

/** Looks a parameter up by its full name; throws when the record lacks it. */
export type Lookup = (name: string) => tf.Tensor;

/** Sizes and positions of the batch that a block works on. */
export interface BatchContext {
  readonly batch: number;
  /** Present when the architecture turns queries and keys. */
  readonly rotary?: RotaryTables;
}

/** Queries `[B, H, T, d]`, keys and values `[B, K, T, d]` of one block. */
export interface Heads {
  readonly q: tf.Tensor;
  readonly k: tf.Tensor;
  readonly v: tf.Tensor;
}

/** Where two architectures differ; the decoder is the same for all. Rows `x` are `[B T, D]`. */
export interface Blueprint {
  /** The token embedding `[V, D]`, which is the classifier of a tied model. */
  readonly embedding: string;
  readonly finalNorm: string;
  readonly layer: (index: number) => string;
  /** Names of the two norms inside a layer: before attention and before the MLP. */
  readonly norms: readonly [string, string];
  readonly norm: (x: tf.Tensor, get: Lookup, name: string, epsilon: number) => tf.Tensor;
  /** Every parameter but the classifier, in the checkpoint's order. */
  readonly specs: (config: ModelConfig) => ParamSpec[];
  /** Learned positions: rows `[T, D]` or `[B, T, D]` to add to the embedded tokens. */
  readonly positionRows?: (get: Lookup, positions: tf.Tensor) => tf.Tensor;
  /** Rotary positions: the tables that {@link Blueprint.heads} turns queries and keys by. */
  readonly rotary?: (config: ModelConfig, positions: tf.Tensor) => RotaryTables;
  readonly heads: (
    x: tf.Tensor,
    get: Lookup,
    layer: string,
    config: ModelConfig,
    context: BatchContext,
  ) => Heads;
  readonly attentionOutput: (x: tf.Tensor, get: Lookup, layer: string) => tf.Tensor;
  readonly mlp: (x: tf.Tensor, get: Lookup, layer: string) => tf.Tensor;
}

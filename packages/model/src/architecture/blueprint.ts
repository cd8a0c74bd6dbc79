import type { MaskRules } from '@cfrl/engine';
import type * as tf from '@tensorflow/tfjs-core';

import type { ModelConfig } from '../config/types.js';
import type { LoraConfig } from '../lora/factors.js';

/** How a parameter starts: `residual` is `normal` divided by `sqrt(2 L)`, as GPT-2 does. */
export type Initial = 'normal' | 'residual' | 'ones' | 'zeros';

export interface ParamSpec {
  readonly name: string;
  readonly shape: readonly number[];
  readonly initial: Initial;
}

/** Looks a parameter up by its full name; throws when the record lacks it. */
export interface Lookup {
  (name: string): tf.Tensor;
  /** Which modules have an adapter. */
  readonly lora?: LoraConfig;
}

/** What the tokens of a layer with this window may see of the cached and the new ones. */
export type MaskOf = (window?: number) => MaskRules;

/** A norm of rows `[N, D]`: its parameters, and what it computes. */
export interface Norm {
  readonly specs: (name: string, width: number) => ParamSpec[];
  readonly apply: (x: tf.Tensor, get: Lookup, name: string, epsilon: number) => tf.Tensor;
}

/** A part of a layer: its parameters, and what it makes of rows `x`, `[B T, width]`. */
export interface Part {
  readonly specs: (config: ModelConfig, layer: string) => ParamSpec[];
  readonly apply: (x: tf.Tensor, get: Lookup, layer: string, config: ModelConfig) => tf.Tensor;
}

/** The projections of attention. */
export interface AttentionPart {
  readonly specs: Part['specs'];
  /** Heads `[B, H + 2 K, T, d]`: those of the queries, of the keys, of the values. */
  readonly heads: (
    x: tf.Tensor,
    get: Lookup,
    layer: string,
    config: ModelConfig,
    batch: number,
  ) => tf.Tensor;
  readonly output: Part['apply'];
}

/** Names of the norms inside a layer, on the way into and out of its two parts. */
interface LayerNorms {
  readonly beforeAttention?: string;
  readonly afterAttention?: string;
  /** Absent in a parallel layer: the MLP reads what attention reads. */
  readonly beforeMlp?: string;
  readonly afterMlp?: string;
}

/** Where architectures differ; the decoder is the same for all. */
export interface Blueprint {
  /** The token embedding `[V, D]`, which is the classifier of a tied model. */
  readonly embedding: string;
  /** What embedded tokens are multiplied by. */
  readonly embeddingScale?: (config: ModelConfig) => number;
  /** Learned positions `[offset + P, D]`; the first `offset` rows are not used. */
  readonly positions?: { readonly name: string; readonly offset: number };
  /** Rotary positions: whether the pairs that turn are neighbours. */
  readonly rotary?: { readonly interleaved: boolean };
  /** What the names of a layer's parameters begin with, before its index. */
  readonly layers: string;
  readonly finalNorm: string;
  readonly norm: Norm;
  readonly layerNorms: (config: ModelConfig) => LayerNorms;
  /** Whether attention and the MLP read the same residual stream, for those that have no choice. */
  readonly parallel?: true;
  readonly attention: AttentionPart;
  readonly mlp: Part;
}

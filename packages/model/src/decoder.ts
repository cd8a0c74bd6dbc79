import {
  type MaskRules,
  type Params,
  attention,
  dense,
  embedding,
  mergeHeads,
  placeColumn,
} from '@cfrl/engine';
import * as tf from '@tensorflow/tfjs-core';

import type { Lookup } from './architecture/blueprint.js';
import { blueprints } from './architecture/index.js';
import type { ModelConfig } from './config.js';
import { CLASSIFIER } from './partition.js';

/** Keys and values of one layer, `[B, K, S, d]` each. A type, since `tf.tidy` returns no interface. */
export type LayerCache = { readonly key: tf.Tensor; readonly value: tf.Tensor };

/** What the decoder reads: new tokens, where they stand, what they may see, what was there before. */
export interface DecoderInput {
  /** `[B, T]` int32. */
  readonly tokens: tf.Tensor2D;
  /** int32, `[T]` for all rows alike or `[B, T]`. */
  readonly positions: tf.Tensor;
  /** What each token may see of the cached and the new ones; absent: all. */
  readonly mask?: MaskRules;
  /** What was there before; absent: nothing. */
  readonly past?: Past;
}

/** Keys and values of earlier tokens, with room for one more: a cache has the same shape at every step. */
export interface Past {
  /** One entry a layer; 0 in the columns that are not used yet. */
  readonly cache: readonly LayerCache[];
  /** int32, the column of the new token. */
  readonly column: tf.Scalar;
}

/** The lookup that blocks use, with one message for a record that does not fit. */
export const lookup =
  (where: string, params: Params): Lookup =>
  (name) => {
    const tensor = params[name];
    if (tensor === undefined) {
      throw new RangeError(`${where}: params has no '${name}', expected the config's parameters`);
    }
    return tensor;
  };

/**
 * The one decoder: embeds, runs the blocks, without the final norm.
 *
 * @returns the residual stream `[B T, D]`, and keys and values: of the tokens, or the cache with the new ones
 */
export function decode(
  get: Lookup,
  config: ModelConfig,
  { tokens, positions, mask, past }: DecoderInput,
): { hidden: tf.Tensor; cache: LayerCache[] } {
  const blueprint = blueprints[config.architecture];
  const [batch, time] = tokens.shape;
  const rotary = blueprint.rotary?.(config, positions);
  const context = { batch, ...(rotary && { rotary }) };
  const norm = (x: tf.Tensor, name: string) => blueprint.norm(x, get, name, config.normEpsilon);

  const embedded = embedding(get(blueprint.embedding), tokens);
  const located = blueprint.positionRows
    ? tf.add(embedded, blueprint.positionRows(get, positions))
    : embedded;
  let hidden = tf.reshape(located, [batch * time, config.hiddenSize]);

  const cache: LayerCache[] = [];
  for (let i = 0; i < config.layers; i++) {
    const layer = blueprint.layer(i);
    const [attentionNorm, mlpNorm] = blueprint.norms;
    const { q, k, v } = blueprint.heads(
      norm(hidden, `${layer}.${attentionNorm}`),
      get,
      layer,
      config,
      context,
    );
    const before = past?.cache[i];
    const key = before ? placeColumn(before.key, k, past!.column) : k;
    const value = before ? placeColumn(before.value, v, past!.column) : v;
    cache.push({ key, value });
    const mixed = blueprint.attentionOutput(mergeHeads(attention(q, key, value, mask)), get, layer);
    hidden = tf.add(hidden, mixed);
    hidden = tf.add(hidden, blueprint.mlp(norm(hidden, `${layer}.${mlpNorm}`), get, layer));
  }
  return { hidden, cache };
}

/** The final norm of rows `[N, D]` (the features), and their logits `[N, V]`. */
export function classify(
  get: Lookup,
  config: ModelConfig,
  hidden: tf.Tensor,
): { features: tf.Tensor; logits: tf.Tensor } {
  const { norm, finalNorm, embedding: embeddingName } = blueprints[config.architecture];
  const features = norm(hidden, get, finalNorm, config.normEpsilon);
  const weight = get(config.tiedEmbeddings ? embeddingName : CLASSIFIER);
  return { features, logits: dense(features, weight, 'out-in') };
}

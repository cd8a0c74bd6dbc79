import {
  type Params,
  type RotaryTables,
  attention,
  embedding,
  mergeHeads,
  partialRotary,
  rotary,
  rotaryTables,
} from '@cfrl/engine';
import * as tf from '@tensorflow/tfjs-core';

import type { Blueprint, Lookup, MaskOf } from './architecture/blueprint.js';
import { blueprints } from './architecture/index.js';
import {
  type LayerPlan,
  headDimOf,
  layerPlan,
  rotaryWidthOf,
  variation,
} from './architecture/plan.js';
import type { ModelConfig } from './config.js';
import { logitsOf } from './logits.js';
import { CLASSIFIER } from './partition.js';

/** Keys and values of one layer, `[B, K, S, d]` each. A type, since `tf.tidy` returns no interface. */
export type LayerCache = { readonly key: tf.Tensor; readonly value: tf.Tensor };

/** What the decoder reads: new tokens, where they stand, what they may see, what was there before. */
export interface DecoderInput {
  /** `[B, T]` int32. */
  readonly tokens: tf.Tensor2D;
  /** int32, `[T]` for all rows alike or `[B, T]`. */
  readonly positions: tf.Tensor;
  /** What each token may see of the cached and the new ones, in layers with a window and in those without. */
  readonly mask: MaskOf;
  /** What was there before; absent: nothing. */
  readonly past?: Past;
}

/** Keys and values of earlier tokens, with room for one more: a cache has the same shape at every step. */
export interface Past {
  /** One entry a layer, 0 in the columns that are not used yet. */
  readonly cache: readonly LayerCache[];
  /** `[S, 1]`, 1 in the column of the new token, else 0. */
  readonly column: tf.Tensor;
}

/** The cache with the new token's keys or values `[B, K, 1, d]` in its column. */
const placed = (before: tf.Tensor, now: tf.Tensor, column: tf.Tensor): tf.Tensor =>
  tf.add(before, tf.mul(now, column));

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

/** Computes a value a key once. */
function once<K, T>(compute: (key: K) => T): (key: K) => T {
  const known = new Map<K, T>();
  return (key) => {
    if (!known.has(key)) known.set(key, compute(key));
    return known.get(key)!;
  };
}

/** Embedded tokens `[B, T, D]`, scaled, with learned positions. */
function embed(
  get: Lookup,
  config: ModelConfig,
  { embedding: name, embeddingScale, positions }: Blueprint,
  input: DecoderInput,
): tf.Tensor {
  const embedded = embedding(get(name), input.tokens);
  const scaled = embeddingScale ? tf.mul(embedded, embeddingScale(config)) : embedded;
  if (positions === undefined) return scaled;
  const rows =
    positions.offset === 0
      ? input.positions
      : tf.add(input.positions, tf.scalar(positions.offset, 'int32'));
  return tf.add(scaled, embedding(get(positions.name), rows));
}

/** Turns heads by the tables of their layer. */
type Turn = (x: tf.Tensor, plan: LayerPlan) => tf.Tensor;

/** The tables of all layers, each made once; windows have their own where `localRopeTheta` is given. */
function turnOf(config: ModelConfig, { rotary: kind }: Blueprint, positions: tf.Tensor): Turn {
  const width = rotaryWidthOf(config);
  const turn = width === headDimOf(config) ? rotary : partialRotary;
  const known: { plan: LayerPlan['rotary']; tables: RotaryTables }[] = [];
  return (x, { rotary: plan }) => {
    if (plan === undefined) return x;
    let entry = known.find(
      (each) => each.plan!.theta === plan.theta && each.plan!.scaling === plan.scaling,
    );
    if (entry === undefined) {
      const { interleaved } = kind!;
      const options = { interleaved, ...(plan.scaling && { scaling: plan.scaling }) };
      entry = { plan, tables: rotaryTables(positions, width, plan.theta, options) };
      known.push(entry);
    }
    return turn(x, entry.tables);
  };
}

/** Queries `[B, H, T, d]`, keys and values `[B, K, T, d]`, of heads `[B, H + 2 K, T, d]`. */
function turned(
  all: tf.Tensor,
  { heads, keyValueHeads }: ModelConfig,
  plan: LayerPlan,
  turn: Turn,
): [tf.Tensor, tf.Tensor, tf.Tensor] {
  if (plan.rotary === undefined) {
    return tf.split(all, [heads, keyValueHeads, keyValueHeads], 1) as [
      tf.Tensor,
      tf.Tensor,
      tf.Tensor,
    ];
  }
  const [turning, v] = tf.split(all, [heads + keyValueHeads, keyValueHeads], 1) as [
    tf.Tensor,
    tf.Tensor,
  ];
  const [q, k] = tf.split(turn(turning, plan), [heads, keyValueHeads], 1) as [tf.Tensor, tf.Tensor];
  return [q, k, v];
}

/** How attention scores, where it is not as usual. */
const scoring = ({ queryScalar, attentionSoftCap }: ModelConfig) => ({
  ...(queryScalar !== undefined && { scale: 1 / Math.sqrt(queryScalar) }),
  ...(attentionSoftCap !== undefined && { softCap: attentionSoftCap }),
});

/**
 * The one decoder: embeds, runs the blocks, without the final norm.
 *
 * @returns the residual stream `[B T, D]`, and keys and values: of the tokens, or the cache with the new ones
 */
export function decode(
  get: Lookup,
  config: ModelConfig,
  input: DecoderInput,
): { hidden: tf.Tensor; cache: LayerCache[] } {
  const blueprint = blueprints[config.architecture];
  const { tokens, past } = input;
  const [batch, time] = tokens.shape;
  const turn = turnOf(config, blueprint, input.positions);
  const mask = once(input.mask);
  const norms = blueprint.layerNorms(config);
  const parallel = blueprint.parallel ?? variation(config, 'parallelResidual');

  const embedded = embed(get, config, blueprint, input);
  let hidden = tf.reshape(embedded, [batch * time, config.hiddenSize]);

  const cache: LayerCache[] = [];
  for (let i = 0; i < config.layers; i++) {
    const layer = `${blueprint.layers}.${i}`;
    const plan = layerPlan(config, i);
    const norm = (x: tf.Tensor, name: string | undefined): tf.Tensor =>
      name === undefined ? x : blueprint.norm.apply(x, get, `${layer}.${name}`, config.normEpsilon);

    const read = norm(hidden, norms.beforeAttention);
    const heads = blueprint.attention.heads(read, get, layer, config, batch);
    const [q, k, v] = turned(heads, config, plan, turn);
    const before = past?.cache[i];
    const key = before ? placed(before.key, k, past!.column) : k;
    const value = before ? placed(before.value, v, past!.column) : v;
    cache.push({ key, value });
    const seen = attention(q, key, value, { ...mask(plan.window), ...scoring(config) });
    const attended = blueprint.attention.output(mergeHeads(seen), get, layer, config);
    const mixed = norm(attended, norms.afterAttention);

    const fed = (x: tf.Tensor): tf.Tensor =>
      norm(blueprint.mlp.apply(x, get, layer, config), norms.afterMlp);
    if (parallel) {
      const alike = norms.beforeMlp === undefined ? read : norm(hidden, norms.beforeMlp);
      hidden = tf.add(tf.add(hidden, mixed), fed(alike));
    } else {
      hidden = tf.add(hidden, mixed);
      hidden = tf.add(hidden, fed(norm(hidden, norms.beforeMlp)));
    }
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
  const features = norm.apply(hidden, get, finalNorm, config.normEpsilon);
  const weight = get(config.tiedEmbeddings ? embeddingName : CLASSIFIER);
  return { features, logits: logitsOf(config, features, weight) };
}

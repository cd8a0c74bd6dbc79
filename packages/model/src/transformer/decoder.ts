import {
  type Params,
  type MaskRules,
  type RotaryScaling,
  type RotaryTables,
  attention,
  rematerialize,
  embedding,
  mergeHeads,
  notesUses,
  partialRotary,
  placeColumn,
  rotaryTables,
} from '@cfrl/engine';
import * as tf from '@tensorflow/tfjs-core';

import type { Blueprint, Lookup, MaskOf } from '../architecture/blueprint.js';
import { blueprints } from '../architecture/blueprints.js';
import { paramNames } from '../architecture/param-specs.js';
import { layerPlan, rotaryWidthOf, variation } from '../architecture/derived.js';
import type { ModelConfig } from '../config/types.js';
import { scaledLogits } from './logits.js';
import { embedded as embeddedTokens, linear, withLora } from '../lora/apply.js';
import { factorShapes, moduleOf } from '../lora/modules.js';
import { classifierName } from './partition.js';

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
  /** Keys and values of earlier tokens, with room for one more: a cache has the same shape at every step. Absent: nothing. */
  readonly past?: {
    /** One entry a layer; 0 in the columns that are not used yet. */
    readonly cache: readonly LayerCache[];
    /** int32, the column of the new token. */
    readonly column: tf.Scalar;
  };
  /** Whether a gradient computes each block again, instead of keeping what is inside. */
  readonly rematerialize?: boolean;
}

/** Looks parameters up; one message for a record that does not fit. */
export const lookup =
  (where: string, params: Params, expected = "the config's parameters"): Lookup =>
  (name) => {
    const tensor = params[name];
    if (tensor === undefined) {
      throw new RangeError(`${where}: params has no '${name}', expected ${expected}`);
    }
    return tensor;
  };

/** Computes a value a key once. */
export function once<K, T>(compute: (key: K) => T): (key: K) => T {
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
  const embedded = embeddedTokens(input.tokens, get, moduleOf(name));
  const scaled = embeddingScale ? tf.mul(embedded, embeddingScale(config)) : embedded;
  if (positions === undefined) return scaled;
  const rows =
    positions.offset === 0
      ? input.positions
      : tf.add(input.positions, tf.scalar(positions.offset, 'int32'));
  const apart = notesUses() && rows.rank === 1; // each row looks its own positions up
  const taken = apart ? tf.tile(tf.expandDims(rows, 0), [input.tokens.shape[0], 1]) : rows;
  return tf.add(scaled, embedding(get(positions.name), taken));
}

/** What a block is given beside its parameters and the residual stream. A type, since rematerialization takes no interface. */
type Given = {
  readonly batch: number;
  /** Absent where queries and keys do not turn. */
  readonly tables?: RotaryTables;
  readonly mask: MaskRules;
};

/** What each layer is given; masks and tables are made once for all layers that are alike. */
function givenOf(
  config: ModelConfig,
  { rotary: kind }: Blueprint,
  { tokens, positions, mask }: DecoderInput,
): (index: number) => Given {
  const maskOf = once(mask);
  const tablesOf = once((scaling: RotaryScaling | undefined) => {
    const options = { interleaved: kind!.interleaved, ...(scaling && { scaling }) };
    return once((theta: number) => rotaryTables(positions, rotaryWidthOf(config), theta, options));
  });
  return (index) => {
    const { window, rotary: plan } = layerPlan(config, index);
    const given = { batch: tokens.shape[0], mask: maskOf(window) };
    return plan === undefined ? given : { ...given, tables: tablesOf(plan.scaling)(plan.theta) };
  };
}

const inParts = (x: tf.Tensor, sizes: readonly number[]): tf.Tensor[] => tf.split(x, [...sizes], 1);

/** Queries `[B, H, T, d]`, keys and values `[B, K, T, d]`, of heads `[B, H + 2 K, T, d]`: turned, where there are tables. */
function turned(
  all: tf.Tensor,
  { heads, keyValueHeads }: ModelConfig,
  tables: RotaryTables | undefined,
): tf.Tensor[] {
  if (tables === undefined) return inParts(all, [heads, keyValueHeads, keyValueHeads]);
  // One turn serves queries and keys.
  const [turning, v] = inParts(all, [heads + keyValueHeads, keyValueHeads]);
  return [...inParts(partialRotary(turning!, tables), [heads, keyValueHeads]), v!];
}

/** How attention scores, where it is not as usual. */
const scoring = ({ queryScalar, attentionSoftCap }: ModelConfig) => ({
  ...(queryScalar !== undefined && { scale: 1 / Math.sqrt(queryScalar) }),
  ...(attentionSoftCap !== undefined && { softCap: attentionSoftCap }),
});

/** One block: the residual stream `[B T, D]` after it, and its keys and values. */
function block(
  get: Lookup,
  config: ModelConfig,
  index: number,
  hidden: tf.Tensor,
  { batch, tables, mask }: Given,
  past?: DecoderInput['past'],
): { hidden: tf.Tensor; cache: LayerCache } {
  const blueprint = blueprints[config.architecture];
  const layer = `${blueprint.layers}.${index}`;
  const names = blueprint.layerNorms(config);
  const norm = (x: tf.Tensor, name: string | undefined): tf.Tensor =>
    name === undefined ? x : blueprint.norm.apply(x, get, `${layer}.${name}`, config.normEpsilon);
  const mlp = (x: tf.Tensor): tf.Tensor =>
    norm(blueprint.mlp.apply(x, get, layer, config), names.afterMlp);

  const read = norm(hidden, names.beforeAttention);
  const heads = blueprint.attention.heads(read, get, layer, config, batch);
  const [q, k, v] = turned(heads, config, tables) as [tf.Tensor, tf.Tensor, tf.Tensor];
  const before = past?.cache[index];
  const key = before ? placeColumn(before.key, k, past!.column) : k;
  const value = before ? placeColumn(before.value, v, past!.column) : v;
  const seen = attention(q, key, value, { ...mask, ...scoring(config) });
  const attended = blueprint.attention.output(mergeHeads(seen), get, layer, config);
  const middle = tf.add(hidden, norm(attended, names.afterAttention));

  const parallel = blueprint.parallel ?? variation(config, 'parallelResidual') ?? false;
  // A parallel MLP without a norm of its own reads what attention reads.
  const alone = (): tf.Tensor =>
    names.beforeMlp === undefined ? read : norm(hidden, names.beforeMlp);
  const fed = mlp(parallel ? alone() : norm(middle, names.beforeMlp));
  return { hidden: tf.add(middle, fed), cache: { key, value } };
}

/** {@link block} without keys and values, which a gradient computes again. */
function rematerialized(
  get: Lookup,
  config: ModelConfig,
  index: number,
  hidden: tf.Tensor,
  given: Given,
  names: readonly string[],
): tf.Tensor {
  const layer = `${blueprints[config.architecture].layers}.${index}.`;
  const own = names.filter((name) => name.startsWith(layer)).map((name) => [name, get(name)]);
  return rematerialize(
    ({ hidden: x, ...params }: Params, constants: Given) =>
      block(withLora(lookup('forward', params), config.lora), config, index, x!, constants).hidden,
    { ...(Object.fromEntries(own) as Params), hidden },
    given,
  );
}

/** The residual stream `[B T, D]` after all blocks, before the final norm; and the cache with the new keys and values, none if rematerialized. */
export function decode(
  params: Lookup,
  config: ModelConfig,
  input: DecoderInput,
): { hidden: tf.Tensor; cache: LayerCache[] } {
  const get = withLora(params, config.lora);
  const blueprint = blueprints[config.architecture];
  const [batch, time] = input.tokens.shape;
  const given = givenOf(config, blueprint, input);
  const embedded = embed(get, config, blueprint, input);
  let hidden = tf.reshape(embedded, [batch * time, config.hiddenSize]);

  const names = input.rematerialize
    ? [...paramNames(config), ...Object.keys(factorShapes(config))]
    : [];
  const cache: LayerCache[] = [];
  for (let i = 0; i < config.layers; i++) {
    if (input.rematerialize) {
      hidden = rematerialized(get, config, i, hidden, given(i), names);
      continue;
    }
    const next = block(get, config, i, hidden, given(i), input.past);
    hidden = next.hidden;
    cache.push(next.cache);
  }
  return { hidden, cache };
}

/** The final norm of rows `[N, D]`: the features. */
export const finalNorm = (get: Lookup, config: ModelConfig, hidden: tf.Tensor): tf.Tensor => {
  const { norm, finalNorm: name } = blueprints[config.architecture];
  return norm.apply(hidden, get, name, config.normEpsilon);
};

/** Logits `[N, V]` of features `[N, D]`, with the classifier's adapter. */
export const rowLogits = (params: Lookup, config: ModelConfig, features: tf.Tensor): tf.Tensor => {
  const module = moduleOf(classifierName(config));
  const product = linear(features, withLora(params, config.lora), module, 'out-in', false);
  return scaledLogits(config, product);
};

/** The final norm of rows `[N, D]` (the features), and their logits `[N, V]`. */
export function classify(
  get: Lookup,
  config: ModelConfig,
  hidden: tf.Tensor,
): { features: tf.Tensor; logits: tf.Tensor } {
  const features = finalNorm(get, config, hidden);
  return { features, logits: rowLogits(get, config, features) };
}

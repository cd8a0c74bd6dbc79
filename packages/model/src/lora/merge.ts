import { type Params, cloneParams, selectParams } from '@cfrl/engine';
import * as tf from '@tensorflow/tfjs-core';

import { validateConfig } from '../config/config.js';
import type { Changed, Model, ModelConfig } from '../config/types.js';
import { lookup } from '../transformer/decoder.js';
import type { LoraConfig } from './factors.js';
import { type AdaptableModule, adaptedModules, factorShapes } from './modules.js';
import { WEIGHTS_AND_FACTORS, mergedWeight, weightUpdate } from './weight-update.js';

/** Parameters whose adapted weights are computed anew; the caller owns the tensors. */
function changed(
  config: ModelConfig,
  params: Params,
  weight: (module: AdaptableModule) => tf.Tensor,
): Params {
  return tf.tidy(() => {
    const weights = adaptedModules(config).map(
      (module) => [`${module.name}.weight`, weight(module)] as const,
    );
    return cloneParams({ ...params, ...Object.fromEntries(weights) });
  });
}

/**
 * A model without adapters that computes the same: `W + scale B A` takes the place of `W`, or DoRA's `m V / |V|` of it. Biases
 * and whole modules that belong to the adapter stay as they are.
 *
 * @param model - with `config.lora`; anything else in it is passed on
 * @returns the model without them, which any checkpoint can hold; the caller owns its tensors
 * @throws RangeError if the model has no adapters, or a factor is missing
 *
 * @example
 * ```ts
 * const config = modelConfig({
 *   architecture: 'gpt2', vocabSize: 5, hiddenSize: 8, layers: 1, heads: 2, maxPositions: 4,
 * });
 * const model = addLora({ config, params: initParams(config, 0) }, { rank: 2 }, 0);
 * const merged = mergeLora(model);
 * [Object.keys(model.params).length, Object.keys(merged.params).length, merged.config.lora]; // => [25, 17, undefined]
 * ```
 */
export function mergeLora<M extends Model>(model: M): Changed<M> {
  const { config, params } = model;
  const { lora, ...base } = config;
  if (lora === undefined) {
    throw new RangeError('mergeLora: config.lora is undefined, expected a model with adapters');
  }
  const factors = factorShapes(config);
  const own = selectParams(params, (name) => !(name in factors));
  const get = lookup('mergeLora', params, WEIGHTS_AND_FACTORS);
  const merged = changed(config, own, (module) => mergedWeight(module, get, lora));
  return { ...model, config: base, params: merged };
}

/**
 * The inverse of {@link mergeLora}: takes an adapter out of the weights that it was merged into, up to rounding.
 *
 * @param model - the merged model; anything else in it is passed on
 * @param adapter - `lora`, as of the model before merging, and `params` with its factors
 * @returns the model with the adapter beside its weights; the caller owns its tensors
 * @throws RangeError if the model has adapters, the adapter does not fit it, or it is DoRA's, which merging forgets the norms of
 *
 * @example
 * ```ts
 * const config = modelConfig({
 *   architecture: 'llama', vocabSize: 5, hiddenSize: 8, layers: 1, heads: 2, maxPositions: 4,
 * });
 * const model = addLora({ config, params: initParams(config, 0) }, { rank: 2 }, 0);
 * const again = unmergeLora(mergeLora(model), { lora: model.config.lora!, params: model.params });
 * Object.keys(again.params).length === Object.keys(model.params).length; // => true
 * ```
 */
export function unmergeLora<M extends Model>(
  model: M,
  { lora, params: factors }: { readonly lora: LoraConfig; readonly params: Params },
): Changed<M> {
  const { config, params } = model;
  if (config.lora !== undefined) {
    throw new RangeError('unmergeLora: model has adapters, expected one that they are merged into');
  }
  const adapted = { ...config, lora };
  validateConfig(adapted);
  if (lora.dora) {
    throw new RangeError(
      'unmergeLora: lora.dora is true, expected an adapter without magnitudes: merging forgets the norms of the weights; keep the model that mergeLora was given',
    );
  }
  const get = lookup('unmergeLora', factors, WEIGHTS_AND_FACTORS);
  const base = changed(adapted, params, (module) =>
    tf.sub(params[`${module.name}.weight`]!, weightUpdate(module, get, lora)),
  );
  const own = Object.keys(factorShapes(adapted)).map((name) => [name, factors[name]!]);
  const beside = cloneParams(Object.fromEntries(own) as Params);
  return { ...model, config: adapted, params: { ...base, ...beside } };
}

import { checkSeed, fold, randomNormal, rng } from '@cfrl/engine';
import type { Params } from '@cfrl/engine';
import * as tf from '@tensorflow/tfjs-core';

import type { ParamSpec } from '../architecture/blueprint.js';
import { paramSpecs } from '../architecture/param-specs.js';
import { validateConfig } from '../config/config.js';
import type { ModelConfig } from '../config/types.js';

/**
 * Names and shapes of a configuration's parameters, in the order of the record.
 *
 * @param config - the configuration
 * @returns name to shape
 * @throws RangeError if the configuration is invalid
 *
 * @example
 * ```ts
 * const config = modelConfig({
 *   architecture: 'gpt2', vocabSize: 5, hiddenSize: 8, layers: 1, heads: 2, maxPositions: 4,
 * });
 * paramShapes(config)['transformer.h.0.attn.c_attn.weight']; // => [8, 24]
 * ```
 */
export function paramShapes(config: ModelConfig): Readonly<Record<string, readonly number[]>> {
  validateConfig(config);
  return Object.fromEntries(paramSpecs(config).map(({ name, shape }) => [name, shape]));
}

/**
 * Fresh parameters: weights normal with `initializerRange`, gains 1, biases 0. GPT-2's projections
 * onto the residual stream are divided by `sqrt(2 L)`. Each parameter has its own random stream,
 * keyed by its name, so none depends on the order or on the number of layers before it.
 *
 * @param config - the configuration
 * @param seed - integer in `[0, 2^53)`
 * @returns one float32 tensor a parameter; the caller owns them
 * @throws RangeError if the configuration or the seed is invalid
 * @see Radford et al. 2019, section 2.3, for the residual scaling
 *
 * @example
 * ```ts
 * const config = modelConfig({
 *   architecture: 'gpt2', vocabSize: 5, hiddenSize: 8, layers: 1, heads: 2, maxPositions: 4,
 * });
 * Object.keys(initParams(config, 0)).length; // => 17
 * ```
 */
export function initParams(config: ModelConfig, seed: number): Params {
  validateConfig(config);
  checkSeed('initParams: seed', seed);
  const { initializerRange: std, layers } = config;
  const create = ({ name, shape, initial }: ParamSpec): tf.Tensor => {
    if (initial === 'ones') return tf.ones([...shape]);
    if (initial === 'zeros') return tf.zeros([...shape]);
    const scale = initial === 'residual' ? std / Math.sqrt(2 * layers) : std;
    return randomNormal(rng(fold(seed, name)), shape, scale);
  };
  return Object.fromEntries(paramSpecs(config).map((spec) => [spec.name, create(spec)]));
}

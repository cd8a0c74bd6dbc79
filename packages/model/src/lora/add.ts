import {
  type Params,
  checkFinite,
  checkOptions,
  checkPositiveInteger,
  checkSeed,
  cloneParams,
  fold,
  randomNormal,
  rng,
} from '@cfrl/engine';
import * as tf from '@tensorflow/tfjs-core';

import type { ModelConfig } from '../config/types.js';
import { validateConfig } from '../config/config.js';
import { BIASES, type LoraConfig, factorNames } from './factors.js';
import {
  type AdaptableModule,
  adaptableModules,
  adaptedModules,
  factorShapes,
  moduleNames,
} from './modules.js';
import { mergedWeight, rowNorms, weightUpdate } from './update.js';

/** Options of {@link addLora}. */
export interface LoraOptions {
  /** `r`, numbers between `A` and `B`. */
  readonly rank: number;
  /** The adapter counts `alpha / r`, or `alpha / sqrt(r)`. @defaultValue rank */
  readonly alpha?: number;
  /** Whether the scale is `alpha / sqrt(r)` (rsLoRA), which keeps large ranks alive. @defaultValue false */
  readonly rankStabilized?: boolean;
  /**
   * Which modules get an adapter: full names or their ends (`['q_proj', 'v_proj']`), a predicate of the full name, or every linear
   * module of the layers. An untied model's embedding and classifier can have one too. @defaultValue 'all-linear'
   */
  readonly targets?: 'all-linear' | readonly string[] | ((module: string) => boolean);
  /** Whether each adapter has a magnitude for each output (DoRA). @defaultValue false */
  readonly dora?: boolean;
  /** Which of the model's biases are trained with the adapters, see `adapterParams`. @defaultValue 'none' */
  readonly bias?: LoraConfig['bias'];
  /** Modules, or their ends, that are trained whole with the adapters: PEFT's `modules_to_save`. They get no adapter. @defaultValue none */
  readonly wholeModules?: readonly string[];
}

const isEnd = (name: string, end: string): boolean => name === end || name.endsWith(`.${end}`);

/** The modules that `wholeModules` names. */
function wholeOf(config: ModelConfig, ends: readonly string[]): string[] {
  const names = moduleNames(config);
  const lost = ends.find((end) => !names.some((name) => isEnd(name, end)));
  if (lost !== undefined) {
    throw new RangeError(
      `addLora: wholeModules has '${lost}', expected ends of the model's modules` +
        (config.tiedEmbeddings && lost === 'lm_head'
          ? '; the classifier is a module of its own after untie(model)'
          : ''),
    );
  }
  return names.filter((name) => ends.some((end) => isEnd(name, end)));
}

function targeted(
  config: ModelConfig,
  targets: Required<LoraOptions>['targets'],
  whole: readonly string[],
): string[] {
  const isWhole = (name: string): boolean =>
    whole.some((module) => name === module || name.startsWith(`${module}.`));
  const all = adaptableModules(config).map(({ name }) => name);
  const names = all.filter((name) => !isWhole(name));
  if (Array.isArray(targets)) {
    const lost = targets.find((target: string) => !names.some((name) => isEnd(name, target)));
    if (lost !== undefined) {
      throw new RangeError(
        `addLora: targets has '${lost}', expected ends of ${names.join(', ')}` +
          (config.tiedEmbeddings
            ? '; embedding and classifier can be adapted after untie(model)'
            : ''),
      );
    }
  }
  const [first, last] = [all[0], all.at(-1)];
  const chosen = names.filter((name) => {
    if (typeof targets === 'function') return targets(name);
    if (targets !== 'all-linear') return targets.some((target) => isEnd(name, target));
    return config.tiedEmbeddings || (name !== first && name !== last);
  });
  if (chosen.length === 0) {
    throw new RangeError(`addLora: targets selects nothing, expected some of ${names.join(', ')}`);
  }
  return chosen;
}

/** Uniform in `[-1 / sqrt(from), 1 / sqrt(from))`, as PyTorch starts a linear map. */
function uniform(seed: number, shape: readonly number[], from: number): tf.Tensor {
  const random = rng(seed);
  const size = shape.reduce((product, n) => product * n, 1);
  const values = Float32Array.from(
    { length: size },
    () => (2 * random.next() - 1) / Math.sqrt(from),
  );
  return tf.tensor(values, [...shape]);
}

/** What leaves a model as it is: one factor is random, the other 0, and magnitudes are the weights' own. */
function initialFactors(config: ModelConfig, params: Params, seed: number): Params {
  const shapes = factorShapes(config);
  const get = factorsOf('addLora', params);
  return Object.fromEntries(
    adaptedModules(config).flatMap(({ name, kind, from, layout }) => {
      const { a, b, magnitude } = factorNames(name, kind);
      const zeros = (factor: string): tf.Tensor => tf.zeros([...shapes[factor]!]);
      const magnitudes = config.lora!.dora
        ? [[magnitude, tf.tidy(() => rowNorms(get(`${name}.weight`), layout))] as const]
        : [];
      const factors: (readonly [string, tf.Tensor])[] =
        kind === 'linear'
          ? [
              [a, uniform(fold(seed, a), shapes[a]!, from)],
              [b, zeros(b)],
            ]
          : [
              [a, zeros(a)],
              [b, randomNormal(rng(fold(seed, b)), shapes[b]!, 1)],
            ];
      return [...factors, ...magnitudes];
    }),
  );
}

/** A model with adapters or without: configuration and parameters, and whatever else it has. */
type Model = { readonly config: ModelConfig; readonly params: Params };
type Changed<M extends Model> = Omit<M, 'config' | 'params'> & Model;

/**
 * A model with an adapter at some of its linear modules, which computes the same as before.
 *
 *     y = W x + scale B A x,   scale = alpha / r (or alpha / sqrt(r)),   A ~ U(-1 / sqrt(in), 1 / sqrt(in)),   B = 0
 *
 * The factors are parameters like others, under PEFT's names; `forward` and `generate` use them, {@link isLora} selects them
 * for training, {@link mergeLora} makes them part of the weights. There is no dropout. With `dora`, what an adapter computes with its
 * module, but the bias, is multiplied by `m / |W + scale B A|`, at the start 1.
 *
 * @param model - configuration and parameters; anything else in it is passed on
 * @param options - rank, scale, and which modules
 * @param seed - integer in `[0, 2^53)`, of the random factors
 * @returns the model with `config.lora` and the factors; the caller owns its tensors, those of the argument stay as they are
 * @throws RangeError if an option is out of range, a target names no module, or the model has adapters already
 * @see Hu et al. 2021, section 4.1, https://arxiv.org/abs/2106.09685; Kalajdzievski 2023 (rsLoRA), https://arxiv.org/abs/2312.03732
 *
 * @example
 * ```ts
 * const config = modelConfig({
 *   architecture: 'llama', vocabSize: 5, hiddenSize: 8, layers: 1, heads: 2, maxPositions: 4,
 * });
 * const model = addLora({ config, params: initParams(config, 0) }, { rank: 2, targets: ['q_proj', 'v_proj'] }, 0);
 * Object.keys(model.params).filter(isLora).length; // => 4
 * ```
 */
export function addLora<M extends Model>(model: M, options: LoraOptions, seed: number): Changed<M> {
  const { config, params } = model;
  validateConfig(config);
  checkOptions('addLora', options, [
    ...['rank', 'alpha', 'rankStabilized', 'targets', 'dora', 'bias', 'wholeModules'],
  ]);
  const { rank, alpha = rank, rankStabilized = false, targets = 'all-linear' } = options;
  const { dora = false, bias = 'none', wholeModules = [] } = options;
  checkPositiveInteger('addLora: rank', rank);
  checkFinite('addLora: alpha', alpha);
  checkSeed('addLora: seed', seed);
  if (config.lora !== undefined) {
    throw new RangeError('addLora: model has adapters, expected one without; call mergeLora first');
  }
  if (!BIASES.includes(bias)) {
    throw new RangeError(
      `addLora: bias is ${JSON.stringify(bias)}, expected 'none', 'lora_only' or 'all'`,
    );
  }
  const whole = wholeOf(config, wholeModules);
  const lora: LoraConfig = {
    ...{ rank, alpha, rankStabilized, modules: targeted(config, targets, whole) },
    ...(dora && { dora }),
    ...(bias !== 'none' && { bias }),
    ...(whole.length > 0 && { wholeModules: whole }),
  };
  const adapted = { ...config, lora };
  return {
    ...model,
    config: adapted,
    params: { ...cloneParams(params), ...initialFactors(adapted, params, seed) },
  };
}

/** The adapters' parameters, or one message that says which is missing. */
const factorsOf =
  (where: string, params: Params) =>
  (name: string): tf.Tensor => {
    const tensor = params[name];
    if (tensor === undefined) {
      throw new RangeError(
        `${where}: params has no '${name}', expected the weights and factors of config.lora`,
      );
    }
    return tensor;
  };

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
  const own = Object.fromEntries(
    Object.entries(params).filter(([name]) => !isFactorOf(config, name)),
  );
  const get = factorsOf('mergeLora', params);
  const merged = changed(config, own, (module) => mergedWeight(module, get, lora));
  return { ...model, config: base, params: merged };
}

const isFactorOf = (config: ModelConfig, name: string): boolean => name in factorShapes(config);

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
  const get = factorsOf('unmergeLora', factors);
  const base = changed(adapted, params, (module) =>
    tf.sub(params[`${module.name}.weight`]!, weightUpdate(module, get, lora)),
  );
  const own = Object.keys(factorShapes(adapted)).map((name) => [name, factors[name]!] as const);
  return {
    ...model,
    config: adapted,
    params: { ...base, ...cloneParams(Object.fromEntries(own)) },
  };
}

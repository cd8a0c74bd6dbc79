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

import { type ModelConfig, validateConfig } from '../config.js';
import { type LoraConfig, factorNames, loraScale } from './factors.js';
import { type AdaptableModule, adaptableModules, adaptedModules, factorShapes } from './modules.js';

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
}

function targeted(config: ModelConfig, targets: Required<LoraOptions>['targets']): string[] {
  const modules = adaptableModules(config);
  const names = modules.map(({ name }) => name);
  const isTarget = (name: string, target: string): boolean =>
    name === target || name.endsWith(`.${target}`);
  if (Array.isArray(targets)) {
    const lost = targets.find((target: string) => !names.some((name) => isTarget(name, target)));
    if (lost !== undefined) {
      throw new RangeError(
        `addLora: targets has '${lost}', expected ends of ${names.join(', ')}` +
          (config.tiedEmbeddings
            ? '; embedding and classifier can be adapted after untie(model)'
            : ''),
      );
    }
  }
  const [first, last] = [names[0], names.at(-1)];
  const chosen = names.filter((name) => {
    if (typeof targets === 'function') return targets(name);
    if (targets !== 'all-linear') return targets.some((target) => isTarget(name, target));
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

/** What leaves a model as it is: one factor is random, the other 0. */
function initialFactors(config: ModelConfig, seed: number): Params {
  const shapes = factorShapes(config);
  return Object.fromEntries(
    adaptedModules(config).flatMap(({ name, kind, from }) => {
      const { a, b } = factorNames(name, kind);
      const zeros = (factor: string): tf.Tensor => tf.zeros([...shapes[factor]!]);
      return kind === 'linear'
        ? [
            [a, uniform(fold(seed, a), shapes[a]!, from)],
            [b, zeros(b)],
          ]
        : [
            [a, zeros(a)],
            [b, randomNormal(rng(fold(seed, b)), shapes[b]!, 1)],
          ];
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
 * for training, {@link mergeLora} makes them part of the weights. There is no dropout.
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
  checkOptions('addLora', options, ['rank', 'alpha', 'rankStabilized', 'targets']);
  const { rank, alpha = rank, rankStabilized = false, targets = 'all-linear' } = options;
  checkPositiveInteger('addLora: rank', rank);
  checkFinite('addLora: alpha', alpha);
  checkSeed('addLora: seed', seed);
  if (config.lora !== undefined) {
    throw new RangeError('addLora: model has adapters, expected one without; call mergeLora first');
  }
  const lora: LoraConfig = { rank, alpha, rankStabilized, modules: targeted(config, targets) };
  const adapted = { ...config, lora };
  return {
    ...model,
    config: adapted,
    params: { ...cloneParams(params), ...initialFactors(adapted, seed) },
  };
}

/** `scale B A` in the layout of the weight. */
function change(
  { name, kind, layout }: AdaptableModule,
  params: Params,
  lora: LoraConfig,
): tf.Tensor {
  const { a, b } = factorNames(name, kind);
  const [A, B] = [params[a], params[b]] as [tf.Tensor2D | undefined, tf.Tensor2D | undefined];
  if (A === undefined || B === undefined) {
    throw new RangeError(
      `mergeLora: params has no '${A ? b : a}', expected the factors of config.lora`,
    );
  }
  const product = layout === 'out-in' ? tf.matMul(B, A) : tf.transpose(tf.matMul(B, A));
  return tf.mul(product, loraScale(lora));
}

/** The base weights plus `sign` times the adapters' changes; the caller owns the tensors. */
function shifted(config: ModelConfig, params: Params, factors: Params, sign: 1 | -1): Params {
  return tf.tidy(() => {
    const changed = adaptedModules(config).map((module): [string, tf.Tensor] => {
      const name = `${module.name}.weight`;
      return [name, tf.add(params[name]!, tf.mul(change(module, factors, config.lora!), sign))];
    });
    return cloneParams({ ...params, ...Object.fromEntries(changed) });
  });
}

/**
 * A model without adapters that computes the same: `W + scale B A` takes the place of `W`.
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
  return { ...model, config: base, params: shifted(config, own, params, 1) };
}

const isFactorOf = (config: ModelConfig, name: string): boolean => name in factorShapes(config);

/**
 * The inverse of {@link mergeLora}: takes an adapter out of the weights that it was merged into, up to rounding.
 *
 * @param model - the merged model; anything else in it is passed on
 * @param adapter - `lora`, as of the model before merging, and `params` with its factors
 * @returns the model with the adapter beside its weights; the caller owns its tensors
 * @throws RangeError if the model has adapters, or the adapter does not fit it
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
  const base = shifted(adapted, params, factors, -1);
  const own = Object.keys(factorShapes(adapted)).map((name) => [name, factors[name]!] as const);
  return {
    ...model,
    config: adapted,
    params: { ...base, ...cloneParams(Object.fromEntries(own)) },
  };
}

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

import { blueprints } from '../architecture/blueprints.js';
import { checkValue } from '../check-value.js';
import { validateConfig } from '../config/config.js';
import type { Changed, Model, ModelConfig } from '../config/types.js';
import { sizeOf } from '../tensor-files/stored-tensor.js';
import { lookup } from '../transformer/decoder.js';
import { BIASES, type LoraConfig, factorNames } from './factors.js';
import {
  adaptableModules,
  adaptedModules,
  factorShapes,
  isEnd,
  isInside,
  moduleNames,
} from './modules.js';
import { WEIGHTS_AND_FACTORS, rowNorms } from './weight-update.js';

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

const OPTIONS = ['rank', 'alpha', 'rankStabilized', 'targets', 'dora', 'bias', 'wholeModules'];

function wholeOf(config: ModelConfig, ends: readonly string[]): string[] {
  const names = moduleNames(config);
  const lost = ends.find((end) => !names.some((name) => isEnd(name, end)));
  if (lost !== undefined) {
    const how =
      config.tiedEmbeddings && lost === 'lm_head'
        ? '; the classifier is a module of its own after untie(model)'
        : '';
    throw new RangeError(
      `addLora: wholeModules has '${lost}', expected ends of the model's modules${how}`,
    );
  }
  return names.filter((name) => ends.some((end) => isEnd(name, end)));
}

function targeted(
  config: ModelConfig,
  targets: Required<LoraOptions>['targets'],
  whole: readonly string[],
): string[] {
  const { layers } = blueprints[config.architecture];
  const names = adaptableModules(config)
    .map(({ name }) => name)
    .filter((name) => !isInside(name, whole));
  const ends = Array.isArray(targets) ? (targets as readonly string[]) : [];
  const lost = ends.find((end) => !names.some((name) => isEnd(name, end)));
  if (lost !== undefined) {
    const how = config.tiedEmbeddings
      ? '; embedding and classifier can be adapted after untie(model)'
      : '';
    throw new RangeError(
      `addLora: targets has '${lost}', expected ends of ${names.join(', ')}${how}`,
    );
  }
  const isChosen =
    typeof targets === 'function'
      ? targets
      : targets === 'all-linear'
        ? (name: string) => name.startsWith(`${layers}.`)
        : (name: string) => ends.some((end) => isEnd(name, end));
  const chosen = names.filter(isChosen);
  if (chosen.length === 0) {
    throw new RangeError(`addLora: targets selects nothing, expected some of ${names.join(', ')}`);
  }
  return chosen;
}

/** Uniform in `[-1 / sqrt(from), 1 / sqrt(from))`, as PyTorch starts a linear map. */
function uniform(seed: number, shape: readonly number[], from: number): tf.Tensor {
  const random = rng(seed);
  const length = sizeOf(shape);
  const values = Float32Array.from({ length }, () => (2 * random.next() - 1) / Math.sqrt(from));
  return tf.tensor(values, [...shape]);
}

/** What leaves a model as it is: one factor is random, the other 0, and magnitudes are the weights' own. */
function initialFactors(config: ModelConfig, params: Params, seed: number): Params {
  const shapes = factorShapes(config);
  const get = lookup('addLora', params, WEIGHTS_AND_FACTORS);
  const zeros = (factor: string): tf.Tensor => tf.zeros([...shapes[factor]!]);
  return Object.assign(
    {},
    ...adaptedModules(config).map(({ name, kind, from, layout }) => {
      const { a, b, magnitude } = factorNames(name, kind);
      const isLinear = kind === 'linear';
      return {
        [a]: isLinear ? uniform(fold(seed, a), shapes[a]!, from) : zeros(a),
        [b]: isLinear ? zeros(b) : randomNormal(rng(fold(seed, b)), shapes[b]!, 1),
        ...(config.lora!.dora && {
          [magnitude]: tf.tidy(() => rowNorms(get(`${name}.weight`), layout)),
        }),
      };
    }),
  ) as Params;
}

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
  checkOptions('addLora', options, OPTIONS);
  const { rank, alpha = rank, rankStabilized = false, targets = 'all-linear' } = options;
  const { dora = false, bias = 'none', wholeModules = [] } = options;
  checkPositiveInteger('addLora: rank', rank);
  checkFinite('addLora: alpha', alpha);
  checkSeed('addLora: seed', seed);
  if (config.lora !== undefined) {
    throw new RangeError('addLora: model has adapters, expected one without; call mergeLora first');
  }
  checkValue('addLora: bias', bias, BIASES.includes(bias), "'none', 'lora_only' or 'all'");
  const whole = wholeOf(config, wholeModules);
  const lora: LoraConfig = {
    rank,
    alpha,
    rankStabilized,
    modules: targeted(config, targets, whole),
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

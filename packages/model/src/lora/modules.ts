import type { WeightLayout } from '@cfrl/engine';

import { blueprints } from '../architecture/blueprints.js';
import type { ParamSpec } from '../architecture/blueprint.js';
import type { ModelConfig } from '../config/types.js';
import { CLASSIFIER, paramNames, paramSpecs } from '../architecture/param-specs.js';
import { type ModuleKind, factorNames, rankOf } from './factors.js';

export interface AdaptableModule {
  readonly name: string;
  readonly kind: ModuleKind;
  /** Width of what goes in: for an embedding, tokens in the vocabulary. */
  readonly from: number;
  readonly to: number;
  readonly layout: WeightLayout;
}

/** Whether a name is a module's, or its end. */
export const isEnd = (name: string, end: string): boolean =>
  name === end || name.endsWith(`.${end}`);

/** Whether a name is that of one of the modules, or of something inside. */
export const isInside = (name: string, modules: readonly string[]): boolean =>
  modules.some((module) => `${name}.`.startsWith(`${module}.`));

export const moduleOf = (weight: string): string => weight.replace(/\.weight$/, '');

/** Every module of a model that can have an adapter, in the order of the parameters. */
export function adaptableModules(config: ModelConfig): AdaptableModule[] {
  const { architecture, tiedEmbeddings } = config;
  const { embedding, layers } = blueprints[architecture];
  const isAdaptable = ({ name, shape }: ParamSpec): boolean =>
    name.startsWith(`${layers}.`)
      ? shape.length === 2 && !/norm/.test(name)
      : !tiedEmbeddings && (name === embedding || name === CLASSIFIER);
  return paramSpecs(config)
    .filter(isAdaptable)
    .map(({ name, shape }) => {
      const kind = name === embedding ? 'embedding' : 'linear';
      const isConv1D = architecture === 'gpt2' && name !== CLASSIFIER;
      const layout = kind === 'embedding' || isConv1D ? 'in-out' : 'out-in';
      const [from, to] = layout === 'in-out' ? shape : [...shape].reverse();
      return { name: moduleOf(name), kind, from: from!, to: to!, layout };
    });
}

export function adaptedModules(config: ModelConfig): AdaptableModule[] {
  const named = new Set(config.lora?.modules);
  return adaptableModules(config).filter(({ name }) => named.has(name));
}

/** Names and shapes of all factors and magnitudes. */
export const factorShapes = (config: ModelConfig): Record<string, readonly number[]> =>
  Object.fromEntries(
    adaptedModules(config).flatMap(({ name, kind, from, to }) => {
      const { a, b, magnitude } = factorNames(name, kind);
      const lora = config.lora!;
      const rank = rankOf(lora, name);
      return [
        [a, [rank, from]],
        [b, [to, rank]],
        ...(lora.dora ? [[magnitude, [to]] as const] : []),
      ];
    }),
  );

/** Every module that holds parameters, itself or in its parts: `model.layers.0.mlp`, `model.layers.0.mlp.up_proj`. */
export function moduleNames(config: ModelConfig): string[] {
  const parents = (name: string): string[] => {
    const end = name.lastIndexOf('.');
    return end < 0 ? [] : [...parents(name.slice(0, end)), name.slice(0, end)];
  };
  return [...new Set(paramNames(config).flatMap(parents))];
}

/** The model's own parameters, not factors, that belong to its adapters: of whole modules, and biases. */
export function wholeParams(config: ModelConfig): string[] {
  const { lora } = config;
  if (lora === undefined) return [];
  const { bias = 'none', wholeModules = [], modules } = lora;
  return paramNames(config).filter(
    (name) =>
      isInside(name, wholeModules) ||
      (name.endsWith('.bias') &&
        (bias === 'all' || (bias === 'lora_only' && modules.includes(name.slice(0, -5))))),
  );
}

/**
 * Names of the parameters that belong to a model's adapters, as the `trainable` of training loops: factors and magnitudes, and
 * the biases and whole modules that `config.lora` says (PEFT's `bias` and `modules_to_save`).
 *
 * @param config - the model's configuration
 * @returns the names; none where the model has no adapters
 *
 * @example
 * ```ts
 * const config = modelConfig({
 *   architecture: 'llama', vocabSize: 5, hiddenSize: 8, layers: 1, heads: 2, maxPositions: 4,
 * });
 * const model = addLora(
 *   { config, params: initParams(config, 0) }, { rank: 2, targets: ['q_proj'], wholeModules: ['lm_head'] }, 0,
 * );
 * adapterParams(model.config).length; // => 3
 * ```
 */
export const adapterParams = (config: ModelConfig): string[] => [
  ...Object.keys(factorShapes(config)),
  ...wholeParams(config),
];

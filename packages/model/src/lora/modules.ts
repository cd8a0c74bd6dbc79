import { type WeightLayout, checkFinite, checkPositiveInteger } from '@cfrl/engine';

import { blueprints, bodySpecs } from '../architecture/index.js';
import type { ParamSpec } from '../architecture/blueprint.js';
import type { ModelConfig } from '../config.js';
import { CLASSIFIER } from '../partition.js';
import { type ModuleKind, factorNames } from './factors.js';

/** A module that can have an adapter. */
export interface AdaptableModule {
  readonly name: string;
  readonly kind: ModuleKind;
  /** Width of what goes in: for an embedding, tokens in the vocabulary. */
  readonly from: number;
  readonly to: number;
  readonly layout: WeightLayout;
}

const WEIGHT = '.weight';

/** Every module of a model that can have an adapter, in the order of the parameters. */
export function adaptableModules(config: ModelConfig): AdaptableModule[] {
  const { architecture, vocabSize, hiddenSize, tiedEmbeddings } = config;
  const blueprint = blueprints[architecture];
  const isLinear = ({ name, shape }: ParamSpec): boolean =>
    shape.length === 2 && name.startsWith(`${blueprint.layers}.`) && !/norm/.test(name);
  const linear = (name: string, [first, second]: readonly number[]): AdaptableModule => {
    // GPT-2's Conv1D.
    const layout = architecture === 'gpt2' && name !== CLASSIFIER ? 'in-out' : 'out-in';
    const [from, to] = layout === 'in-out' ? [first!, second!] : [second!, first!];
    return { name: name.slice(0, -WEIGHT.length), kind: 'linear', from, to, layout };
  };
  const inLayers = bodySpecs(config)
    .filter(isLinear)
    .map(({ name, shape }) => linear(name, shape));
  if (tiedEmbeddings) return inLayers;
  const embedding: AdaptableModule = {
    name: blueprint.embedding.slice(0, -WEIGHT.length),
    kind: 'embedding',
    from: vocabSize,
    to: hiddenSize,
    layout: 'in-out',
  };
  return [embedding, ...inLayers, linear(CLASSIFIER, [vocabSize, hiddenSize])];
}

/** The modules of a model that have an adapter. */
export function adaptedModules(config: ModelConfig): AdaptableModule[] {
  const named = new Set(config.lora?.modules);
  return adaptableModules(config).filter(({ name }) => named.has(name));
}

/** Names and shapes of all factors. */
export const factorShapes = (config: ModelConfig): Record<string, readonly number[]> =>
  Object.fromEntries(
    adaptedModules(config).flatMap(({ name, kind, from, to }) => {
      const { a, b } = factorNames(name, kind);
      const { rank } = config.lora!;
      return [
        [a, [rank, from]],
        [b, [to, rank]],
      ];
    }),
  );

/** Refuses adapters that the model cannot have. */
export function validateLora(config: ModelConfig): void {
  const { lora } = config;
  if (lora === undefined) return;
  checkPositiveInteger('validateConfig: lora.rank', lora.rank);
  checkFinite('validateConfig: lora.alpha', lora.alpha);
  const known = adaptableModules(config).map(({ name }) => name);
  const unknown = lora.modules.find((name) => !known.includes(name));
  if (unknown !== undefined) {
    throw new RangeError(
      `validateConfig: lora.modules has '${unknown}', expected only ${known.join(', ')}` +
        (config.tiedEmbeddings ? '; embedding and classifier can have one after untie(model)' : ''),
    );
  }
}

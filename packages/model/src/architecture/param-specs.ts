import type { ModelConfig } from '../config/types.js';
import type { ParamSpec } from './blueprint.js';
import { blueprints } from './blueprints.js';

/** Name of the classifier `W` `[V, D]` of an untied model. */
export const CLASSIFIER = 'lm_head.weight';

/**
 * Every parameter of a configuration: embeddings, layer after layer in the order of computation, final norm, and the classifier
 * of an untied model.
 */
export function paramSpecs(config: ModelConfig): ParamSpec[] {
  const { vocabSize, maxPositions, hiddenSize: width, tiedEmbeddings } = config;
  const blueprint = blueprints[config.architecture];
  const { positions, norm, attention, mlp } = blueprint;
  const norms = blueprint.layerNorms(config);
  const table = (name: string, rows: number): ParamSpec[] => [
    { name, shape: [rows, width], initial: 'normal' },
  ];
  const layerSpecs = (layer: string): ParamSpec[] => {
    const normSpecs = (name?: string): ParamSpec[] =>
      name === undefined ? [] : norm.specs(`${layer}.${name}`, width);
    return [
      ...normSpecs(norms.beforeAttention),
      ...attention.specs(config, layer),
      ...normSpecs(norms.afterAttention),
      ...normSpecs(norms.beforeMlp),
      ...mlp.specs(config, layer),
      ...normSpecs(norms.afterMlp),
    ];
  };
  return [
    ...table(blueprint.embedding, vocabSize),
    ...(positions ? table(positions.name, positions.offset + maxPositions) : []),
    ...Array.from({ length: config.layers }, (_, i) => `${blueprint.layers}.${i}`).flatMap(
      layerSpecs,
    ),
    ...norm.specs(blueprint.finalNorm, width),
    ...(tiedEmbeddings ? [] : table(CLASSIFIER, vocabSize)),
  ];
}

export const paramNames = (config: ModelConfig): string[] =>
  paramSpecs(config).map(({ name }) => name);

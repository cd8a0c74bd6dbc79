import { cloneParams, selectParams } from '@cfrl/engine';
import type { Params } from '@cfrl/engine';

import { blueprints } from '../architecture/blueprints.js';
import { CLASSIFIER } from '../architecture/param-specs.js';
import type { Changed, Model, ModelConfig } from '../config/types.js';

/**
 * The name of the parameter that serves as the classifier `W` `[V, D]`.
 *
 * @param config - the model's configuration
 * @returns {@link CLASSIFIER}, or the embedding's name where the embeddings are tied
 *
 * @example
 * ```ts
 * const config = modelConfig({
 *   architecture: 'gpt2', vocabSize: 5, hiddenSize: 8, layers: 1, heads: 2, maxPositions: 4,
 *   tiedEmbeddings: true,
 * });
 * classifierName(config); // => 'transformer.wte.weight'
 * ```
 */
export function classifierName({ architecture, tiedEmbeddings }: ModelConfig): string {
  return tiedEmbeddings ? blueprints[architecture].embedding : CLASSIFIER;
}

/** The module of an untied classifier, below which its adapters have their names. */
const HEAD = CLASSIFIER.replace(/weight$/, '');

/**
 * Whether a parameter belongs to the classifier of an untied model: `W`, or the factors of its adapter.
 *
 * @param name - a parameter's name
 * @returns true for {@link CLASSIFIER} and for what is beside it in its module
 *
 * @example
 * ```ts
 * ['lm_head.weight', 'lm_head.lora_A.weight', 'model.norm.weight'].map(isClassifier); // => [true, true, false]
 * ```
 */
export const isClassifier = (name: string): boolean => name.startsWith(HEAD);

function expectUntied(where: string, params: Params): void {
  if (!(CLASSIFIER in params)) {
    throw new RangeError(
      `${where}: params has no '${CLASSIFIER}', expected an untied model; make the classifier its own parameter with untie({ config, params })`,
    );
  }
}

/**
 * The classifier of an untied model, as a record: `W`, and the factors of its adapter if it has one.
 *
 * @param params - the model's parameters
 * @returns the parameters that {@link isClassifier} names; it borrows the tensors
 * @throws RangeError if the model is tied: then `W` is no parameter of its own
 * @see arXiv 2601.04670, the partition of the parameters into `W` and `theta_phi`
 *
 * @example
 * ```ts
 * const config = modelConfig({
 *   architecture: 'gpt2', vocabSize: 5, hiddenSize: 8, layers: 1, heads: 2, maxPositions: 4,
 * });
 * Object.keys(classifier(initParams(config, 0))); // => ["lm_head.weight"]
 * ```
 */
export function classifier(params: Params): Params {
  expectUntied('classifier', params);
  return selectParams(params, isClassifier);
}

/**
 * Everything but the classifier and its adapter, `theta_phi`: what the features depend on.
 *
 * @param params - the model's parameters
 * @returns a record without what {@link isClassifier} names; it borrows the tensors
 * @throws RangeError if the model is tied: then the embedding belongs to both parts
 * @see arXiv 2601.04670, the partition of the parameters into `W` and `theta_phi`
 *
 * @example
 * ```ts
 * const config = modelConfig({
 *   architecture: 'llama', vocabSize: 5, hiddenSize: 8, layers: 1, heads: 2, maxPositions: 4,
 * });
 * Object.keys(body(initParams(config, 0))).length; // => 11
 * ```
 */
export function body(params: Params): Params {
  expectUntied('body', params);
  return selectParams(params, (name) => !isClassifier(name));
}

/**
 * A model whose classifier is its own parameter, equal to the embedding at the start, so that it
 * computes the same. An untied model comes back as a copy.
 *
 * @param model - configuration and parameters; anything else in it is passed on
 * @returns the same with `tiedEmbeddings: false` and `lm_head.weight`; the caller owns the tensors,
 *   those of the argument stay as they are
 * @throws RangeError if the parameters lack the embedding
 *
 * @example
 * ```ts
 * const config = modelConfig({
 *   architecture: 'gpt2', vocabSize: 5, hiddenSize: 8, layers: 1, heads: 2, maxPositions: 4,
 *   tiedEmbeddings: true,
 * });
 * const model = untie({ config, params: initParams(config, 0) });
 * [model.config.tiedEmbeddings, model.params['lm_head.weight'].shape]; // => [false, [5, 8]]
 * ```
 */
export function untie<M extends Model>(model: M): Changed<M> {
  const { config, params } = model;
  const embedding = params[blueprints[config.architecture].embedding];
  const weight = config.tiedEmbeddings ? embedding : params[CLASSIFIER];
  if (weight === undefined) {
    throw new RangeError("untie: params lacks the config's parameters, expected a whole model");
  }
  return {
    ...model,
    config: { ...config, tiedEmbeddings: false },
    params: cloneParams({ ...params, [CLASSIFIER]: weight }),
  };
}

import { type Params, disposeParams } from '@cfrl/engine';
import {
  CLASSIFIER,
  type LanguageModel,
  type ModelConfig,
  checkContexts,
  classifierName,
  lastFeatures,
  mergeLora,
} from '@cfrl/model';
import type { SplitModel } from '@cfrl/ntk';
import * as tf from '@tensorflow/tfjs-core';

/** A context: the tokens of a prompt, as `promptTokens` gives them, and of what has been completed so far. */
export type Context = readonly number[];

/** A language model as the kernel sees it. */
export interface SplitLanguageModel extends SplitModel<Context> {
  /** Frees what merging adapters made; the model's own tensors stay. */
  readonly dispose: () => void;
}

/** What is not linear in a classifier without bias is refused: `K = R + G` does not hold there. */
function checkLinear(where: string, { logitSoftCap }: ModelConfig, params: Params): void {
  if (logitSoftCap !== undefined) {
    throw new RangeError(
      `${where}: config.logitSoftCap is ${logitSoftCap}, expected none: the kernel splits for logits that are linear in the classifier; leave the cap out of the config to look at the logits before it`,
    );
  }
  const bias = CLASSIFIER.replace(/weight$/, 'bias');
  if (bias in params) {
    throw new RangeError(
      `${where}: model.params has '${bias}', expected a classifier without bias: the kernel splits for logits = W phi`,
    );
  }
}

/**
 * A language model as the kernel sees it: features of contexts, and the classifier on them. A scale of
 * the logits is part of the features, so that `logits = W phi`. Adapters are merged into their weights: with one on the head `W` is
 * the merged head, and all that is computed is with respect to the merged weights.
 *
 * @param model - tied or untied, with adapters or without; borrowed
 * @returns the model for `decompose`, `predictStep` and the other functions of `@cfrl/ntk`; with adapters, `dispose()` frees the
 *   weights that they were merged into
 * @throws RangeError if the logits have a soft cap or the classifier a bias: they are not linear in the classifier then, and
 *   `K = R + G` does not hold; TypeError if it is no model with its tokenizer
 *
 * @example
 * ```ts
 * import { decompose } from '@cfrl/ntk';
 * import { charTokenizer, initParams, modelConfig, promptTokens } from '@cfrl/model';
 * const tokenizer = charTokenizer('ab');
 * const config = modelConfig({
 *   architecture: 'llama', vocabSize: tokenizer.vocabSize, hiddenSize: 8, layers: 1, heads: 2, maxPositions: 4,
 *   tiedEmbeddings: false,
 * });
 * const model = { config, params: initParams(config, 0), tokenizer };
 * const contexts = ['ab', 'b'].map((text) => promptTokens(model, text));
 * decompose(splitModel(model), contexts).gradientNorm.shape; // => [2, 2]
 * ```
 */
export function splitModel(model: LanguageModel): SplitLanguageModel {
  checkModel('splitModel', model);
  checkLinear('splitModel', model.config, model.params);
  const { config, params, dispose } = withoutAdapters(model);
  return {
    params,
    classifier: classifierName(config),
    tied: config.tiedEmbeddings,
    checkContexts: (where, contexts) => checkContexts(where, config, contexts),
    features: (moving, contexts) =>
      tf.tidy(() => {
        const phi = lastFeatures(moving, config, contexts);
        return config.logitScale === undefined ? phi : tf.mul(phi, config.logitScale);
      }),
    dispose,
  };
}

/** A model that computes the same with weights alone. `dispose` frees what was made for it. */
export function withoutAdapters({ config, params }: Pick<LanguageModel, 'config' | 'params'>): {
  readonly config: ModelConfig;
  readonly params: Params;
  readonly dispose: () => void;
} {
  if (config.lora === undefined) return { config, params, dispose: () => undefined };
  const merged = mergeLora({ config, params });
  return { ...merged, dispose: () => disposeParams(merged.params) };
}

/** Refuses anything but a model with its tokenizer. */
export function checkModel(where: string, model: LanguageModel): void {
  const { config, params, tokenizer } = (model ?? {}) as Partial<LanguageModel>;
  const missing = Object.entries({ config, params, tokenizer }).find(
    ([, part]) => typeof part !== 'object' || part === null,
  );
  if (missing !== undefined) {
    throw new TypeError(
      `${where}: model has no ${missing[0]}, expected { config, params, tokenizer } as loadPretrained gives`,
    );
  }
}

import {
  type LanguageModel,
  bodyFeatures,
  checkContexts,
  classifierLogits,
  classifierName,
} from '@cfrl/model';
import type { SequenceModel } from '@cfrl/ntk';
import * as tf from '@tensorflow/tfjs-core';

import { checkModel, withoutAdapters } from './contexts.js';

/** A language model on whole sequences, as `@cfrl/ntk` takes it. */
export interface SequenceLanguageModel extends SequenceModel {
  /** Frees what merging adapters made; the model's own tensors stay. */
  readonly dispose: () => void;
}

/**
 * A language model on whole sequences: one forward pass gives what it says after every token. Adapters are merged into their weights, so
 * that a model before and after training of adapters differ in the merged weights. A scale of the logits is part of the
 * features; a cap stays with the logits, which then are not linear in the classifier.
 *
 * @param model - tied or untied, with adapters or without; borrowed
 * @returns the model for `explainChange` and the other functions of `@cfrl/ntk` on sequences; with adapters, `dispose()` frees the merged
 *   weights
 * @throws TypeError if it is no model with its tokenizer
 *
 * @example
 * ```ts
 * import { charTokenizer, initParams, modelConfig } from '@cfrl/model';
 * const tokenizer = charTokenizer('ab');
 * const config = modelConfig({
 *   architecture: 'llama', vocabSize: tokenizer.vocabSize, hiddenSize: 8, layers: 1, heads: 2, maxPositions: 4,
 * });
 * const { classifier, linear } = sequenceModel({ config, params: initParams(config, 0), tokenizer });
 * [classifier, linear]; // => ["lm_head.weight", true]
 * ```
 */
export function sequenceModel(model: LanguageModel): SequenceLanguageModel {
  checkModel('sequenceModel', model);
  const { config, params, dispose } = withoutAdapters(model);
  const { logitScale, ...unscaled } = config;
  return {
    params,
    classifier: classifierName(config),
    tied: config.tiedEmbeddings,
    features: (moving, batch) =>
      tf.tidy(() => {
        const phi = bodyFeatures(moving, config, batch);
        return logitScale === undefined ? phi : tf.mul(phi, logitScale);
      }),
    logits: (moving, features) => classifierLogits(moving, unscaled, features) as tf.Tensor2D,
    linear: config.logitSoftCap === undefined,
    checkTokens: (where, sequences) => checkContexts(where, config, sequences),
    dispose,
  };
}

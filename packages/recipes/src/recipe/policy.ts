import { type Option, option, required, resolveOptions, showValue } from '@cfrl/engine';
import {
  CLASSIFIER,
  type LanguageModel,
  bodyFeatures,
  classifierLogits,
  forward,
  encodePrompts,
  generate,
  isClassifier,
  resolveGeneration,
} from '@cfrl/model';
import type { Policy } from '@cfrl/rl';
import type * as tf from '@tensorflow/tfjs-core';

import { checkMaxNewTokens, checkStopTokens } from '../tasks/check-task.js';
import { checkModel } from './contexts.js';

/** How a language model acts as a policy. */
export interface PolicyOptions {
  /** Longest completion, in tokens. */
  readonly maxNewTokens: number;
  /** A completion ends with any of these. @defaultValue `eos_token_id` of the model's generation config, else the tokenizer's `endToken` */
  readonly stopTokens?: readonly number[];
  /** Whether sampling runs as graphs, as for `generate`. @defaultValue true */
  readonly compile?: boolean | 'xla';
  /** Whether a gradient computes each block again instead of keeping what is inside of it, as for `forward`. @defaultValue false */
  readonly rematerialize?: boolean;
}

/** A policy that says how it samples. */
export interface LanguageModelPolicy extends Policy {
  /** Every option with the value in use. */
  readonly options: Required<PolicyOptions>;
  readonly checkPrompts: NonNullable<Policy['checkPrompts']>;
}

/** Every option for a model, with its default and its check. */
const tableOf = (model: LanguageModel) => ({
  maxNewTokens: required<number>((where, count) => checkMaxNewTokens(where, count, model.config)),
  stopTokens: option<readonly number[]>(resolveGeneration(model).stopTokens, (where, tokens) =>
    checkStopTokens(where, tokens, model.config),
  ),
  compile: {
    value: true,
    check: (where, compile) => {
      if ([true, false, 'xla'].includes(compile)) return;
      throw new RangeError(`${where} is ${showValue(compile)}, expected true, false or 'xla'`);
    },
  } as Option<boolean | 'xla'>,
  rematerialize: option(false, (where, rematerialize) => {
    if (typeof rematerialize === 'boolean') return;
    throw new TypeError(`${where} is ${showValue(rematerialize)}, expected true or false`);
  }),
});

/**
 * A language model as a policy: it samples by cached generation and scores by the forward pass, cut
 * at the classifier.
 *
 * @param model - untied, so that the classifier is its own parameter; its `params` are not used, the
 *   policy is asked with others
 * @param options - where completions end
 * @returns the policy; its `options` have the values in use, its `checkPrompts` finds prompts that cannot be completed
 * @throws RangeError if the model is tied, or an option is invalid
 *
 * @example
 * ```ts
 * import { charTokenizer, initParams, modelConfig } from '@cfrl/model';
 * const tokenizer = charTokenizer('ab');
 * const config = modelConfig({
 *   architecture: 'llama', vocabSize: tokenizer.vocabSize, hiddenSize: 8, layers: 1, heads: 2, maxPositions: 4,
 *   tiedEmbeddings: false,
 * });
 * const params = initParams(config, 0);
 * const policy = languageModelPolicy({ config, params, tokenizer }, { maxNewTokens: 2, stopTokens: [] });
 * const [completion] = await policy.sample(params, [{ prompt: 'ab', seed: 1 }]);
 * completion!.tokens.length; // => 2
 * ```
 */
export function languageModelPolicy(
  model: LanguageModel,
  options: PolicyOptions,
): LanguageModelPolicy {
  checkModel('languageModelPolicy', model);
  const { config, params: given, tokenizer } = model;
  if (!(CLASSIFIER in given)) {
    throw new RangeError(
      `languageModelPolicy: model has no ${CLASSIFIER} (its embeddings are tied), expected a ` +
        'classifier of its own; call untie(model) first',
    );
  }
  const resolved = resolveOptions('languageModelPolicy', options, tableOf(model));
  const { maxNewTokens, stopTokens, compile, rematerialize } = resolved;
  return {
    options: resolved,
    sample: (params, requests, { signal } = {}) =>
      generate(
        { config, params, tokenizer },
        requests.map(({ prompt }) => prompt),
        {
          ...{ maxNewTokens, stopTokens, compile, seeds: requests.map(({ seed }) => seed) },
          ...(signal !== undefined && { signal }),
        },
      ),
    checkPrompts: (prompts) =>
      void encodePrompts(model, prompts, maxNewTokens, 'languageModelPolicy'),
    // Sequences are padded at the right, where a causal model does not look: their mask is not needed.
    forward: (params, { tokens }) => forward(params, config, { tokens }, { rematerialize }),
    classifier: {
      names: Object.keys(given).filter(isClassifier),
      features: (params, { tokens }) => bodyFeatures(params, config, { tokens }, { rematerialize }),
      logits: (params, features) => classifierLogits(params, config, features) as tf.Tensor3D,
    },
    // A tokenizer may have more tokens than the model can read.
    padToken: tokenizer.padToken < config.vocabSize ? tokenizer.padToken : 0,
    maxPositions: config.maxPositions,
    featureSize: config.hiddenSize,
  };
}

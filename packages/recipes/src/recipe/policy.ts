import { checkOptions, checkPositiveInteger, checkTokens, showValue } from '@cfrl/engine';
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

const known = ['maxNewTokens', 'stopTokens', 'compile', 'rematerialize'] as const;

/** Refuses options that are none, before a run has begun. */
function checkPolicyOptions({ config }: LanguageModel, options: Required<PolicyOptions>): void {
  const { maxNewTokens, stopTokens, compile, rematerialize } = options;
  checkPositiveInteger('languageModelPolicy: maxNewTokens', maxNewTokens);
  if (maxNewTokens >= config.maxPositions) {
    throw new RangeError(
      `languageModelPolicy: maxNewTokens is ${maxNewTokens}, expected less than ${config.maxPositions} (maxPositions), so that a prompt has room`,
    );
  }
  if (!Array.isArray(stopTokens)) {
    throw new TypeError(
      `languageModelPolicy: stopTokens is ${showValue(stopTokens)}, expected a list of tokens`,
    );
  }
  checkTokens('languageModelPolicy: stopTokens', stopTokens, config.vocabSize);
  if (![true, false, 'xla'].includes(compile)) {
    throw new RangeError(
      `languageModelPolicy: compile is ${showValue(compile)}, expected true, false or 'xla'`,
    );
  }
  if (typeof rematerialize !== 'boolean') {
    throw new TypeError(
      `languageModelPolicy: rematerialize is ${showValue(rematerialize)}, expected true or false`,
    );
  }
}

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
  checkOptions('languageModelPolicy', options, known);
  checkModel('languageModelPolicy', model);
  const { config, params: given, tokenizer } = model;
  if (!(CLASSIFIER in given)) {
    throw new RangeError(
      `languageModelPolicy: model has no ${CLASSIFIER} (its embeddings are tied), expected a ` +
        'classifier of its own; call untie(model) first',
    );
  }
  const { maxNewTokens, compile = true, rematerialize = false } = options;
  const { stopTokens = resolveGeneration(model).stopTokens } = options;
  const resolved = { maxNewTokens, stopTokens, compile, rematerialize };
  checkPolicyOptions(model, resolved);
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

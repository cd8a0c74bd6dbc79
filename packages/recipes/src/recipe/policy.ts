import {
  CLASSIFIER,
  type LanguageModel,
  bodyFeatures,
  classifierLogits,
  forward,
  generate,
  isLora,
} from '@cfrl/model';
import type { Policy } from '@cfrl/rl';
import type * as tf from '@tensorflow/tfjs-core';

/** How a language model acts as a policy. */
export interface PolicyOptions {
  /** Longest completion, in tokens. */
  readonly maxNewTokens: number;
  /** A completion ends with any of these. @defaultValue [tokenizer.endToken] */
  readonly stopTokens?: readonly number[];
  /** Whether sampling runs as graphs, as for `generate`. @defaultValue true */
  readonly compile?: boolean | 'xla';
  /** Whether a gradient computes each block again instead of keeping what is inside of it, as for `forward`. @defaultValue false */
  readonly checkpoint?: boolean;
}

/**
 * A language model as a policy: it samples by cached generation and scores by the forward pass, cut
 * at the classifier.
 *
 * @param model - untied, so that the classifier is its own parameter; its `params` are not used, the
 *   policy is asked with others
 * @param options - where completions end
 * @returns the policy
 * @throws RangeError if the model is tied
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
  { config, params: given, tokenizer }: LanguageModel,
  {
    maxNewTokens,
    stopTokens = [tokenizer.endToken],
    compile = true,
    checkpoint = false,
  }: PolicyOptions,
): Policy {
  if (!(CLASSIFIER in given)) {
    throw new RangeError(
      `languageModelPolicy: model has no ${CLASSIFIER} (its embeddings are tied), expected a ` +
        'classifier of its own; call untie(model) first',
    );
  }
  return {
    sample: (params, requests) =>
      generate(
        { config, params, tokenizer },
        requests.map(({ prompt }) => prompt),
        { maxNewTokens, stopTokens, compile, seeds: requests.map(({ seed }) => seed) },
      ),
    // Sequences are padded at the right, where a causal model does not look: their mask is not needed.
    forward: (params, { tokens }) => forward(params, config, { tokens }, { checkpoint }),
    classifier: {
      names: Object.keys(given).filter(
        (name) => name === CLASSIFIER || (name.startsWith('lm_head.') && isLora(name)),
      ),
      features: (params, { tokens }) => bodyFeatures(params, config, { tokens }, { checkpoint }),
      logits: (params, features) => classifierLogits(params, config, features) as tf.Tensor3D,
    },
    padToken: tokenizer.padToken,
    maxPositions: config.maxPositions,
    featureSize: config.hiddenSize,
  };
}

import { checkTokens } from '@cfrl/engine';
import * as tf from '@tensorflow/tfjs-core';

import { longestSequence } from './architecture/derived.js';
import type { ModelConfig } from './config/types.js';
import { bodyFeatures } from './transformer/forward.js';
import type { LanguageModel } from './generation/language-model.js';
import { type Prompt, encodePrompt } from './generation/prompts.js';
import { padTokens } from './tokenizer/batch.js';

/**
 * The tokens that a model sees of a prompt, as {@link generate} gives them to it: a text with the special tokens that its tokenizer
 * begins texts with, tokens as they are, a conversation by the chat template.
 *
 * @param model - configuration and tokenizer
 * @param prompt - what would be completed
 * @param where - `function: argument`, for messages
 * @returns at least one token
 * @throws RangeError or TypeError if it is none of these, is empty, has a token outside the vocabulary, or is too long
 *
 * @example
 * ```ts
 * const tokenizer = charTokenizer('ab');
 * const config = modelConfig({
 *   architecture: 'llama', vocabSize: 4, hiddenSize: 8, layers: 1, heads: 2, maxPositions: 8,
 * });
 * promptTokens({ config, tokenizer }, 'ba'); // => [1, 0]
 * ```
 */
export function promptTokens(
  { config, tokenizer }: Pick<LanguageModel, 'config' | 'tokenizer'>,
  prompt: Prompt,
  where = 'promptTokens: prompt',
): readonly number[] {
  return encodePrompt(where, { config, tokenizer }, prompt, 0).tokens;
}

/** A value in a message, cut where it is long. */
function shown(value: unknown): string {
  const text = typeof value === 'object' ? JSON.stringify(value) : String(value);
  const quoted = typeof value === 'string' ? `'${text}'` : text;
  return quoted.length > 60 ? `${quoted.slice(0, 60)}...` : quoted;
}

/**
 * Refuses contexts that a model cannot read: what is no list of tokens, empty, too long, or outside the vocabulary.
 *
 * @param where - `function: argument`, the beginning of the message
 * @param config - the model's configuration
 * @param contexts - lists of tokens
 * @param single - whether the message speaks of the argument itself and not of its first entry
 * @throws TypeError or RangeError with the first that is wrong
 *
 * @example
 * ```ts
 * const config = modelConfig({
 *   architecture: 'llama', vocabSize: 4, hiddenSize: 8, layers: 1, heads: 2, maxPositions: 8,
 * });
 * checkContexts('decompose: contexts', config, [[0, 1], [3]]); // nothing is wrong
 * try {
 *   checkContexts('decompose: contexts', config, [[0, 4]]);
 * } catch ({ message }) {
 *   message; // => "decompose: contexts[0][1] is 4, expected a token in [0, 4)"
 * }
 * ```
 */
export function checkContexts(
  where: string,
  config: ModelConfig,
  contexts: readonly (readonly number[])[],
  single = false,
): void {
  if (!Array.isArray(contexts)) {
    throw new TypeError(`${where} is ${shown(contexts)}, expected an array of lists of tokens`);
  }
  const longest = longestSequence(config);
  contexts.forEach((context: unknown, i) => {
    const at = single ? where : `${where}[${i}]`;
    if (!Array.isArray(context)) {
      throw new TypeError(
        `${at} is ${shown(context)}, expected a list of tokens; promptTokens(model, prompt) gives those of a text or a conversation`,
      );
    }
    const tokens = context as readonly number[];
    if (tokens.length === 0) throw new RangeError(`${at} is empty, expected at least one token`);
    checkTokens(at, tokens, config.vocabSize);
    if (tokens.length > longest) {
      throw new RangeError(
        `${at} has ${tokens.length} tokens, expected at most ${longest} (maxPositions)`,
      );
    }
  });
}

/**
 * The features at the last token of each context: what the classifier draws the next token from.
 *
 * @param params - the model's parameters; borrowed
 * @param config - the model's configuration
 * @param contexts - lists of tokens, of any lengths
 * @param padToken - a token to fill shorter ones up with; what it is changes nothing. @defaultValue 0
 * @returns `[n, D]`, differentiable; the caller owns it
 * @throws as {@link checkContexts}
 *
 * @example
 * ```ts
 * const config = modelConfig({
 *   architecture: 'llama', vocabSize: 4, hiddenSize: 8, layers: 1, heads: 2, maxPositions: 8,
 * });
 * lastFeatures(initParams(config, 0), config, [[0, 1], [3]]).shape; // => [2, 8]
 * ```
 */
export function lastFeatures(
  params: LanguageModel['params'],
  config: ModelConfig,
  contexts: readonly (readonly number[])[],
  padToken = 0,
): tf.Tensor2D {
  checkContexts('lastFeatures: contexts', config, contexts);
  return tf.tidy(() => {
    const rectangle = padTokens(contexts, { padToken });
    const features = bodyFeatures(params, config, {
      tokens: tf.tensor2d(rectangle.tokens, undefined, 'int32'),
      attentionMask: tf.tensor2d(rectangle.attentionMask, undefined, 'int32'),
    });
    const [rows, width, size] = features.shape;
    // A one-hot selection: its gradient is a matrix product, on every backend.
    const last = new Float32Array(rows * width);
    contexts.forEach((context, i) => (last[i * width + context.length - 1] = 1));
    const picked = tf.matMul(tf.tensor3d(last, [rows, 1, width]), features);
    return tf.reshape(picked, [rows, size]) as tf.Tensor2D;
  });
}

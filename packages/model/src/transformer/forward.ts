import { type Params, causalMask, checkSameShape } from '@cfrl/engine';
import * as tf from '@tensorflow/tfjs-core';

import { longestSequence } from '../architecture/derived.js';
import { validateConfig } from '../config/config.js';
import type { ModelConfig } from '../config/types.js';
import { decode, finalNorm, lookup, rowLogits } from './decoder.js';
import { byRows } from './logits.js';

/** A batch of token sequences. */
export interface ForwardInput {
  /** `[B, T]` int32, each in `[0, V)`. */
  readonly tokens: tf.Tensor2D;
  /** `[B, T]` int32, 1 on real tokens and 0 on padding, left or right. Absent: all are real. */
  readonly attentionMask?: tf.Tensor2D;
}

/** What the model says about each position. */
export interface ForwardOutput {
  /** `[B, T, V]`, unnormalised scores of the next token. */
  readonly logits: tf.Tensor3D;
  /** `[B, T, D]`, the classifier's input; {@link logitsOf} makes the logits of them. */
  readonly features: tf.Tensor3D;
}

function checkInput(config: ModelConfig, { tokens, attentionMask }: ForwardInput): void {
  if (tokens.rank !== 2 || tokens.dtype !== 'int32') {
    throw new TypeError(
      `forward: tokens is a ${tokens.dtype} tensor of shape [${tokens.shape.join(', ')}], expected int32 [B, T]`,
    );
  }
  const longest = longestSequence(config);
  if (tokens.size === 0 || tokens.shape[1] > longest) {
    throw new RangeError(
      `forward: tokens has shape [${tokens.shape.join(', ')}], expected [B, T] with B >= 1 and 1 <= T <= ${longest} (maxPositions)`,
    );
  }
  if (attentionMask) checkSameShape('forward: attentionMask', attentionMask, tokens, 'tokens');
}

/** Positions count the real tokens, as transformers does when it generates. */
function positionsOf({ tokens, attentionMask }: ForwardInput): tf.Tensor {
  if (!attentionMask) return tf.range(0, tokens.shape[1], 1, 'int32');
  const count = tf.cumsum(tf.cast(attentionMask, 'int32'), 1);
  return tf.maximum(tf.sub(count, tf.scalar(1, 'int32')), tf.scalar(0, 'int32'));
}

/** Options of {@link forward} and {@link bodyFeatures}. */
export interface ForwardOptions {
  /**
   * Whether a gradient computes each block again instead of keeping what is inside of it: memory for one block instead of all,
   * for a third more time. @defaultValue false
   */
  readonly rematerialize?: boolean;
}

/**
 * The body of a decoder alone: what the classifier reads. For training with a large vocabulary, where `classifierScores` of the
 * engine goes on without all logits at once, and for heads of one's own.
 *
 *     features = norm(blocks(embedding(tokens)))
 *
 * @param params - the model's parameters; borrowed. The classifier need not be among them.
 * @param config - the model's configuration
 * @param input - tokens and attention mask, `[B, T]` each
 * @param options - what a gradient keeps
 * @returns `[B, T, D]`, as of {@link forward}; the caller owns it
 * @throws as {@link forward}
 *
 * @example
 * ```ts
 * import * as tf from '@tensorflow/tfjs-core';
 * const config = modelConfig({
 *   architecture: 'llama', vocabSize: 5, hiddenSize: 8, layers: 1, heads: 2, maxPositions: 4,
 * });
 * const tokens = tf.tensor2d([[3, 1, 4]], [1, 3], 'int32');
 * bodyFeatures(initParams(config, 0), config, { tokens }, { rematerialize: true }).shape; // => [1, 3, 8]
 * ```
 */
export function bodyFeatures(
  params: Params,
  config: ModelConfig,
  input: ForwardInput,
  { rematerialize = false }: ForwardOptions = {},
): tf.Tensor3D {
  validateConfig(config);
  checkInput(config, input);
  const { tokens, attentionMask } = input;
  const [batch, time] = tokens.shape;
  return tf.tidy(() => {
    const get = lookup('forward', params);
    const { hidden } = decode(get, config, {
      tokens,
      positions: positionsOf(input),
      mask: (window) => causalMask(time, attentionMask, window),
      rematerialize,
    });
    return tf.reshape(finalNorm(get, config, hidden), [batch, time, config.hiddenSize]);
  });
}

/**
 * The classifier alone: logits of features, with the adapter of the classifier if it has one.
 *
 *     logits = cap(logitScale features W^T)
 *
 * @param params - with the parameter that {@link classifierName} names; the others are not looked at
 * @param config - the model's configuration
 * @param features - `[..., D]`, as of {@link bodyFeatures}
 * @returns `[..., V]`; the caller owns it
 * @throws RangeError if the classifier is missing or the features are not `D` wide
 *
 * @example
 * ```ts
 * import * as tf from '@tensorflow/tfjs-core';
 * const config = modelConfig({
 *   architecture: 'gpt2', vocabSize: 5, hiddenSize: 8, layers: 1, heads: 2, maxPositions: 4,
 * });
 * classifierLogits(classifier(initParams(config, 0)), config, tf.ones([2, 3, 8])).shape; // => [2, 3, 5]
 * ```
 */
export function classifierLogits(
  params: Params,
  config: ModelConfig,
  features: tf.Tensor,
): tf.Tensor {
  if (features.shape[features.rank - 1] !== config.hiddenSize) {
    throw new RangeError(
      `classifierLogits: features has shape [${features.shape.join(', ')}], expected [..., ${config.hiddenSize}] (hiddenSize)`,
    );
  }
  const get = lookup('classifierLogits', params);
  return byRows(features, (rows) => rowLogits(get, config, rows));
}

/**
 * The forward pass of a decoder, differentiable with respect to every parameter on every backend.
 *
 *     features = norm(blocks(embedding(tokens))),   logits = logitsOf(config, features, W)
 *
 * A position sees itself and the real positions before it; padding influences no real position.
 * What stands at a padded position is finite and means nothing. The tokens are not checked against
 * the vocabulary, since that would read them back from the device.
 *
 * @param params - the model's parameters, Hugging Face names; borrowed
 * @param config - the model's configuration
 * @param input - tokens and attention mask, `[B, T]` each
 * @param options - what a gradient keeps
 * @returns `logits` `[B, T, V]` and `features` `[B, T, D]`; the caller owns both
 * @throws TypeError if `tokens` is not an int32 matrix; RangeError if it is empty or longer than
 *   `maxPositions`, if the mask has another shape, or if a parameter is missing
 * @see Radford et al. 2019 (GPT-2); Touvron et al. 2023 (Llama), https://arxiv.org/abs/2302.13971
 *
 * @example
 * ```ts
 * import * as tf from '@tensorflow/tfjs-core';
 * const config = modelConfig({
 *   architecture: 'llama', vocabSize: 5, hiddenSize: 8, layers: 1, heads: 2, maxPositions: 4,
 * });
 * const tokens = tf.tensor2d([[3, 1, 4]], [1, 3], 'int32');
 * const { logits, features } = forward(initParams(config, 0), config, { tokens });
 * [logits.shape, features.shape]; // => [[1, 3, 5], [1, 3, 8]]
 * ```
 */
export function forward(
  params: Params,
  config: ModelConfig,
  input: ForwardInput,
  options: ForwardOptions = {},
): ForwardOutput {
  return tf.tidy(() => {
    const features = bodyFeatures(params, config, input, options);
    const logits = classifierLogits(params, config, features) as tf.Tensor3D;
    return { logits, features };
  });
}

import { type LanguageModel, classifierName, forward } from '@cfrl/model';
import type { SplitModel } from '@cfrl/ntk';
import * as tf from '@tensorflow/tfjs-core';

/** A context: the tokens of a prompt and of what has been completed so far. */
export type Context = readonly number[];

/** Right-padded tokens with their mask. The caller owns the tensors. */
export function padContexts(
  contexts: readonly Context[],
  padToken: number,
): { readonly tokens: tf.Tensor2D; readonly attentionMask: tf.Tensor2D } {
  const width = Math.max(...contexts.map((context) => context.length));
  const shape: [number, number] = [contexts.length, width];
  const column = (value: (context: Context, t: number) => number): Int32Array =>
    Int32Array.from({ length: shape[0] * width }, (_, i) =>
      value(contexts[Math.floor(i / width)]!, i % width),
    );
  return {
    tokens: tf.tensor2d(
      column((context, t) => context[t] ?? padToken),
      shape,
      'int32',
    ),
    attentionMask: tf.tensor2d(
      column((context, t) => Number(t < context.length)),
      shape,
      'int32',
    ),
  };
}

/** The features at the last token of each context, `[n, D]`; the caller owns them. */
export function lastFeatures(model: LanguageModel, contexts: readonly Context[]): tf.Tensor2D {
  return tf.tidy(() => {
    const { features } = forward(
      model.params,
      model.config,
      padContexts(contexts, model.tokenizer.padToken),
    );
    const [rows, width, size] = features.shape;
    // A one-hot selection: its gradient is a matrix product, on every backend.
    const last = new Float32Array(rows * width);
    contexts.forEach((context, i) => (last[i * width + context.length - 1] = 1));
    const picked = tf.matMul(tf.tensor3d(last, [rows, 1, width]), features);
    return tf.reshape(picked, [rows, size]) as tf.Tensor2D;
  });
}

/**
 * A language model as the kernel sees it: features of contexts, and the classifier on them. A scale of
 * the logits is part of the features, so that `logits = W phi`.
 *
 * @param model - tied or untied
 * @returns the model for `decompose`, `predictStep` and the other functions of `@cfrl/ntk`
 * @throws RangeError if the logits have a soft cap: they are not linear in the classifier then, and
 *   `K = R + G` does not hold
 *
 * @example
 * ```ts
 * import { decompose } from '@cfrl/ntk';
 * import { charTokenizer, initParams, modelConfig } from '@cfrl/model';
 * const tokenizer = charTokenizer('ab');
 * const config = modelConfig({
 *   architecture: 'llama', vocabSize: tokenizer.vocabSize, hiddenSize: 8, layers: 1, heads: 2, maxPositions: 4,
 *   tiedEmbeddings: false,
 * });
 * const model = { config, params: initParams(config, 0), tokenizer };
 * decompose(splitModel(model), [[0, 1], [1]]).gradientNorm.shape; // => [2, 2]
 * ```
 */
export function splitModel(model: LanguageModel): SplitModel<Context> {
  const { logitScale, logitSoftCap } = model.config;
  if (logitSoftCap !== undefined) {
    throw new RangeError(
      `splitModel: config.logitSoftCap is ${logitSoftCap}, expected none: the kernel splits for logits that are linear in the classifier; leave the cap out of the config to look at the logits before it`,
    );
  }
  return {
    params: model.params,
    classifier: classifierName(model.config),
    tied: model.config.tiedEmbeddings,
    features: (params, contexts) =>
      tf.tidy(() => {
        const phi = lastFeatures({ ...model, params }, contexts);
        return logitScale === undefined ? phi : tf.mul(phi, logitScale);
      }),
  };
}

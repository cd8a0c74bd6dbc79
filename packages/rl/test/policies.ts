import { type Params, randomNormal, rng, sampleIndex } from '@cfrl/engine';
import type { Completion, Policy, TokenBatch } from '@cfrl/rl';
import * as tf from '@tensorflow/tfjs-core';

/** Token 0 ends a completion; it is written '.', the others 'a', 'b', ... */
const letters = '.abcdefghijklmnopqrstuvwxyz';
const encode = (text: string): number[] => [...text].map((c) => letters.indexOf(c));

export const logSoftmax = (logits: readonly number[]): number[] => {
  const top = Math.max(...logits);
  const norm = top + Math.log(logits.reduce((sum, z) => sum + Math.exp(z - top), 0));
  return logits.map((z) => z - norm);
};

/** Samples with plain numbers from logits that depend on the tokens before. */
function complete(
  prompt: string,
  seed: number,
  maxTokens: number,
  logitsOf: (tokens: readonly number[]) => readonly number[],
): Completion {
  const source = rng(seed);
  const promptTokens = encode(prompt);
  const tokens: number[] = [];
  const logProbs: number[] = [];
  while (tokens.length < maxTokens && tokens.at(-1) !== 0) {
    const all = logSoftmax(logitsOf([...promptTokens, ...tokens]));
    const token = sampleIndex(all.map(Math.exp), source.next());
    tokens.push(token);
    logProbs.push(all[token]!);
  }
  const text = tokens.map((token) => letters[token]).join('');
  const finishReason = tokens.at(-1) === 0 ? 'stop' : 'length';
  return { prompt, promptTokens, text, tokens, logProbs, finishReason };
}

/** One softmax over the vocabulary, whatever came before: the logits are the parameters, `table` [V]. */
export function tablePolicy(vocabularySize: number, maxTokens: number): Policy {
  return {
    sample: async (params, requests) => {
      const logits = Array.from(await params['table']!.data());
      return requests.map(({ prompt, seed }) =>
        complete(String(prompt), seed, maxTokens, () => logits),
      );
    },
    forward: (params, { tokens }) =>
      tf.tidy(() => {
        const [rows, columns] = tokens.shape;
        return {
          logits: tf.add(tf.zeros([rows, columns, vocabularySize]), params['table']!),
          features: tf.ones([rows, columns, 2]),
        };
      }),
    padToken: 0,
    featureSize: 2,
  };
}

const width = 3;

/** Parameters of {@link prefixPolicy}; far from 0, so that mistakes show. */
export const prefixParams = (vocabularySize: number, seed = 3): Params => ({
  'embed.weight': randomNormal(rng(seed), [vocabularySize, width], 0.5),
  'lm_head.weight': randomNormal(rng(seed + 1), [vocabularySize, width], 0.8),
});

/**
 * A small language model that reads its whole prefix: the feature is the sum of the embeddings so
 * far, the classifier is linear. `calls` counts the passes through its body; `cut` says where it ends.
 */
export function prefixPolicy(
  vocabularySize: number,
  { maxTokens = 4, cut = false }: { maxTokens?: number; cut?: boolean } = {},
): Policy & { readonly calls: { forward: number; features: number; onTape: number } } {
  const calls = { forward: 0, features: 0, onTape: 0 };
  const features = (params: Params, { tokens }: TokenBatch): tf.Tensor3D =>
    tf.tidy(() => {
      const [rows, columns] = tokens.shape;
      if ((tf.engine() as unknown as { isTapeOn(): boolean }).isTapeOn()) calls.onTape += 1;
      const oneHot = tf.reshape(tf.oneHot(tokens, vocabularySize), [-1, vocabularySize]);
      const embedded = tf.matMul(tf.cast(oneHot, 'float32'), params['embed.weight'] as tf.Tensor2D);
      // Sums over prefixes; tf.cumsum has a wrong gradient along any axis but the last.
      const lower = tf.linalg.bandPart(tf.ones([rows, columns, columns]), -1, 0);
      return tf.matMul(lower, tf.reshape(embedded, [rows, columns, width])) as tf.Tensor3D;
    });
  const logits = (params: Params, inputs: tf.Tensor3D): tf.Tensor3D =>
    tf.tidy(() => {
      const [rows, columns] = inputs.shape;
      const weight = tf.transpose(params['lm_head.weight'] as tf.Tensor2D);
      const flat = tf.matMul(tf.reshape(inputs, [rows * columns, width]), weight);
      return tf.reshape(flat, [rows, columns, vocabularySize]);
    });
  return {
    calls,
    sample: async (params, requests) => {
      const [embed, head] = await Promise.all(
        ['embed.weight', 'lm_head.weight'].map(
          async (name) => (await params[name]!.array()) as number[][],
        ),
      );
      const logitsOf = (tokens: readonly number[]): number[] => {
        const feature = Array.from({ length: width }, (_, d) =>
          tokens.reduce((sum, token) => sum + embed![token]![d]!, 0),
        );
        return head!.map((row) => row.reduce((sum, w, d) => sum + w * feature[d]!, 0));
      };
      return requests.map(({ prompt, seed }) =>
        complete(String(prompt), seed, maxTokens, logitsOf),
      );
    },
    forward: (params, batch) => {
      calls.forward += 1;
      const inputs = features(params, batch);
      return { features: inputs, logits: logits(params, inputs) };
    },
    ...(cut && {
      classifier: {
        names: ['lm_head.weight'],
        features: (params: Params, batch: TokenBatch) => {
          calls.features += 1;
          return features(params, batch);
        },
        logits,
      },
    }),
    padToken: 0,
    featureSize: width,
  };
}

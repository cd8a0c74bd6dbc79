import { logSoftmax, softmaxEntropy, yieldToEventLoop } from '@cfrl/engine';
import { effectiveRank, mean, meanCosine } from '@cfrl/metrics';
import { type Completion, type LanguageModel, bodyFeatures, classifierLogits } from '@cfrl/model';
import { padCompletions } from '@cfrl/rl';
import * as tf from '@tensorflow/tfjs-core';

import { rowsWithin, sequencesWithin } from './batches.js';

/** Memory and interruption of {@link positions}. */
interface PositionsOptions {
  readonly maxBytes: number;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Confidence, entropy and features at every position that a token of a completion was drawn from. Each completion is read once, since a
 * causal model says of all its positions in one pass what it would say of each beginning by itself.
 */
export async function positions(
  model: LanguageModel,
  completions: readonly Completion[],
  { maxBytes, signal }: PositionsOptions,
) {
  const longest = Math.max(...completions.map(lengthOf));
  const size = sequencesWithin(model.config, longest, maxBytes, false);
  const parts: Awaited<ReturnType<typeof read>>[] = [];
  for (let from = 0; from < completions.length; from += size) {
    await yieldToEventLoop(signal);
    const phi = drawnFrom(model, completions.slice(from, from + size));
    const rows = rowsWithin(model.config, maxBytes);
    try {
      for (let row = 0; row < phi.shape[0]; row += rows) {
        await yieldToEventLoop(signal);
        parts.push(await read(model, phi, row, Math.min(rows, phi.shape[0] - row)));
      }
    } finally {
      phi.dispose();
    }
  }
  const features = parts.flatMap((part) => part.features);
  return {
    confidence: mean(parts.flatMap(({ confidence }) => confidence)),
    entropy: mean(parts.flatMap(({ entropy }) => entropy)),
    featureCosine: meanCosine(features),
    effectiveRank: effectiveRank(features),
    featureNorm: mean(features.map(norm)),
  };
}

/** What of a completion is read: the last token decides nothing. */
const lengthOf = ({ promptTokens, tokens }: Completion): number =>
  promptTokens.length + tokens.length - 1;

/** Features at the positions that tokens were drawn from, `[rows, D]`, completion after completion; the caller owns them. */
function drawnFrom({ params, config }: LanguageModel, completions: readonly Completion[]) {
  return tf.tidy(() => {
    const { tokens } = padCompletions(completions, 0); // behind, where a causal model does not look
    const at = completions.flatMap(({ promptTokens, tokens: own }, i) =>
      own.map((_, t) => i * tokens.shape[1] + promptTokens.length - 1 + t),
    );
    const all = tf.reshape(bodyFeatures(params, config, { tokens }), [-1, config.hiddenSize]);
    return tf.gather(all, tf.tensor1d(at, 'int32')) as tf.Tensor2D;
  });
}

/** Features, largest probability and entropy (nats) of some rows, read from the device. */
async function read(
  { params, config }: LanguageModel,
  phi: tf.Tensor2D,
  from: number,
  count: number,
) {
  const said = tf.tidy(() => {
    const features = tf.slice(phi, [from, 0], [count, -1]);
    const logits = classifierLogits(params, config, features);
    const confidence = tf.exp(tf.max(logSoftmax(logits), -1));
    return { features, confidence, entropy: softmaxEntropy(logits) };
  });
  try {
    const all = [said.features, said.confidence, said.entropy].map((tensor) => tensor.array());
    const [features, confidence, entropy] = await Promise.all(all);
    return {
      features: features as number[][],
      confidence: confidence as number[],
      entropy: entropy as number[],
    };
  } finally {
    tf.dispose(said);
  }
}

const norm = (row: readonly number[]): number => Math.sqrt(row.reduce((sum, x) => sum + x * x, 0));

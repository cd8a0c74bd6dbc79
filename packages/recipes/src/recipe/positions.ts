import { logSoftmax, softmaxEntropy, yieldToEventLoop } from '@cfrl/engine';
import { effectiveRank, mean, meanCosine } from '@cfrl/metrics';
import { type Completion, type LanguageModel, bodyFeatures, classifierLogits } from '@cfrl/model';
import * as tf from '@tensorflow/tfjs-core';

import { rowsWithin, sequencesWithin } from './batches.js';

/** Memory and interruption of {@link positions}. */
interface PositionsOptions {
  readonly maxBytes: number;
  readonly signal?: AbortSignal | undefined;
}

/** What a model says at some positions. */
interface Position {
  readonly features: Float32Array;
  /** `[rows]`, the largest probability. */
  readonly confidence: Float32Array;
  /** `[rows]`, nats. */
  readonly entropy: Float32Array;
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
  const parts: Position[] = [];
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
  const features = parts.flatMap((part) => rowsOf(part.features, model.config.hiddenSize));
  return {
    confidence: mean(parts.flatMap(({ confidence }) => [...confidence])),
    entropy: mean(parts.flatMap(({ entropy }) => [...entropy])),
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
  const time = Math.max(...completions.map(lengthOf));
  const tokens = new Int32Array(completions.length * time);
  const at: number[] = [];
  completions.forEach(({ promptTokens, tokens: own }, i) => {
    // Filled up behind, where a causal model does not look.
    tokens.set([...promptTokens, ...own.slice(0, -1)], i * time);
    own.forEach((_, t) => at.push(i * time + promptTokens.length - 1 + t));
  });
  return tf.tidy(() => {
    const input = { tokens: tf.tensor2d(tokens, [completions.length, time], 'int32') };
    const features = bodyFeatures(params, config, input);
    const all = tf.reshape(features, [-1, config.hiddenSize]);
    return tf.gather(all, tf.tensor1d(at, 'int32')) as tf.Tensor2D;
  });
}

async function read(
  { params, config }: LanguageModel,
  phi: tf.Tensor2D,
  from: number,
  count: number,
): Promise<Position> {
  const [features, confidence, entropy] = tf.tidy(() => {
    const part = tf.slice(phi, [from, 0], [count, -1]);
    const logits = classifierLogits(params, config, part);
    return [part, tf.exp(tf.max(logSoftmax(logits), -1)), softmaxEntropy(logits)] as const;
  });
  try {
    const [a, b, c] = await Promise.all([features.data(), confidence.data(), entropy.data()]);
    return {
      features: a as Float32Array,
      confidence: b as Float32Array,
      entropy: c as Float32Array,
    };
  } finally {
    tf.dispose([features, confidence, entropy]);
  }
}

const norm = (row: ArrayLike<number>): number =>
  Math.sqrt(Array.from(row).reduce((sum, x) => sum + x * x, 0));

const rowsOf = (values: Float32Array, width: number): number[][] =>
  Array.from({ length: values.length / width }, (_, i) =>
    Array.from(values.subarray(i * width, (i + 1) * width)),
  );

import {
  type Params,
  type TokenScores,
  classifierScores,
  disposeParams,
  mapRows,
  selectParams,
  tokenScores,
  yieldToEventLoop,
} from '@cfrl/engine';
import * as tf from '@tensorflow/tfjs-core';

import { type BatchTensors, roundingOf, padCompletions, unpadRows } from '../data/batch.js';
import type { Algorithm, Classifier, Completion, Policy } from '../types.js';

/** What a policy says of a batch of completions, over the batch's window. The caller owns the tensors. */
export interface Scores {
  /** `[B, T]`, nats, of the tokens that were sampled; 0 outside of the mask. */
  readonly logProbs: tf.Tensor2D;
  /** `[B, T]`, nats, of the distributions that they were drawn from; 0 outside of the mask. */
  readonly entropy: tf.Tensor2D;
  /** `[B, T]`, reward units, the critic's value of the prefix before each token, if there is a critic. */
  readonly values?: tf.Tensor2D;
}

/** The part of an algorithm that scoring needs. */
export type Critic = Pick<Algorithm, 'values'>;

const inWindow = (x: tf.Tensor3D, { start, width }: BatchTensors): tf.Tensor3D =>
  start === 0 ? x : tf.slice(x, [0, start, 0], [-1, width, -1]);

/** The entries of the mask; a choice, so what stands in the padding reaches neither value nor gradient. */
const inMask = (x: tf.Tensor, { mask }: BatchTensors): tf.Tensor2D =>
  tf.where(mask, x, tf.zerosLike(x)) as tf.Tensor2D;

/** The features `[B, T, D]` over the window, of a policy that is cut at its classifier; the caller owns them. */
export function windowFeatures(
  { classifier }: Policy,
  params: Params,
  batch: BatchTensors,
): tf.Tensor3D | undefined {
  return classifier && tf.tidy(() => inWindow(classifier.features(params, batch), batch));
}

/** The scores by a classifier of its own: a large vocabulary's logits are never there all at once. */
function scoresOf(
  { names, logits }: Classifier,
  params: Params,
  features: tf.Tensor3D,
  targets: tf.Tensor2D,
): TokenScores {
  const own = selectParams(params, (name) => names.includes(name));
  const rowLogits = (rows: tf.Tensor, p: Params): tf.Tensor => {
    const all = logits(p, tf.expandDims(rows, 0) as tf.Tensor3D);
    return tf.reshape(all, [rows.shape[0]!, -1]);
  };
  return classifierScores(rowLogits, features, own, targets);
}

/**
 * Scores the completions of a batch: the log-probability of each sampled token and the entropy of the
 * distribution it came from, in one pass over prompt and completion. Differentiable in the parameters.
 *
 * A policy that samples from a cache gets the same numbers there up to the rounding of another order
 * of sums (about 1e-6 nats in float32); `train` reports the largest difference as `scoringGap`.
 *
 * @param algorithm - for its critic, if it has one
 * @param features - if {@link windowFeatures} has been called already
 * @param microBatchSize - completions whose activations are held at a time; the gradient computes the others again
 */
export function score(
  policy: Policy,
  params: Params,
  batch: BatchTensors,
  algorithm: Critic,
  features?: tf.Tensor3D,
  microBatchSize = Infinity,
): Scores {
  if (batch.tokens.shape[0] <= microBatchSize) {
    return scoreWhole(policy, params, batch, algorithm, features);
  }
  const { start, width, ...tensors } = batch;
  const part = (rows: Params, shared: Params): tf.Tensor => {
    const { features: own, ...some } = rows as typeof tensors & { features?: tf.Tensor3D };
    const scores = scoreWhole(policy, shared, { ...some, start, width }, algorithm, own);
    return tf.stack(Object.values(scores) as tf.Tensor2D[], 2);
  };
  const rows = { ...tensors, ...(features && { features }) };
  return tf.tidy(() => {
    const all = mapRows(part, rows, params, { chunkSize: microBatchSize });
    const [logProbs, entropy, values] = tf.unstack(all, 2) as tf.Tensor2D[];
    return { logProbs: logProbs!, entropy: entropy!, ...(values && { values }) };
  });
}

function scoreWhole(
  policy: Policy,
  params: Params,
  batch: BatchTensors,
  algorithm: Critic,
  features?: tf.Tensor3D,
): Scores {
  return tf.tidy(() => {
    const cut = features ?? windowFeatures(policy, params, batch);
    const whole = cut === undefined ? policy.forward(params, batch) : undefined;
    const inputs = cut ?? inWindow(whole!.features, batch);
    const { logProbs, entropy } = policy.classifier
      ? scoresOf(policy.classifier, params, inputs, batch.targets)
      : tokenScores(inWindow(whole!.logits, batch), batch.targets);
    return {
      logProbs: inMask(logProbs, batch),
      entropy: inMask(entropy, batch),
      ...(algorithm.values && { values: inMask(algorithm.values(params, inputs), batch) }),
    };
  });
}

/** {@link Scores} as plain numbers without padding, each `[B][L_i]`. */
export type ScoredNumbers = { readonly [Name in keyof Scores]: number[][] };

/**
 * Scores completions without gradient.
 *
 * @param scoreTensors - {@link score} for a policy and a critic, compiled
 * @param chunkSize - completions at a time, which bounds the memory
 * @param signal - ends the scoring between two chunks
 */
export async function scoreAll(
  scoreTensors: (params: Params, batch: BatchTensors) => Scores,
  params: Params,
  completions: readonly Completion[],
  policy: Policy,
  chunkSize: number,
  signal?: AbortSignal,
): Promise<ScoredNumbers> {
  const found: { [name: string]: number[][] } = {};
  const size = Math.min(chunkSize, completions.length);
  for (let first = 0; first < completions.length; first += size) {
    await yieldToEventLoop(signal);
    const chunk = completions.slice(first, first + size);
    const { layout, ...padded } = padCompletions(chunk, policy.padToken, roundingOf(policy));
    const { start, width } = layout;
    const made: Params[] = [{ ...padded }];
    try {
      const scores = scoreTensors(params, { ...padded, start, width });
      made.push({ ...scores });
      for (const [name, tensor] of Object.entries(scores)) {
        (found[name] ??= []).push(...unpadRows(await (tensor as tf.Tensor2D).data(), layout));
      }
    } finally {
      made.forEach(disposeParams);
    }
  }
  return found as unknown as ScoredNumbers;
}

import { type Params, gatherLogProbs } from '@cfrl/engine';
import { type LanguageModel, type ModelConfig, forward, initParams } from '@cfrl/model';
import * as tf from '@tensorflow/tfjs-core';

import { type Size, configOf, tokenizer } from '../work/sizes.js';

/** A fresh model; equal on every backend. */
export function freshModel(size: Size): LanguageModel {
  const config = configOf(size);
  return { config, params: initParams(config, 0), tokenizer };
}

/** Log-probabilities of the last tokens of each row, `[rows * last]`, nats. */
export function lastLogProbs(
  params: Params,
  config: ModelConfig,
  rows: readonly (readonly number[])[],
  last: number,
): number[] {
  return tf.tidy(() => {
    const tokens = tf.tensor2d(rows as number[][], undefined, 'int32');
    const time = tokens.shape[1];
    const { logits } = forward(params, config, { tokens });
    const before = tf.slice(logits, [0, time - last - 1, 0], [-1, last, -1]);
    const targets = tf.slice(tokens, [0, time - last], [-1, last]);
    return Array.from(gatherLogProbs(before, targets).dataSync());
  });
}

import type { Params } from '@cfrl/engine';
import * as tf from '@tensorflow/tfjs-core';

import { checkFiniteTensor } from '../check.js';
import { oneHotRows } from '../one-hot.js';
import {
  contextRows,
  resolveSequences,
  sequenceBatches,
  tokenBatch,
} from '../sequences/batches.js';
import type { Sequence, SequenceModel } from '../sequences/sequence-model.js';
import { type SplitModel, classifierOf, untiedFeatures } from '../split-model.js';
import { type Examples, listed, stacked } from '../uses/examples.js';

/** Contexts on one side of a kernel: their features `[N, D]`, and how gradients of these come about. */
export interface FeatureSide {
  readonly phi: tf.Tensor2D;
  readonly examples: Examples;
}

/** Whether contexts are positions of sequences. */
export const isSequenceModel = <X>(model: SplitModel<X> | SequenceModel): model is SequenceModel =>
  'linear' in model;

/** Contexts that a model reads one by one. */
export const contextSide = <X>(
  name: string,
  model: SplitModel<X>,
  contexts: readonly X[],
  batchSize: number,
): FeatureSide => ({
  phi: untiedFeatures('decompose', name, model, contexts, batchSize),
  examples: listed(model.features, contexts),
});

/** Positions of sequences: features of all of them from one forward pass, gradients of each from the tokens up to it. */
export function sequenceSide(
  where: string,
  model: SequenceModel,
  list: readonly Sequence[],
  batchSize: number,
): FeatureSide {
  const [, D] = classifierOf('decompose', model as never).shape;
  if (!model.linear) {
    throw new RangeError(
      `${where}: model.linear is false, expected logits that are linear in the classifier: with a cap on them the kernel does not split`,
    );
  }
  const sequences = resolveSequences(where, model, list);
  const phi = sequenceBatches(sequences, batchSize).map((batch) =>
    tf.tidy(() => {
      const features = model.features(model.params, tokenBatch(batch));
      const rows = tf.tensor1d(contextRows(batch), 'int32');
      return tf.gather(tf.reshape(features, [-1, D]) as tf.Tensor2D, rows);
    }),
  );
  return {
    phi: checkFiniteTensor(`${where}: model.features`, tf.concat(phi, 0) as tf.Tensor2D),
    examples: prefixes(
      model,
      sequences.flatMap(({ tokens, positions }) =>
        positions.map((position) => tokens.slice(0, position + 1)),
      ),
    ),
  };
}

/** Beginnings of sequences, padded behind, as examples of the features at their last tokens. */
function prefixes({ features }: SequenceModel, contexts: readonly (readonly number[])[]): Examples {
  const time = Math.max(...contexts.map((tokens) => tokens.length));
  const batch = { from: 0, time, sequences: contexts.map((tokens) => ({ tokens, positions: [] })) };
  const last = oneHotRows(contexts.map((tokens) => tokens.length - 1), time); // prettier-ignore
  const atLast = (params: Params, { tokens, attentionMask, last: at }: Params): tf.Tensor2D =>
    tf.tidy(() => {
      const given = { tokens: tokens as tf.Tensor2D, attentionMask: attentionMask as tf.Tensor2D };
      const phi = tf.matMul(tf.expandDims(at!, 1), features(params, given));
      return tf.squeeze(phi, [1]) as tf.Tensor2D;
    });
  return stacked(atLast, { ...tokenBatch(batch), last });
}

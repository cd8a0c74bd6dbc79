import type { Params } from '@cfrl/engine';
import * as tf from '@tensorflow/tfjs-core';

import type { Functional } from '../change/functional.js';
import {
  type Contexts,
  contextRows,
  nextTokens,
  sequenceBatches,
  tokenBatch,
} from '../sequences/batches.js';
import type { SequenceModel } from '../sequences/sequence-model.js';

/** The functional at every context, one forward pass a batch of sequences. */
export function valuesAt(
  where: string,
  { params, features, logits, classifier }: SequenceModel,
  moved: Params,
  contexts: readonly Contexts[],
  functional: Functional,
  batchSize: number,
): number[] {
  const all = { ...params, ...moved };
  return sequenceBatches(contexts, batchSize).flatMap((batch) =>
    tf.tidy(() => {
      const D = params[classifier]!.shape[1]!;
      const phi = tf.reshape(features(all, tokenBatch(batch)), [-1, D]);
      const rows = contextRows(batch);
      const next = tf.tensor1d(nextTokens(batch.sequences), 'int32');
      const values = functional.values(logits(all, tf.gather(phi, rows) as tf.Tensor2D), next);
      if (values.rank !== 1 || values.size !== rows.length) {
        throw new RangeError(
          `${where}: functional '${functional.name}' has values of shape [${values.shape.join(', ')}] for ${rows.length} contexts, expected [${rows.length}]`,
        );
      }
      const numbers = [...values.dataSync()];
      if (!numbers.every(Number.isFinite)) {
        throw new RangeError(
          `${where}: functional '${functional.name}' has a value that is NaN or infinite, expected finite numbers; look for huge parameters or learning rates`,
        );
      }
      return numbers;
    }),
  );
}

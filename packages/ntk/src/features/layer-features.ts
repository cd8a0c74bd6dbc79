import {
  type Resolved,
  checkInRange,
  compile,
  option,
  resolveOptions,
  yieldToEventLoop,
} from '@cfrl/engine';
import * as tf from '@tensorflow/tfjs-core';

import { checkFiniteTensor } from '../check.js';
import { ending, groupings } from '../options.js';
import {
  checkSequenceModel,
  contextRows,
  resolveSequences,
  sequenceBatches,
  tokenBatch,
} from '../sequences/batches.js';
import type { Sequence, SequenceModel, TokenBatch } from '../sequences/sequence-model.js';
import { exampleUses } from '../uses/example-uses.js';

/** Options of {@link layerFeatures}. */
export interface LayerFeatureOptions {
  /** The layer that a parameter belongs to. @defaultValue blocks by number, as `layerOfParam` says */
  readonly layerOf?: (name: string) => string;
  /** Bytes that the features of one pass may take. It never changes a result. @defaultValue 2 ** 29 */
  readonly maxBytes?: number;
  /** Stops the work; the promise is then rejected with its reason. */
  readonly signal?: AbortSignal;
}

/** Features of contexts, layer by layer. */
export interface LayerFeatures {
  /** Which context a row is of: the sequence, and the position in it. */
  readonly contexts: readonly { readonly sequence: number; readonly position: number }[];
  /** `[contexts, width]` a layer, in the model's order; last `features`, what the classifier reads. The caller owns the tensors. */
  readonly layers: Readonly<Record<string, tf.Tensor2D>>;
}

const WHERE = 'layerFeatures';

const table = {
  layerOf: groupings.layerOf,
  maxBytes: option(2 ** 29, (where: string, value: number) =>
    checkInRange(where, value, 1, Infinity),
  ),
  ...ending,
};

/**
 * What each layer reads at each position: the rows that go into the first `dense` of the layer, that is the residual stream after the layer's
 * norm, and last the features themselves. How far they vary is what `meanCosine`, `centredVarianceRatio`, `effectiveRank` and the others of
 * `@cfrl/metrics` say; `featureVariability` of `@cfrl/recipes` puts both together.
 *
 *     layers.l: a[sequence, position] of the first matrix of layer l     features: phi[sequence, position]
 *
 * It takes one forward pass a batch. A layer whose first `dense` does not read one row a token is not there.
 *
 * @param model - borrowed
 * @param sequences - sequences, each with the positions to look at
 * @returns the features; the caller owns the tensors
 * @throws RangeError if the sequences do not fit the model, `maxBytes` cannot hold one of them, or features are not finite
 *
 * @example
 * ```ts
 * import { dense } from '@cfrl/engine';
 * import * as tf from '@tensorflow/tfjs-core';
 * const model = {
 *   params: { 'layers.0.weight': tf.tensor2d([[2]]), head: tf.tensor2d([[1], [0]]) },
 *   classifier: 'head',
 *   tied: false,
 *   linear: true,
 *   features: (params, { tokens }) =>
 *     tf.reshape(dense(tf.cast(tf.reshape(tokens, [-1, 1]), 'float32'), params['layers.0.weight'], 'in-out'), [...tokens.shape, 1]),
 *   logits: ({ head }, features) => tf.matMul(features, head, false, true),
 * };
 * const { contexts, layers } = await layerFeatures(model, [{ tokens: [3, 1], positions: [1] }, { tokens: [5] }]);
 * contexts; // => [{ sequence: 0, position: 1 }, { sequence: 1, position: 0 }]
 * [layers['layers.0'].arraySync(), layers.features.arraySync()]; // => [[[1], [5]], [[2], [10]]]
 * ```
 */
export async function layerFeatures(
  model: SequenceModel,
  sequences: readonly Sequence[],
  options: LayerFeatureOptions = {},
): Promise<LayerFeatures> {
  const { layerOf, maxBytes, signal } = resolveOptions(WHERE, options, table);
  checkSequenceModel(WHERE, model);
  const resolved = resolveSequences(`${WHERE}: sequences`, model, sequences);
  const size = sequencesWithin(model, Math.max(...resolved.map(({ tokens }) => tokens.length)), {
    ...{ layerOf, maxBytes, signal },
  });
  // Nothing of the backward pass is asked for, so that no graph has it.
  const look = compile(
    (batch: TokenBatch): Record<string, tf.Tensor> => readings(model, batch, layerOf),
    { name: WHERE },
  );
  const parts: Record<string, tf.Tensor[]> = {};
  try {
    for (const batch of sequenceBatches(resolved, size)) {
      await yieldToEventLoop(signal);
      const given = tokenBatch(batch);
      const found = look(given);
      const rows = tf.tensor1d(contextRows(batch), 'int32');
      for (const [layer, features] of Object.entries(found)) {
        const width = features.shape[2]!;
        (parts[layer] ??= []).push(
          tf.tidy(() => tf.gather(tf.reshape(features, [-1, width]), rows)),
        );
      }
      tf.dispose([given.tokens, given.attentionMask, rows, found]);
    }
    const layers = tf.tidy(() =>
      Object.fromEntries(
        Object.entries(parts).map(([layer, own]) => [
          layer,
          checkFiniteTensor(`${WHERE}: ${layer}`, tf.concat(own) as tf.Tensor2D),
        ]),
      ),
    );
    const contexts = resolved.flatMap(({ positions }, sequence) =>
      positions.map((position) => ({ sequence, position })),
    );
    return { contexts, layers };
  } finally {
    tf.dispose(parts);
    look.dispose();
  }
}

/** `[B, T, width]` a layer. */
function readings(
  { params, features }: SequenceModel,
  batch: TokenBatch,
  layerOf: (name: string) => string,
): Record<string, tf.Tensor> {
  const [B, T] = batch.tokens.shape;
  const { shape } = tf.tidy(() => features(params, batch));
  const { value, uses } = exampleUses((moving) => features(moving, batch), params, tf.ones(shape));
  if (value.rank !== 3 || value.shape[0] !== B || value.shape[1] !== T) {
    throw new RangeError(
      `${WHERE}: model.features has shape [${value.shape.join(', ')}], expected [${B}, ${T}, width] (sequences, tokens)`,
    );
  }
  const read: Record<string, tf.Tensor> = {};
  for (const { kind, name, input } of uses) {
    if (kind === 'dense' && input !== undefined && input.shape[1] === T)
      read[layerOf(name)] ??= input;
  }
  return { ...read, features: value };
}

/** Sequences whose features of all layers fit. */
function sequencesWithin(
  { params, classifier }: SequenceModel,
  time: number,
  { layerOf, maxBytes }: Resolved<typeof table>,
): number {
  const layers = new Set(Object.keys(params).map(layerOf)).size + 1;
  const bytes = 4 * time * layers * (params[classifier]?.shape[1] ?? 1);
  if (maxBytes >= bytes) return Math.floor(Math.min(maxBytes, Number.MAX_SAFE_INTEGER) / bytes);
  throw new RangeError(
    `${WHERE}: maxBytes is ${maxBytes}, expected at least ${bytes} (one sequence of ${time} tokens)`,
  );
}

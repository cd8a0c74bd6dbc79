import { type Params, dense, embedding, fold, randomNormal, rmsNorm, rng } from '@cfrl/engine';
import type { Sequence, SequenceModel, SplitModel, TokenBatch } from '@cfrl/ntk';
import * as tf from '@tensorflow/tfjs-core';

/** Sizes of a tiny causal model of the engine's operations. */
export interface SequenceShape {
  readonly vocabulary: number;
  readonly width: number;
  readonly hidden: number;
  readonly tied?: boolean;
}

const TABLE = 'model.embed_tokens.weight';
const HEAD = 'lm_head.weight';

/** Embedding -> running mean over earlier tokens through a layer of each kind, with a residual -> RMS norm. */
function features(params: Params, { tokens }: TokenBatch): tf.Tensor3D {
  return tf.tidy(() => {
    const [B, T] = tokens.shape;
    const x = embedding(params[TABLE]!, tokens);
    const D = x.shape[2]!;
    const earlier = tf.tensor2d(
      Array.from({ length: T }, (_, t) =>
        Array.from({ length: T }, (_2, s) => (s <= t ? 1 / (t + 1) : 0)),
      ),
    );
    const mean = tf.matMul(tf.tile(tf.expandDims(earlier), [B, 1, 1]), x);
    const rows = tf.reshape(mean, [B * T, D]);
    const p = (name: string) => params[`model.layers.${name}`]!;
    const up = tf.tanh(dense(rows, p('0.mlp.up_proj.weight'), 'out-in', p('0.mlp.up_proj.bias')));
    const down = dense(up, p('1.mlp.down_proj.weight'), 'in-out');
    const sum = tf.add(tf.reshape(x, [B * T, D]), down);
    return tf.reshape(rmsNorm(sum, params['model.norm.weight']!, 1e-3), [B, T, D]) as tf.Tensor3D;
  });
}

/** A random tiny model on sequences; its parameters belong to the scope it is made in. */
export function tinySequenceModel(shape: SequenceShape, seed: number): SequenceModel {
  const { vocabulary: V, width: D, hidden: H, tied = false } = shape;
  const source = rng(fold(seed, 'sequence model'));
  const params = {
    [TABLE]: randomNormal(source, [V, D], 0.8),
    'model.layers.0.mlp.up_proj.weight': randomNormal(source, [H, D], 0.7),
    'model.layers.0.mlp.up_proj.bias': randomNormal(source, [H], 0.3),
    'model.layers.1.mlp.down_proj.weight': randomNormal(source, [H, D], 0.7),
    'model.norm.weight': tf.tidy(() => tf.add(1, randomNormal(source, [D], 0.3))),
    ...(tied ? {} : { [HEAD]: randomNormal(source, [V, D], 0.8) }),
  };
  const classifier = tied ? TABLE : HEAD;
  return {
    params,
    classifier,
    tied,
    linear: true,
    features,
    logits: (moving, phi) => tf.matMul(phi, moving[classifier]!, false, true) as tf.Tensor2D,
  };
}

/** The same model on single contexts: what `decompose` takes. A context's feature is the mean over the sequence's positions. */
export const onContexts = (model: SequenceModel): SplitModel<Sequence> => ({
  params: model.params,
  classifier: model.classifier,
  tied: model.tied,
  features: (params, sequences) =>
    tf.tidy(() =>
      tf.stack(
        sequences.map(({ tokens, positions = tokens.map((_, t) => t) }) => {
          const given = tf.tensor2d([[...tokens]], undefined, 'int32');
          const phi = tf.squeeze(
            model.features(params, {
              tokens: given,
              attentionMask: tf.onesLike(given) as tf.Tensor2D,
            }),
            [0],
          );
          return tf.mean(tf.gather(phi, tf.tensor1d([...positions], 'int32')), 0);
        }),
      ),
    ) as tf.Tensor2D,
});

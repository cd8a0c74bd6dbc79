import { randomInt, randomNormal, rng } from '@cfrl/engine';
import type { Params, Rng } from '@cfrl/engine';
import type { SplitModel } from '@cfrl/ntk';
import * as tf from '@tensorflow/tfjs-core';

/** A context is a list of token ids. */
export type Context = readonly number[];

/** What a tiny model looks like. */
export interface Shape {
  readonly kind: 'mlp' | 'attention';
  readonly tied: boolean;
  readonly vocabulary: number;
  readonly width: number;
  readonly hidden: number;
}

const EMBEDDING = 'model.embed_tokens.weight';
const HEAD = 'lm_head.weight';

const oneHot = (tokens: Context, vocabulary: number): tf.Tensor2D =>
  tf.cast(tf.oneHot(tf.tensor1d([...tokens], 'int32'), vocabulary), 'float32') as tf.Tensor2D;

const affine = (x: tf.Tensor, params: Params, name: string): tf.Tensor2D =>
  tf.add(
    tf.matMul(x as tf.Tensor2D, params[`${name}.weight`] as tf.Tensor2D),
    params[`${name}.bias`]!,
  ) as tf.Tensor2D;

/** Mean embedding -> tanh layer -> linear layer: a bag of words. */
function mlpFeatures(params: Params, contexts: readonly Context[]): tf.Tensor2D {
  return tf.tidy(() => {
    const E = params[EMBEDDING] as tf.Tensor2D;
    const bags = contexts.map((tokens) => tf.mean(oneHot(tokens, E.shape[0]), 0, true));
    const x = tf.matMul(tf.concat(bags, 0) as tf.Tensor2D, E);
    return affine(tf.tanh(affine(x, params, 'model.up')), params, 'model.down');
  });
}

/** Embedding + position -> one causal head at the last token -> residual -> RMS norm with a gain. */
function attentionFeatures(params: Params, contexts: readonly Context[]): tf.Tensor2D {
  return tf.tidy(() => {
    const E = params[EMBEDDING] as tf.Tensor2D;
    const P = params['model.positions.weight'] as tf.Tensor2D;
    const last = contexts.map((tokens) => {
      const T = tokens.length;
      const x = tf.add(tf.matMul(oneHot(tokens, E.shape[0]), E), tf.slice(P, [0, 0], [T, -1]));
      const end = tf.slice(x, [T - 1, 0], [1, -1]) as tf.Tensor2D;
      const project = (h: tf.Tensor, name: string) =>
        tf.matMul(h as tf.Tensor2D, params[`model.${name}.weight`] as tf.Tensor2D);
      const scores = tf.matMul(project(end, 'q'), tf.transpose(project(x, 'k')));
      const attended = tf.matMul(tf.softmax(scores), project(x, 'v'));
      return tf.add(end, project(attended, 'o'));
    });
    const h = tf.concat(last, 0);
    const root = tf.sqrt(tf.add(tf.mean(tf.square(h), -1, true), 1e-3));
    return tf.mul(tf.div(h, root), params['model.norm.weight']!) as tf.Tensor2D;
  });
}

function randomParams(source: Rng, shape: Shape): Params {
  const { kind, tied, vocabulary: V, width: D, hidden: H } = shape;
  const draw = (rows: number, columns: number) =>
    randomNormal(source, [rows, columns], 0.9 / Math.sqrt(rows));
  const embedding = randomNormal(source, [V, D], 0.8);
  const head = tied ? {} : { [HEAD]: randomNormal(source, [V, D], 0.8) };
  const body =
    kind === 'mlp'
      ? {
          'model.up.weight': draw(D, H),
          'model.up.bias': randomNormal(source, [H], 0.3),
          'model.down.weight': draw(H, D),
          'model.down.bias': randomNormal(source, [D], 0.3),
        }
      : {
          'model.positions.weight': randomNormal(source, [8, D], 0.5),
          'model.q.weight': draw(D, H),
          'model.k.weight': draw(D, H),
          'model.v.weight': draw(D, H),
          'model.o.weight': draw(H, D),
          'model.norm.weight': tf.add(1, randomNormal(source, [D], 0.3)),
        };
  return { [EMBEDDING]: embedding, ...body, ...head };
}

/** A random tiny language model; its parameters belong to the caller (to the scope it is in). */
export function tinyModel(shape: Shape, seed: number): SplitModel<Context> {
  return {
    params: tf.tidy(() => randomParams(rng(seed), shape) as Record<string, tf.Tensor>),
    classifier: shape.tied ? EMBEDDING : HEAD,
    tied: shape.tied,
    features: shape.kind === 'mlp' ? mlpFeatures : attentionFeatures,
  };
}

/** `logits(c) = W phi(c)`, the whole model as one function. */
export const logitsFn =
  <X>(model: SplitModel<X>) =>
  (params: Params, contexts: readonly X[]): tf.Tensor2D =>
    tf.tidy(() =>
      tf.matMul(
        model.features(params, contexts),
        tf.transpose(params[model.classifier] as tf.Tensor2D),
      ),
    );

/** Random contexts of one to four tokens. */
export function randomContexts(source: Rng, count: number, vocabulary: number): Context[] {
  return Array.from({ length: count }, () =>
    Array.from({ length: 1 + randomInt(source, 4) }, () => randomInt(source, vocabulary)),
  );
}

import { logSoftmax } from '@cfrl/engine';
import * as tf from '@tensorflow/tfjs-core';

import type { AttributionOptions } from './attribute.js';
import type { Component, EntropyContribution } from './attribution.js';
import { defaultMaxBytes, gram, rowsWithin } from '../kernel/gram.js';
import { gradientRows } from '../kernel/rows.js';
import type { RowSource } from '../kernel/rows.js';
import { sampleState } from '../samples/samples.js';
import type { TokenSample } from '../samples/samples.js';
import {
  checkedFeatures,
  checkUntied,
  classifierOf,
  logitsOf,
  reachesFeatures,
} from '../kernel/split-model.js';
import type { SplitModel } from '../kernel/split-model.js';

/** The contributions per unit of `learningRate * weight / completions`. */
export function unscaledContributions<X>(
  where: string,
  model: SplitModel<X>,
  contexts: readonly X[],
  samples: readonly TokenSample<X>[],
  options: AttributionOptions,
): EntropyContribution[] {
  const { select = () => true, batchSize = 32, layerOf = (name: string) => name } = options;
  const { maxBytes = defaultMaxBytes } = options;
  const result: EntropyContribution[] = [];
  const add = (component: Component, layer: string, change: tf.Tensor): void => {
    result.push({ component, layer, change: change.arraySync() as number[][] });
  };
  tf.tidy(() => {
    const W = classifierOf(where, model);
    const phi = checkedFeatures(`${where}: contexts`, model, contexts, batchSize);
    checkUntied(where, model, contexts, batchSize);
    const sampled = sampleState(where, model, samples, batchSize);
    const h = entropyGradient(logitsOf(phi, W));
    const sampleContexts = samples.map((sample) => sample.context);
    const inner = (a: tf.Tensor2D, b: tf.Tensor2D) => tf.matMul(a, tf.transpose(b));
    const moved = (name: string) => select(name) && reachesFeatures(model)(name);
    // What reaches h or d through the features: one backward pass a row, cotangent W^T h or W^T d.
    const rows = (list: readonly X[], u: tf.Tensor2D): RowSource =>
      gradientRows(model.features, model.params, moved, list, tf.matMul(u, W));
    const left = rows(contexts, h);
    const right = rows(sampleContexts, sampled.d);

    if (select(model.classifier)) {
      const layer = layerOf(model.classifier);
      add('representation', layer, tf.mul(inner(h, sampled.d), inner(phi, sampled.phi)));
      if (model.tied) {
        add('cross', layer, tf.transpose(bilinear(right, model, h, phi)));
        add('crossMirror', layer, bilinear(left, model, sampled.d, sampled.phi));
      }
    }
    const names = Object.keys(model.params).filter(moved);
    if (names.length === 0) return;
    const numbers = names.reduce((sum, name) => sum + model.params[name]!.size, 0);
    const rowsPerBlock = rowsWithin(where, maxBytes, numbers);
    const layers = gram(left, right, { layerOf, rowsPerBlock });
    for (const [layer, change] of Object.entries(layers)) add('gradient', layer, change);
  });
  return result;
}

/** `h`, the gradient of the entropy with respect to the logits, `[n, V]`. */
function entropyGradient(logits: tf.Tensor2D): tf.Tensor2D {
  return tf.tidy(() => {
    const logProbs = logSoftmax(logits);
    const policy = tf.exp(logProbs);
    const mean = tf.sum(tf.mul(policy, logProbs), -1, true); // -H
    return tf.neg(tf.mul(policy, tf.sub(logProbs, mean))) as tf.Tensor2D;
  });
}

/** `u_j^T (d row_i / d W) phi_j`, `[rows, j]`: the indirect gradient of `W` met by a direct one. */
function bilinear<X>(
  source: RowSource,
  model: SplitModel<X>,
  u: tf.Tensor2D,
  phi: tf.Tensor2D,
): tf.Tensor2D {
  const shape = model.params[model.classifier]!.shape as [number, number];
  const products = Array.from({ length: source.count }, (_, i) =>
    tf.tidy(() => {
      const gradient = tf.reshape(source.rows(i, i + 1)[model.classifier]!, shape);
      return tf.sum(tf.mul(tf.matMul(u, gradient), phi), -1);
    }),
  );
  return tf.stack(products) as tf.Tensor2D;
}

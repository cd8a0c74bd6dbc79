import { countParams, logSoftmax, selectParams } from '@cfrl/engine';
import * as tf from '@tensorflow/tfjs-core';

import { gram, rowsWithin } from '../kernel/gram.js';
import { type RowSource, gradientRows } from '../kernel/gradient-rows.js';
import type { SharedOptions } from '../options.js';
import { type TokenSample, sampleState } from '../samples/policy-gradient-step.js';
import {
  type SplitModel,
  classifierOf,
  logitsOf,
  reachesFeatures,
  untiedFeatures,
} from '../split-model.js';

/** A component of the kernel: `R`, `G`, and for tied models `C` and `C'`. */
export type Component = 'representation' | 'gradient' | 'cross' | 'crossMirror';

/** What one component did through one layer. */
export interface EntropyContribution {
  /** The component. */
  readonly component: Component;
  /** The layer; the classifier's, but for `gradient`. */
  readonly layer: string;
  /** `[n][S]`: change of the context's entropy by the sample, nats. */
  readonly change: readonly (readonly number[])[];
}

/** The contributions per unit of `learningRate * weight / completions`. */
export function unscaledContributions<X>(
  where: string,
  model: SplitModel<X>,
  contexts: readonly X[],
  samples: readonly TokenSample<X>[],
  { select, batchSize, layerOf, maxBytes }: Required<SharedOptions>,
): EntropyContribution[] {
  const result: EntropyContribution[] = [];
  const add = (component: Component, layer: string, change: tf.Tensor): void => {
    result.push({ component, layer, change: change.arraySync() as number[][] });
  };
  tf.tidy(() => {
    const W = classifierOf(where, model);
    const phi = untiedFeatures(where, 'contexts', model, contexts, batchSize);
    const sampled = sampleState(where, model, samples, batchSize);
    const h = entropyGradient(logitsOf(phi, W));
    const sampleContexts = samples.map((sample) => sample.context);
    const inner = (a: tf.Tensor2D, b: tf.Tensor2D) => tf.matMul(a, tf.transpose(b));
    const moved = reachesFeatures(model, select);
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
    const numbers = countParams(selectParams(model.params, moved));
    if (numbers === 0) return;
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

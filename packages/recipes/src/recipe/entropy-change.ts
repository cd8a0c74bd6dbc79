import { type Params, disposeParams, mapParams } from '@cfrl/engine';
import { mean } from '@cfrl/metrics';
import type { LanguageModel } from '@cfrl/model';
import { measureStep, predictStep } from '@cfrl/ntk';
import * as tf from '@tensorflow/tfjs-core';

import type { ProbeRow } from '../report/types.js';
import { type Context, lastFeatures, splitModel } from './contexts.js';

type EntropyChange = Required<
  Pick<
    ProbeRow,
    | 'predictedEntropyChange'
    | 'measuredEntropyChange'
    | 'entropyChangeR'
    | 'entropyChangeG'
    | 'attributionResidual'
  >
>;

/**
 * What one update did to the entropy at some contexts: the change to first order, its two parts, and
 * the change that was measured; means over the contexts, nats.
 *
 *     delta H = -sum_v pi_v log pi_v (delta log pi_v),   delta log pi = T (delta W phi + W J_phi delta theta)
 *
 * @param model - with the parameters before the update; borrowed
 * @param after - the parameters after it; borrowed
 * @param contexts - where to look
 * @returns the changes; R is the part through the classifier, G the part through the features
 */
export function entropyChange(
  model: LanguageModel,
  after: Params,
  contexts: readonly Context[],
): EntropyChange {
  const split = splitModel(model);
  const delta = mapParams(model.params, (before, name) => tf.sub(after[name]!, before));
  const measured = measureStep(split, delta, contexts);
  const predicted = predictStep(split, delta, contexts);
  const parts = tf.tidy(() => {
    const W = model.params[split.classifier] as tf.Tensor2D;
    const logits = tf.matMul(lastFeatures(model, contexts), W, false, true);
    const weights = tf.mul(tf.softmax(logits), tf.logSoftmax(logits));
    const change = (logProbs: tf.Tensor): number =>
      0 - tf.sum(tf.mul(weights, logProbs)).dataSync()[0]! / contexts.length; // 0 - x: never -0
    return { R: change(predicted.classifier), G: change(predicted.features) };
  });
  const measuredEntropyChange = mean(measured.entropyChange);
  disposeParams(delta);
  tf.dispose([measured.change, predicted.total, predicted.classifier, predicted.features]);
  return {
    predictedEntropyChange: parts.R + parts.G,
    measuredEntropyChange,
    entropyChangeR: parts.R,
    entropyChangeG: parts.G,
    attributionResidual: measuredEntropyChange - parts.R - parts.G,
  };
}

import { type Params, disposeParams, softmaxEntropy, valueAndGrad } from '@cfrl/engine';
import { type LanguageModel, classifierName, logitsOf } from '@cfrl/model';
import * as tf from '@tensorflow/tfjs-core';

import type { ProbeRow } from '../report/types.js';
import { type Context, lastFeatures } from './contexts.js';

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

/** Mean entropy of the next token over contexts, a scalar in nats. */
const meanEntropy = (model: LanguageModel, params: Params, contexts: readonly Context[]) =>
  tf.tidy(() => {
    const W = params[classifierName(model.config)]!;
    const phi = lastFeatures({ ...model, params }, contexts);
    return tf.mean(softmaxEntropy(logitsOf(model.config, phi, W)));
  });

/**
 * What one update did to the mean entropy at some contexts: the change to first order, its two parts,
 * and the change that was measured.
 *
 *     delta H = <dH/dW, delta W> + <dH/dtheta_phi, delta theta_phi> + O(|delta|^2)
 *
 * The first term came through the classifier (R), the second through everything below it (G). It is
 * `-Cov_pi(log pi, delta z)` at each context; being linear in the step, it takes one backward pass
 * whatever the optimiser was.
 *
 * @param model - untied, with the parameters before the update; borrowed
 * @param after - the parameters after it; borrowed
 * @param contexts - where to look
 * @returns the changes, nats per token
 */
export function entropyChange(
  model: LanguageModel,
  after: Params,
  contexts: readonly Context[],
): EntropyChange {
  const { value, grads } = valueAndGrad((p) => meanEntropy(model, p, contexts))(model.params);
  const classifier = classifierName(model.config);
  let [R, G] = [0, 0];
  for (const [name, gradient] of Object.entries(grads)) {
    const part = tf.tidy(() => {
      const delta = tf.sub(after[name]!, model.params[name]!);
      return tf.sum(tf.mul(gradient, delta)).dataSync()[0]!;
    });
    if (name === classifier) R += part;
    else G += part;
  }
  const now = tf.tidy(() => meanEntropy(model, after, contexts).dataSync()[0]!);
  const measured = now - value.dataSync()[0]!;
  disposeParams(grads);
  value.dispose();
  return {
    predictedEntropyChange: R + G,
    measuredEntropyChange: measured,
    entropyChangeR: R,
    entropyChangeG: G,
    attributionResidual: measured - R - G,
  };
}

import {
  type Params,
  cloneParams,
  disposeParams,
  mergeParams,
  resolveOptions,
  selectParams,
  softmaxEntropy,
  valueAndGrad,
} from '@cfrl/engine';
import * as tf from '@tensorflow/tfjs-core';

import { checkDelta, refuseResult } from '../check.js';
import { type SharedOptions, shared } from '../options.js';
import {
  type SplitModel,
  checkContexts,
  checkUntied,
  classifierOf,
  inBatches,
  logitsOf,
  reachesFeatures,
} from '../split-model.js';

/** Options of {@link entropyChange}. */
export type EntropyChangeOptions = Pick<SharedOptions, 'batchSize'>;

/** What a step did to the mean entropy over contexts, nats. */
export interface EntropyChange {
  /** To first order, the sum of `classifier` and `body`. */
  readonly predicted: number;
  /** By computing the entropy before and after. */
  readonly measured: number;
  /** Part of `predicted` that came through the classifier: `W` moved, the features stayed. */
  readonly classifier: number;
  /** Part of `predicted` that came through the body: the features moved, `W` stayed. */
  readonly body: number;
  /** `measured - predicted`. */
  readonly residual: number;
}

/** The name of `W` as the classifier alone, beside its name as a parameter of the features. */
const DIRECT = ' classifier';

/**
 * What any step did to the mean entropy at some contexts, whichever optimiser took it: the change to first order, its two parts, and
 * the change that was measured.
 *
 *     delta H = <dH/dW, delta W> + <dH/dtheta_phi, delta theta_phi> + O(|delta|^2)
 *
 * The first term came through the classifier, the second through the body. Only for a step of plain gradient ascent are these what
 * came through `R` and through `G`: {@link attributeEntropyChange} then also says from which sample and layer. Of a tied model, `W` is
 * in both: as classifier and as embedding. It takes one backward pass a batch of contexts.
 *
 * @param model - with the parameters before the step; borrowed
 * @param after - the parameters after it; those that are left out, or that are the same tensors, stayed
 * @param contexts - `n` contexts
 * @returns plain numbers, nats, means over the contexts
 * @throws RangeError if `after` is empty, has an unknown name, another shape or an entry that is not finite, `contexts` is empty or has
 *   what the model cannot read, or an untied model's features depend on the classifier
 *
 * @example
 * ```ts
 * import * as tf from '@tensorflow/tfjs-core';
 * const model = {
 *   params: { scale: tf.scalar(1), head: tf.tensor2d([[1], [0]]) },
 *   classifier: 'head',
 *   tied: false,
 *   features: ({ scale }, contexts) => tf.mul(tf.tensor2d(contexts), scale),
 * };
 * // z = [1, 0], and both ways raise z_0 by 0.01: dH/dz_0 = -p (1 - p) = -0.19661
 * const { classifier, body } = entropyChange(model, { scale: tf.scalar(1.01), head: tf.tensor2d([[1.01], [0]]) }, [[1]]);
 * [classifier, body]; // => [-0.0019661, -0.0019661]
 * ```
 */
export function entropyChange<X>(
  model: SplitModel<X>,
  after: Params,
  contexts: readonly X[],
  options: EntropyChangeOptions = {},
): EntropyChange {
  const where = 'entropyChange';
  const { batchSize } = resolveOptions(where, options, shared('batchSize'));
  classifierOf(where, model);
  checkDelta(where, model.params, after, 'after');
  checkContexts(`${where}: contexts`, model, contexts);
  checkUntied(where, model, contexts.slice(0, 1), 1);

  const moved = selectParams(after, (name) => after[name]!.dataId !== model.params[name]!.dataId);
  const direct = moved[model.classifier];
  const reaching = selectParams(moved, reachesFeatures(model));
  const ways: Params = { ...reaching, ...(direct && { [DIRECT]: direct }) };
  let [ofClassifier, ofBody, measured] = [0, 0, 0];
  for (const batch of inBatches(contexts, batchSize)) {
    const share = batch.length / contexts.length;
    const [before, parts] = slopes(model, ways, batch);
    for (const [name, part] of Object.entries(parts)) {
      if (name === DIRECT) ofClassifier += share * part;
      else ofBody += share * part;
    }
    const now = tf.tidy(
      () => meanEntropy(model, mergeParams(model.params, after), {}, batch).dataSync()[0]!,
    );
    measured += share * (now - before);
  }
  const predicted = ofClassifier + ofBody;
  if (!Number.isFinite(predicted)) refuseResult(where, 'the predicted change');
  if (!Number.isFinite(measured)) refuseResult(where, 'the measured change');
  const residual = measured - predicted;
  return { predicted, measured, classifier: ofClassifier, body: ofBody, residual };
}

/** Mean entropy over contexts, a scalar; `ways` may have `W` as the classifier alone. */
function meanEntropy<X>(
  model: SplitModel<X>,
  params: Params,
  { [DIRECT]: direct = params[model.classifier]!, ...moving }: Params,
  contexts: readonly X[],
): tf.Scalar {
  const phi = model.features({ ...params, ...moving }, contexts);
  return tf.mean(softmaxEntropy(logitsOf(phi, direct as tf.Tensor2D))) as tf.Scalar;
}

/** The mean entropy, and the derivative along each way from the parameters before to those after. */
function slopes<X>(
  model: SplitModel<X>,
  after: Params,
  contexts: readonly X[],
): readonly [entropy: number, parts: Readonly<Record<string, number>>] {
  // Copies: a tensor that is two variables at once has one gradient, the sum of both ways.
  const at = cloneParams(
    Object.fromEntries(
      Object.keys(after).map((name) => [
        name,
        model.params[name === DIRECT ? model.classifier : name]!,
      ]),
    ),
  );
  const entropy = (ways: Params): tf.Scalar =>
    tf.tidy(() => meanEntropy(model, model.params, ways, contexts));
  if (Object.keys(at).length === 0) return [tf.tidy(() => entropy({}).dataSync()[0]!), {}];
  const { value, grads } = valueAndGrad(entropy)(at);
  const parts = Object.entries(grads).map(([name, gradient]) => [
    name,
    tf.tidy(() => tf.sum(tf.mul(gradient, tf.sub(after[name]!, at[name]!))).dataSync()[0]!),
  ]);
  const result = [value.dataSync()[0]!, Object.fromEntries(parts)] as const;
  disposeParams(grads);
  disposeParams(at);
  value.dispose();
  return result;
}

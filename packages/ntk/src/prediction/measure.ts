import {
  type Params,
  applyUpdates,
  disposeParams,
  gatherLogProbs,
  logSoftmax,
  mapParams,
  mergeParams,
  resolveOptions,
  selectParams,
  softmaxEntropy,
  valueAndGrad,
} from '@cfrl/engine';
import * as tf from '@tensorflow/tfjs-core';

import { checkDelta, checkFiniteResults, checkSelection } from '../check.js';
import { type SharedOptions, shared } from '../options.js';
import { type PolicyGradientStep, checkStep } from '../samples/policy-gradient-step.js';
import {
  type SplitModel,
  checkedFeatures,
  classifierOf,
  inBatches,
  logitsOf,
} from '../split-model.js';

/** Options of {@link measureStep}. */
export type MeasureStepOptions = Pick<SharedOptions, 'batchSize'>;

/** Options of {@link measureUpdate}. */
export type MeasureUpdateOptions = Pick<SharedOptions, 'select' | 'batchSize'>;

/** What a step did, after minus before. */
export interface Measurement {
  /** Change of `log pi(. | c)`, `[n, V]`, nats; the caller owns it. */
  readonly change: tf.Tensor2D;
  /** Change of the entropy of `pi(. | c)`, `n` numbers, nats. */
  readonly entropyChange: number[];
}

/**
 * Takes any step and measures what it changed: the counterpart of {@link predictStep}.
 *
 * @param model - the model before the step
 * @param delta - the change of each parameter, of its shape; parameters left out stay
 * @param contexts - `n` contexts to measure at
 * @returns log-probabilities' and entropies' change; the caller owns the tensor
 * @throws RangeError as {@link predictStep}, and if the features after the step are not finite
 *
 * @example
 * ```ts
 * import * as tf from '@tensorflow/tfjs-core';
 * const model = {
 *   params: { head: tf.tensor2d([[0], [0]]) },
 *   classifier: 'head',
 *   tied: false,
 *   features: (params, contexts) => tf.tensor2d(contexts),
 * };
 * // softmax([0.2, 0]): log pi falls from -log 2 to -log(1 + e^-0.2) and -log(1 + e^0.2)
 * measureStep(model, { head: tf.tensor2d([[0.1], [0]]) }, [[2]]).change.arraySync();
 * // => [[0.0950083, -0.1049917]]
 * ```
 */
export function measureStep<X>(
  model: SplitModel<X>,
  delta: Params,
  contexts: readonly X[],
  options: MeasureStepOptions = {},
): Measurement {
  const { batchSize } = resolveOptions('measureStep', options, shared('batchSize'));
  checkDelta('measureStep', model.params, delta);
  return measured('measureStep', model, delta, contexts, batchSize);
}

/**
 * Takes one plain policy-gradient step, the gradient by automatic differentiation of the whole
 * model, and measures what it changed: the counterpart of {@link predictUpdate}.
 *
 *     params += learningRate * d/dparams (1 / completions) sum_i weight_i log pi(token_i | c_i)
 *
 * @param model - the model before the step; it stays as it is
 * @param contexts - `n` contexts to measure at
 * @param step - the samples, the step size and the number of completions
 * @returns log-probabilities' and entropies' change; the caller owns the tensor
 * @throws RangeError as {@link predictUpdate}, and if the features after the step are not finite
 *
 * @example
 * ```ts
 * import * as tf from '@tensorflow/tfjs-core';
 * const model = {
 *   params: { head: tf.tensor2d([[0], [0]]) },
 *   classifier: 'head',
 *   tied: false,
 *   features: (params, contexts) => tf.tensor2d(contexts),
 * };
 * const samples = [{ context: [1], token: 0, weight: 1 }];
 * measureUpdate(model, [[1]], { samples, learningRate: 0.2, completions: 1 }).change.arraySync();
 * // => [[0.0950083, -0.1049917]]
 * ```
 */
export function measureUpdate<X>(
  model: SplitModel<X>,
  contexts: readonly X[],
  step: PolicyGradientStep<X>,
  options: MeasureUpdateOptions = {},
): Measurement {
  const table = shared('select', 'batchSize');
  const { select, batchSize } = resolveOptions('measureUpdate', options, table);
  checkStep('measureUpdate', model, step);
  checkSelection('measureUpdate', model.params, select);
  const delta = ascentStep(model, step, select, batchSize);
  try {
    return measured('measureUpdate', model, delta, contexts, batchSize);
  } finally {
    disposeParams(delta);
  }
}

/** `learningRate` times the objective's gradient, by automatic differentiation. */
function ascentStep<X>(
  model: SplitModel<X>,
  { samples, learningRate, completions }: PolicyGradientStep<X>,
  select: (name: string) => boolean,
  batchSize: number,
): Params {
  return tf.tidy(() => {
    const objective = (batch: typeof samples) => (moving: Params) => {
      const params = mergeParams(model.params, moving);
      const phi = model.features(
        params,
        batch.map(({ context }) => context),
      );
      const logits = tf.matMul(phi, tf.transpose(params[model.classifier] as tf.Tensor2D));
      const tokens = tf.tensor1d(
        batch.map(({ token }) => token),
        'int32',
      );
      const weights = tf.tensor1d(batch.map(({ weight }) => weight));
      return tf.div(tf.sum(tf.mul(weights, gatherLogProbs(logits, tokens))), completions);
    };
    const selected = selectParams(model.params, select);
    const parts = inBatches(samples, batchSize).map(
      (batch) => valueAndGrad(objective(batch))(selected).grads,
    );
    return mapParams(selected, (_, name) =>
      tf.mul(tf.addN(parts.map((grads) => grads[name]!)), learningRate),
    );
  });
}

function measured<X>(
  where: string,
  model: SplitModel<X>,
  delta: Params,
  contexts: readonly X[],
  batchSize: number,
): Measurement {
  let entropyChange: number[] = [];
  const change = tf.tidy(() => {
    const logits = (params: Params) => {
      const at = { ...model, params };
      const phi = checkedFeatures(`${where}: contexts`, at, contexts, batchSize);
      return logitsOf(phi, classifierOf(where, at));
    };
    const before = logits(model.params);
    const after = logits(mergeParams(model.params, applyUpdates(model.params, delta)));
    const entropies = tf.sub(softmaxEntropy(after), softmaxEntropy(before));
    entropyChange = Array.from(entropies.dataSync());
    const result = tf.sub(logSoftmax(after), logSoftmax(before)) as tf.Tensor2D;
    return checkFiniteResults(where, { change: result }).change;
  });
  return { change, entropyChange };
}

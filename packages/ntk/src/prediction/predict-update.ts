import { type Params, mapParams, resolveOptions, selectParams, vjp } from '@cfrl/engine';
import * as tf from '@tensorflow/tfjs-core';

import { checkFiniteResults, checkSelection } from '../check.js';
import { shared } from '../options.js';
import { logProbChange } from '../samples/log-prob.js';
import { type Move, logitChange } from './logit-changes.js';
import {
  type PolicyGradientStep,
  type SampleState,
  type StepOptions,
  checkStep,
  sampleState,
} from '../samples/policy-gradient-step.js';
import {
  type SplitModel,
  classifierOf,
  inBatches,
  logitsOf,
  reachesFeatures,
  untiedFeatures,
} from '../split-model.js';

/** First-order changes of `log pi(. | c)`, each `[n, V]`, nats. */
export interface UpdatePrediction {
  /** The sum of the components. */
  readonly total: tf.Tensor2D;
  /** Through `R`: the samples move `W`, and the classifier at `c` shows it. */
  readonly representation: tf.Tensor2D;
  /** Through `G`: the samples move what the features depend on, and the features at `c` show it. */
  readonly gradient: tf.Tensor2D;
  /** Through `C`: the samples move `W` by its path through the features, and the classifier shows it. */
  readonly cross?: tf.Tensor2D;
  /** Through `C'`: the samples move `W` as classifier, and the features show it. */
  readonly crossMirror?: tf.Tensor2D;
}

/**
 * First-order change of the log-probabilities by one plain policy-gradient step, and its split.
 *
 *     delta log pi(. | c) = (learningRate / completions) sum_i weight_i T(c) K(c, c_i) d_i + O(learningRate^2)
 *     K = R + G, and with tied embeddings K = R + G + C + C' (cross and crossMirror are then there)
 *
 * The sum over the samples is one backward pass a batch, what it does one derivative along it. The formula
 * holds for plain gradient ascent; for the step of any other optimiser see {@link predictStep}.
 *
 * @param model - the model before the step
 * @param contexts - `n` contexts to predict at
 * @param step - the samples, the step size and the number of completions
 * @returns `[n, V]` each, nats; the caller owns the tensors
 * @throws RangeError if a token is outside the vocabulary, a weight or the step size is not finite,
 *   there are no samples, `completions` is not a positive integer, and as {@link decompose}
 * @see Tomihari 2026, https://arxiv.org/abs/2601.04670
 *
 * @example
 * ```ts
 * import * as tf from '@tensorflow/tfjs-core';
 * const model = {
 *   params: { scale: tf.scalar(1), head: tf.tensor2d([[1], [1]]) },
 *   classifier: 'head',
 *   tied: false,
 *   features: ({ scale }, contexts) => tf.mul(tf.tensor2d(contexts), scale),
 * };
 * const samples = [{ context: [1], token: 0, weight: 1 }];
 * const change = predictUpdate(model, [[2]], { samples, learningRate: 0.1, completions: 1 });
 * // <phi, phi'> = 2 and d = [1/2, -1/2]: R gives 0.1 * 2 * d. Both rows of W are alike: G d = 0.
 * [change.representation.arraySync(), change.gradient.arraySync()];
 * // => [[[0.1, -0.1]], [[0, 0]]]
 * ```
 */
export function predictUpdate<X>(
  model: SplitModel<X>,
  contexts: readonly X[],
  step: PolicyGradientStep<X>,
  options: StepOptions = {},
): UpdatePrediction {
  const table = shared('select', 'batchSize');
  const { select, batchSize } = resolveOptions('predictUpdate', options, table);
  checkStep('predictUpdate', model, step);
  checkSelection('predictUpdate', model.params, select);
  return tf.tidy((): UpdatePrediction & tf.TensorContainerObject => {
    const W = classifierOf('predictUpdate', model);
    const phi = untiedFeatures('predictUpdate', 'contexts', model, contexts, batchSize);
    const state = sampleState('predictUpdate', model, step.samples, batchSize);
    const scale = step.learningRate / step.completions;
    const weights = step.samples.map(({ weight }) => scale * weight);
    const weighted = tf.mul(state.d, tf.tensor2d(weights, [weights.length, 1])) as tf.Tensor2D;
    const moves = ascent(model, step, weighted, state, select, batchSize);
    const [direct, indirect] = moves.map((move) =>
      logitChange(model, contexts, phi, move, batchSize),
    );

    const logits = logitsOf(phi, W);
    const representation = logProbChange(logits, direct!.classifier);
    const gradient = logProbChange(logits, indirect!.features);
    const total = tf.add(representation, gradient) as tf.Tensor2D;
    if (!model.tied) {
      return checkFiniteResults('predictUpdate', { total, representation, gradient });
    }
    const cross = logProbChange(logits, indirect!.classifier);
    const crossMirror = logProbChange(logits, direct!.features);
    const all = tf.addN([representation, gradient, cross, crossMirror]);
    const parts = { total: all, representation, gradient, cross, crossMirror };
    return checkFiniteResults('predictUpdate', parts);
  }) as UpdatePrediction;
}

/** The step's two halves: what the samples do to `W` as classifier, and to all that reaches `phi`. */
function ascent<X>(
  model: SplitModel<X>,
  { samples }: PolicyGradientStep<X>,
  weighted: tf.Tensor2D,
  { phi }: SampleState,
  select: (name: string) => boolean,
  batchSize: number,
): readonly [direct: Move, indirect: Move] {
  const W = model.params[model.classifier] as tf.Tensor2D;
  const body = selectParams(model.params, reachesFeatures(model, select));
  const cotangents = tf.matMul(weighted, W) as tf.Tensor2D; // W^T d, as rows
  let sum: Params = {};
  let from = 0;
  for (const batch of Object.keys(body).length > 0 ? inBatches(samples, batchSize) : []) {
    const contexts = batch.map((sample) => sample.context);
    const features = (p: Params) => model.features({ ...model.params, ...p }, contexts);
    const { grads } = vjp(features, body, tf.slice(cotangents, [from, 0], [batch.length, -1]));
    from += batch.length;
    const before = sum;
    sum = mapParams(grads, (g, name) => (before[name] ? tf.add(before[name], g) : g));
  }
  const indirect = sum[model.classifier];
  const direct = tf.matMul(tf.transpose(weighted), phi); // sum of d phi^T, [V, D]
  const directMove: Move = select(model.classifier)
    ? { classifier: direct, features: model.tied ? { [model.classifier]: direct } : {} }
    : { features: {} };
  return [directMove, { features: sum, ...(indirect && { classifier: indirect }) }];
}

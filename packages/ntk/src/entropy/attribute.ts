import { checkFinite, checkOptions, checkPositiveInteger } from '@cfrl/engine';

import { attribution } from './attribution.js';
import type { EntropyAttribution, EntropyContribution } from './attribution.js';
import { checkSelection, refuseResult } from '../check.js';
import { unscaledContributions } from './entropy-contributions.js';
import { checkStep } from '../samples/samples.js';
import type { PolicyGradientStep, StepOptions } from '../samples/samples.js';
import type { SplitModel } from '../kernel/split-model.js';

/** Options of {@link attributeEntropyChange}. */
export interface AttributionOptions extends StepOptions {
  /** The layer that a parameter belongs to. @defaultValue the parameter's own name */
  readonly layerOf?: (name: string) => string;
  /**
   * The entropies' measured changes, one a context, nats ({@link measureUpdate} gives them): the
   * result then has a residual. @defaultValue none
   */
  readonly measured?: readonly number[];
}

/**
 * First-order change of each context's entropy by one plain policy-gradient step, and where it came
 * from: which component of the kernel, which layer, which sample.
 *
 *     delta H(c) = - Cov_{v ~ pi(. | c)}(log pi_v, delta z_v) = <h(c), delta z(c)>
 *     h_v = - pi_v (log pi_v + H)
 *
 * `delta z` is a sum over samples, layers and components, and so is the entropy's change. It takes
 * one backward pass a context and one a sample (two when tied). A component or layer of which
 * `select` moves nothing is absent.
 *
 * @param model - the model before the step
 * @param contexts - `n` contexts
 * @param step - `S` samples, the step size and the number of completions
 * @returns plain numbers, nats
 * @throws RangeError if `measured` has not one finite number a context, and as {@link predictUpdate}
 * @see Tomihari 2026, https://arxiv.org/abs/2601.04670
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
 * const samples = [{ context: [1], token: 0, weight: 1 }];
 * const step = { samples, learningRate: 0.1, completions: 1 };
 * const { byComponent } = attributeEntropyChange(model, [[1]], step);
 * // z = [1, 0], pi = [p, 1 - p]: H falls by p (1 - p) a unit of z_0 - z_1. R moves that difference
 * // by 0.1 * 2 (1 - p), and G, through z_0 alone, by 0.1 (1 - p).
 * [byComponent.representation, byComponent.gradient]; // => [[-0.0105754], [-0.0052877]]
 * ```
 */
export function attributeEntropyChange<X>(
  model: SplitModel<X>,
  contexts: readonly X[],
  step: PolicyGradientStep<X>,
  options: AttributionOptions = {},
): EntropyAttribution {
  const { measured, batchSize = 32, select = () => true } = options;
  const where = 'attributeEntropyChange';
  checkOptions(where, options, ['layerOf', 'measured', 'batchSize', 'select', 'maxBytes']);
  checkPositiveInteger(`${where}: batchSize`, batchSize);
  checkStep(where, model, step);
  checkSelection(where, model.params, select);
  if (measured !== undefined) checkMeasured(contexts.length, measured);
  const scale = step.learningRate / step.completions;
  const factors = step.samples.map(({ weight }) => scale * weight);
  const contributions = unscaledContributions(where, model, contexts, step.samples, options).map(
    ({ change, ...rest }): EntropyContribution => ({
      ...rest,
      change: change.map((row) => row.map((value, s) => value * factors[s]!)),
    }),
  );
  for (const { component, change } of contributions) {
    const finite = change.every((row) => row.every(Number.isFinite));
    if (!finite) refuseResult(where, `the change by ${component}`);
  }
  return attribution(contributions, measured);
}

function checkMeasured(n: number, measured: readonly number[]): void {
  if (measured.length !== n) {
    throw new RangeError(
      `attributeEntropyChange: measured has ${measured.length} entries, expected ${n} (contexts)`,
    );
  }
  measured.forEach((value, i) => checkFinite(`attributeEntropyChange: measured[${i}]`, value));
}

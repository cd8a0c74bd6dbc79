import { checkFinite, option, resolveOptions } from '@cfrl/engine';

import { checkSelection, refuseResult } from '../check.js';
import { type SharedOptions, shared } from '../options.js';
import {
  type Component,
  type EntropyContribution,
  unscaledContributions,
} from './contributions.js';
import { type PolicyGradientStep, checkStep } from '../samples/policy-gradient-step.js';
import type { SplitModel } from '../split-model.js';

/** Options of {@link attributeEntropyChange}. */
export interface AttributionOptions extends SharedOptions {
  /**
   * The entropies' measured changes, one a context, nats ({@link measureUpdate} gives them): the
   * result then has a residual. @defaultValue none
   */
  readonly measured?: readonly number[];
}

/** An exact first-order attribution: every view sums to `total`. */
export interface EntropyAttribution {
  /** `[n]`, predicted change of each context's entropy, nats. */
  readonly total: readonly number[];
  /** Component -> `[n]`; the cross components are there exactly when the model is tied. */
  readonly byComponent: Readonly<Partial<Record<Component, readonly number[]>>>;
  /** Layer -> `[n]`. */
  readonly byLayer: Readonly<Record<string, readonly number[]>>;
  /** `[n][S]`, by sample. */
  readonly bySample: readonly (readonly number[])[];
  /** Everything at once: by component, layer, context and sample. */
  readonly contributions: readonly EntropyContribution[];
  /** `[n]`, measured minus predicted; there exactly when `measured` was given. */
  readonly residual?: readonly number[];
}

const table = {
  ...shared('layerOf'),
  measured: option<readonly number[] | undefined>(undefined),
  ...shared('batchSize', 'select', 'maxBytes'),
};

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
  const where = 'attributeEntropyChange';
  const { measured, ...how } = resolveOptions(where, options, table);
  checkStep(where, model, step);
  checkSelection(where, model.params, how.select);
  if (measured !== undefined) checkMeasured(contexts.length, measured);
  const scale = step.learningRate / step.completions;
  const factors = step.samples.map(({ weight }) => scale * weight);
  const contributions = unscaledContributions(where, model, contexts, step.samples, how).map(
    ({ change, ...rest }): EntropyContribution => ({
      ...rest,
      change: change.map((row) => row.map((value, s) => value * factors[s]!)),
    }),
  );
  for (const { component, change } of contributions) {
    const finite = change.every((row) => row.every(Number.isFinite));
    if (!finite) refuseResult(where, `the change by ${component}`);
  }
  return summed(contributions, measured);
}

function checkMeasured(n: number, measured: readonly number[]): void {
  if (measured.length !== n) {
    throw new RangeError(
      `attributeEntropyChange: measured has ${measured.length} entries, expected ${n} (contexts)`,
    );
  }
  measured.forEach((value, i) => checkFinite(`attributeEntropyChange: measured[${i}]`, value));
}

/** The contributions, one a component and layer, summed up in every way. */
function summed(
  contributions: readonly EntropyContribution[],
  measured: readonly number[] | undefined,
): EntropyAttribution {
  const n = contributions[0]!.change.length;
  const S = contributions[0]!.change[0]!.length;
  const byComponent: Partial<Record<Component, number[]>> = {};
  const byLayer: Record<string, number[]> = {};
  const bySample = Array.from({ length: n }, () => new Array<number>(S).fill(0));
  const total = new Array<number>(n).fill(0);
  for (const { component, layer, change } of contributions) {
    const ofComponent = (byComponent[component] ??= new Array<number>(n).fill(0));
    const ofLayer = (byLayer[layer] ??= new Array<number>(n).fill(0));
    change.forEach((row, i) =>
      row.forEach((value, s) => {
        ofComponent[i]! += value;
        ofLayer[i]! += value;
        bySample[i]![s]! += value;
        total[i]! += value;
      }),
    );
  }
  const result = { total, byComponent, byLayer, bySample, contributions };
  if (measured === undefined) return result;
  return { ...result, residual: measured.map((value, i) => value - total[i]!) };
}

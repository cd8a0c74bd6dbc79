import { checkFinite, checkOptions, checkPositiveInteger } from '@cfrl/engine';

import { type LazyModel, type LazyOutputs, flatModel, withLoss } from './lazy-model.js';
import { type OutputLoss, checkedLoss } from './losses.js';

/** Options of {@link lazyTraining}. */
export interface LazyTrainingOptions extends LazyModel {
  /** The loss of the training examples' outputs; of a loss that changes (a new batch a step), a function of the step. */
  readonly loss: OutputLoss | ((step: number) => OutputLoss);
  /** Step size of plain gradient descent. */
  readonly learningRate: number;
  /** Steps to take. */
  readonly steps: number;
}

/** Where a lazy model is after some steps. */
export interface LazyStep extends LazyOutputs {
  /** Steps taken. */
  readonly step: number;
  /** The loss here: of a loss that changes, that of the step to come. */
  readonly loss: number;
}

/**
 * What plain gradient descent would do to a model that stayed lazy, step by step, from its kernel alone: the curve to lay beside the real
 * one. It is exactly what training of {@link linearize}'s model gives.
 *
 *     f_{s+1} = f_s - learningRate K grad loss(f_s),   test: f*_{s+1} = f*_s - learningRate K* grad loss(f_s)
 *
 * Double precision; a step takes `N^2 O^2` multiplications (`N^2 O` with a traced kernel), and as many with `M N` for the test points.
 * Momentum, Adam and weight decay are not this formula.
 *
 * @param options - the kernel, outputs before training, loss, step size and steps
 * @returns a generator of `steps + 1` places, the first before any step; it computes no further than it is asked
 * @throws TypeError or RangeError (at the first place) if shapes do not fit, the kernel is not symmetric, or numbers are not finite; when
 *   the outputs become infinite because the step size is too large
 * @see Jacot et al. 2018, section 5, https://arxiv.org/abs/1806.07572; Lee et al. 2019, https://arxiv.org/abs/1902.06720
 *
 * @example
 * ```ts
 * const options = { kernel: [[2]], initial: [[0]], loss: mseLoss([[1]]), learningRate: 0.25, steps: 2 };
 * [...lazyTraining(options)].map(({ loss, outputs }) => [loss, outputs]); // => [[0.5, [[0]]], [0.125, [[0.5]]], [0.03125, [[0.75]]]]
 * ```
 */
export function* lazyTraining(options: LazyTrainingOptions): Generator<LazyStep, void> {
  const where = 'lazyTraining';
  checkOptions(where, options, ['kernel', 'initial', 'test', 'loss', 'learningRate', 'steps']);
  const { loss, learningRate, steps } = options;
  checkFinite(`${where}: learningRate`, learningRate);
  checkPositiveInteger(`${where}: steps`, steps);
  const { initial, outputsAt } = flatModel(where, options);
  const coefficients = new Float64Array(initial.length);
  for (let step = 0; step <= steps; step++) {
    const { value, gradient } = checkedLoss(where, typeof loss === 'function' ? loss(step) : loss);
    const at = outputsAt(coefficients);
    yield { step, ...withLoss(`${where}: step ${step}`, at, value, 'take a smaller learningRate') };
    gradient(at.outputs)
      .flat()
      .forEach((g, i) => (coefficients[i]! += learningRate * g));
  }
}

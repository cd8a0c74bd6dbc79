import { checkFinite, checkInRange, checkOptions } from '@cfrl/engine';

import { checkNotEmpty } from '../check.js';
import { type LazyModel, type LazyOutputs, flatModel, withLoss } from './lazy-model.js';
import { type OutputLoss, checkedLoss } from './losses.js';
import { follow } from './ode.js';

const MEND = 'look at earlier times, and for a negative learningRate';

/** Options of {@link lazyFlow}. */
export interface LazyFlowOptions extends LazyModel {
  /** The loss of the training examples' outputs. */
  readonly loss: OutputLoss;
  /** What a unit of time is: that of one step of gradient descent with this step size. */
  readonly learningRate: number;
  /** When to look, ascending from 0 on. */
  readonly times: readonly number[];
  /** Largest error of an integration step, relative to how far training has come. @defaultValue 1e-9 */
  readonly tolerance?: number;
}

/** Where a lazy model is after some time. */
export interface LazyTime extends LazyOutputs {
  /** Time that has passed, in steps. */
  readonly time: number;
  /** The loss then. */
  readonly loss: number;
}

/**
 * Gradient flow of a model that stays lazy, under any smooth loss: the limit of {@link lazyTraining} for small steps.
 *
 *     f' = -learningRate K grad loss(f),   f*' = -learningRate K* grad loss(f)
 *
 * By Dormand and Prince's method in double precision. The number of its steps grows with `learningRate * time` times the kernel's largest
 * eigenvalue; of the squared error {@link lazyLeastSquares} is the closed form.
 *
 * @param options - the kernel, outputs before training, loss, unit of time and when to look
 * @returns a generator of one place a time; it computes no further than it is asked
 * @throws TypeError or RangeError (at the first place) if shapes do not fit, the kernel is not symmetric, times do not ascend, or numbers
 *   are not finite; when the flow needs more than some ten million steps, or leaves what numbers
 *   can hold
 * @see Jacot et al. 2018, eq. 3, https://arxiv.org/abs/1806.07572
 *
 * @example
 * ```ts
 * const options = { kernel: [[2]], initial: [[0]], loss: mseLoss([[1]]), learningRate: 0.5, times: [Math.log(2)] };
 * const [{ outputs }] = lazyFlow(options); // 1 - exp(-t)
 * outputs[0][0].toFixed(6); // => "0.500000"
 * ```
 */
export function* lazyFlow(options: LazyFlowOptions): Generator<LazyTime, void> {
  const where = 'lazyFlow';
  const names = ['kernel', 'initial', 'test', 'loss', 'learningRate', 'times', 'tolerance'];
  checkOptions(where, options, names);
  const { learningRate, times, tolerance = 1e-9 } = options;
  const { value, gradient } = checkedLoss(where, options.loss);
  checkFinite(`${where}: learningRate`, learningRate);
  checkInRange(`${where}: tolerance`, tolerance, 1e-14, 0.1);
  checkNotEmpty(`${where}: times`, times);
  times.forEach((time, i) => {
    if (!(Number.isFinite(time) && time >= (times[i - 1] ?? 0))) {
      throw new RangeError(
        `${where}: times[${i}] is ${String(time)}, expected finite times >= 0 that ascend`,
      );
    }
  });
  const { initial, outputsAt } = flatModel(where, options);
  const slope = (coefficients: Float64Array): Float64Array => {
    const { outputs } = outputsAt(coefficients);
    if (!outputs.every((row) => row.every(Number.isFinite))) return coefficients.map(() => NaN);
    return Float64Array.from(gradient(outputs).flat(), (g) => learningRate * g);
  };
  const fail = (): never => {
    throw new RangeError(
      `${where}: the flow is too fast for steps of its integration, expected learningRate * time * (largest eigenvalue of the kernel) ` +
        `below some millions; ${MEND}`,
    );
  };
  let [coefficients, now] = [new Float64Array(initial.length), 0];
  for (const time of times) {
    coefficients = follow(slope, coefficients, time - now, tolerance, fail) as typeof coefficients;
    now = time;
    yield { time, ...withLoss(where, outputsAt(coefficients), value, MEND) };
  }
}

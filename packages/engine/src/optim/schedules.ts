import * as tf from '@tensorflow/tfjs-core';

import { MOST_FLOAT32, checkFinite, checkInRange, checkPositiveInteger } from '../check.js';

/**
 * A learning rate as a function of the number of steps taken so far (0 at the first step). Tensor
 * in, tensor out: the step count lives in the optimiser's state.
 */
export type Schedule = (step: tf.Scalar) => tf.Scalar;

function checkRate(where: string, value: number): void {
  checkInRange(where, checkFinite(where, value), -MOST_FLOAT32, MOST_FLOAT32);
}

const progress = (step: tf.Scalar, steps: number): tf.Scalar =>
  tf.clipByValue(tf.div(step, steps), 0, 1) as tf.Scalar;

/**
 * The same value at every step.
 *
 * @throws RangeError if the value is not finite
 *
 * @example
 * ```ts
 * scheduleValue(constant(0.1), 100); // => 0.1
 * ```
 */
export function constant(value: number): Schedule {
  checkRate('constant: value', value);
  return () => tf.scalar(value);
}

/**
 * A straight line from one value to another, constant afterwards.
 *
 * @param from - value at step 0
 * @param to - value from step `steps` on
 * @param steps - length of the line, in steps
 * @throws RangeError if a value is not finite or `steps` not a positive integer
 *
 * @example
 * ```ts
 * [0, 5, 20].map((step) => scheduleValue(linear(1, 0, 10), step)); // => [1, 0.5, 0]
 * ```
 */
export function linear(from: number, to: number, steps: number): Schedule {
  checkRate('linear: from', from);
  checkRate('linear: to', to);
  checkPositiveInteger('linear: steps', steps);
  return (step) =>
    tf.tidy(() => tf.add(from, tf.mul(to - from, progress(step, steps))) as tf.Scalar);
}

/**
 * Half a cosine wave from one value down to another, constant afterwards.
 *
 * @param from - value at step 0
 * @param to - value from step `steps` on
 * @param steps - length of the half wave, in steps
 * @throws RangeError if a value is not finite or `steps` not a positive integer
 * @see Loshchilov and Hutter 2017, eq. 5, https://arxiv.org/abs/1608.03983
 *
 * @example
 * ```ts
 * [0, 5, 20].map((step) => scheduleValue(cosine(1, 0, 10), step)); // => [1, 0.5, 0]
 * ```
 */
export function cosine(from: number, to: number, steps: number): Schedule {
  checkRate('cosine: from', from);
  checkRate('cosine: to', to);
  checkPositiveInteger('cosine: steps', steps);
  return (step) =>
    tf.tidy(() => {
      const wave = tf.mul(0.5, tf.add(1, tf.cos(tf.mul(Math.PI, progress(step, steps)))));
      return tf.add(to, tf.mul(from - to, wave)) as tf.Scalar;
    });
}

/**
 * A schedule that first rises linearly over some steps: at step `t < steps` the value is
 * `(t + 1) / steps` of the schedule's first value; then the schedule runs from its beginning.
 *
 * @param steps - length of the rise, in steps
 * @throws RangeError if `steps` is not a positive integer
 *
 * @example
 * ```ts
 * [0, 1, 2, 3].map((step) => scheduleValue(warmup(2, constant(1)), step)); // => [0.5, 1, 1, 1]
 * ```
 */
export function warmup(steps: number, schedule: Schedule): Schedule {
  checkPositiveInteger('warmup: steps', steps);
  return (step) =>
    tf.tidy(() => {
      const rise = tf.minimum(tf.div(tf.add(step, 1), steps), 1);
      const later = tf.maximum(tf.sub(step, steps), 0) as tf.Scalar;
      return tf.mul(rise, schedule(later)) as tf.Scalar;
    });
}

/**
 * A schedule's value at a step, as a number: for logs and plots.
 *
 * @param step - steps taken so far, at least 0
 * @throws RangeError if `step` is negative or a constant not finite
 *
 * @example
 * ```ts
 * scheduleValue(0.25, 3); // => 0.25
 * ```
 */
export function scheduleValue(schedule: number | Schedule, step: number): number {
  checkInRange('scheduleValue: step', step, 0, Infinity);
  if (typeof schedule === 'number') return checkFinite('scheduleValue: schedule', schedule);
  return tf.tidy(() => schedule(tf.scalar(step)).dataSync()[0]!);
}

/** The schedule that a number or a schedule stands for, after a check of the number. */
export function toSchedule(where: string, learningRate: number | Schedule): Schedule {
  if (typeof learningRate === 'function') return learningRate;
  checkInRange(where, learningRate, 0, Infinity);
  checkRate(where, learningRate);
  return constant(learningRate);
}

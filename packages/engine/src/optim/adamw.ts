import * as tf from '@tensorflow/tfjs-core';

import { MOST_FLOAT32, checkInRange, checkOptions } from '../check.js';
import { type Params, addPrefix, mapParams, takePrefix } from '../params.js';
import { elementwise } from './elementwise.js';
import { type Schedule, toSchedule } from './schedules.js';
import type { Optimizer } from './types.js';

/** Options of {@link adamw}. */
export interface AdamwOptions {
  /** Step size, or a schedule of it. */
  readonly learningRate: number | Schedule;
  /** Decay of the mean of gradients, in [0, 1). @defaultValue 0.9 */
  readonly beta1?: number;
  /** Decay of the mean of squared gradients, in [0, 1). @defaultValue 0.999 */
  readonly beta2?: number;
  /** Added to the root of the second moment, at least 1e-30. @defaultValue 1e-8 */
  readonly epsilon?: number;
  /** Decoupled weight decay, per unit of learning rate. @defaultValue 0.01 */
  readonly weightDecay?: number;
}

/** Less than this is 0 in float32 where it is used, and an entry without a gradient gets 0 / 0. */
const LEAST_EPSILON = 1e-30;

/** 1 - beta^t without the cancellation that float32 would suffer near beta = 1. */
const biasCorrection = (beta: number, t: tf.Tensor): tf.Tensor =>
  beta === 0 ? tf.scalar(1) : tf.neg(tf.expm1(tf.mul(t, Math.log(beta))));

/**
 * Adam with decoupled weight decay.
 *
 *     m = beta1 m + (1 - beta1) g;   v = beta2 v + (1 - beta2) g^2
 *     update = -learningRate (m / (1 - beta1^t) / (sqrt(v / (1 - beta2^t)) + epsilon) + weightDecay p)
 *
 * @returns the optimiser; its state is `step`, and `m/name` and `v/name` for each parameter
 * @throws RangeError if an option is outside its range or unknown
 * @see Loshchilov and Hutter 2019, algorithm 2, https://arxiv.org/abs/1711.05101
 *
 * @example
 * ```ts
 * import * as tf from '@tensorflow/tfjs-core';
 * const optimizer = adamw({ learningRate: 0.1, weightDecay: 0 });
 * const params = { w: tf.scalar(3) };
 * const { updates } = optimizer.update({ w: tf.scalar(20) }, optimizer.init(params), params);
 * applyUpdates(params, updates).w.arraySync(); // => 2.9
 * ```
 */
export function adamw(options: AdamwOptions): Optimizer {
  checkOptions('adamw', options, ['learningRate', 'beta1', 'beta2', 'epsilon', 'weightDecay']);
  const { beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8, weightDecay = 0.01 } = options;
  const schedule = toSchedule('adamw: learningRate', options.learningRate);
  checkInRange('adamw: beta1', beta1, 0, 1 - Number.EPSILON);
  checkInRange('adamw: beta2', beta2, 0, 1 - Number.EPSILON);
  checkInRange('adamw: epsilon', epsilon, LEAST_EPSILON, MOST_FLOAT32);
  checkInRange('adamw: weightDecay', weightDecay, 0, MOST_FLOAT32);

  const init = (params: Params): Params =>
    tf.tidy(() => ({
      step: tf.scalar(0),
      ...addPrefix('m/', mapParams(params, tf.zerosLike)),
      ...addPrefix('v/', mapParams(params, tf.zerosLike)),
    }));

  return {
    init,
    update: (grads, state, params) =>
      tf.tidy(() => {
        const step = state['step'] as tf.Scalar;
        const t = tf.add(step, 1);
        const oldM = takePrefix('m/', state);
        const oldV = takePrefix('v/', state);
        const rate = tf.neg(schedule(step));
        // -rate m / (1 - beta1^t) / (sqrt(v / c) + epsilon) is scale m / (sqrt(v) + offset), c = 1 - beta2^t.
        const root = tf.sqrt(biasCorrection(beta2, t));
        const scale = tf.div(tf.mul(rate, root), biasCorrection(beta1, t));
        const offset = tf.mul(root, epsilon);
        const decay = tf.mul(rate, weightDecay);
        const [keepM, takeM, keepV, takeV] = [beta1, 1 - beta1, beta2, 1 - beta2].map((x) =>
          tf.scalar(x),
        ) as [tf.Scalar, tf.Scalar, tf.Scalar, tf.Scalar];
        const [updates = {}, m = {}, v = {}] = elementwise(
          Object.keys(grads),
          [grads, oldM, oldV, params],
          (g, mBefore, vBefore, p) => {
            const mean = tf.add(tf.mul(keepM, mBefore!), tf.mul(takeM, g!));
            const square = tf.add(tf.mul(keepV, vBefore!), tf.mul(takeV, tf.square(g!)));
            const adam = tf.div(tf.mul(scale, mean), tf.add(tf.sqrt(square), offset));
            const change = weightDecay === 0 ? adam : tf.add(adam, tf.mul(decay, p!));
            return [change, mean, square];
          },
        );
        return {
          updates,
          state: { step: t, ...addPrefix('m/', m), ...addPrefix('v/', v) } as Params,
        };
      }),
  };
}

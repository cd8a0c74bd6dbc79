import * as tf from '@tensorflow/tfjs-core';

import { checkInRange, checkOptions } from '../check.js';
import { type Params, addPrefix, mapParams, takePrefix } from '../params.js';
import { type Schedule, toSchedule } from './schedules.js';
import type { Optimizer } from './types.js';

/** Options of {@link sgd}. */
export interface SgdOptions {
  /** Step size, or a schedule of it. */
  readonly learningRate: number | Schedule;
  /** Decay of the running sum of gradients, in [0, 1); 0 is plain gradient descent. @defaultValue 0 */
  readonly momentum?: number;
}

/**
 * Stochastic gradient descent, with or without momentum (not dampened, as in PyTorch).
 *
 *     b_t = momentum b_{t-1} + g_t;   update = -learningRate b_t
 *
 * @throws RangeError if an option is outside its range or unknown
 *
 * @example
 * ```ts
 * import * as tf from '@tensorflow/tfjs-core';
 * const optimizer = sgd({ learningRate: 0.5 });
 * const params = { w: tf.scalar(3) };
 * const { updates } = optimizer.update({ w: tf.scalar(2) }, optimizer.init(params), params);
 * applyUpdates(params, updates).w.arraySync(); // => 2
 * ```
 */
export function sgd(options: SgdOptions): Optimizer {
  checkOptions('sgd', options, ['learningRate', 'momentum']);
  const { momentum = 0 } = options;
  const schedule = toSchedule('sgd: learningRate', options.learningRate);
  checkInRange('sgd: momentum', momentum, 0, 1 - Number.EPSILON);

  const init = (params: Params): Params =>
    tf.tidy(() => ({
      step: tf.scalar(0),
      ...(momentum !== 0 && addPrefix('momentum/', mapParams(params, tf.zerosLike))),
    }));

  return {
    init,
    update: (grads, state) =>
      tf.tidy(() => {
        const step = state['step'] as tf.Scalar;
        const rate = tf.neg(schedule(step));
        const buffer = takePrefix('momentum/', state);
        const velocity = mapParams(grads, (g, name) =>
          momentum === 0 ? g : tf.add(tf.mul(momentum, buffer[name]!), g),
        );
        return {
          updates: mapParams(velocity, (v) => tf.mul(rate, v)),
          state: {
            step: tf.add(step, 1),
            ...(momentum !== 0 && addPrefix('momentum/', velocity)),
          } as Params,
        };
      }),
  };
}

import * as tf from '@tensorflow/tfjs-core';

import { checkSameShape, showNames } from '../check.js';
import { type Params, addPrefix, takePrefix } from '../params.js';
import { elementwise } from './elementwise.js';
import type { Optimizer } from './types.js';

/**
 * Transformations one after the other: each gets the former's updates as its gradients.
 *
 * @param optimizers - for example `chain(clipByGlobalNorm(1), adamw({ learningRate }))`
 * @returns one optimiser; its state holds those of the parts under `0/`, `1/`, ...
 * @throws TypeError if an argument is no optimiser
 *
 * @example
 * ```ts
 * import * as tf from '@tensorflow/tfjs-core';
 * const optimizer = chain(clipByGlobalNorm(1), sgd({ learningRate: 1 }));
 * const params = { w: tf.tensor1d([0, 0]) };
 * const { updates } = optimizer.update({ w: tf.tensor1d([30, 40]) }, optimizer.init(params), params);
 * updates.w!.arraySync(); // => [-0.6, -0.8]
 * ```
 */
export function chain(...optimizers: readonly Optimizer[]): Optimizer {
  optimizers.forEach((optimizer, i) => {
    if (typeof optimizer?.init === 'function' && typeof optimizer.update === 'function') return;
    const given = Array.isArray(optimizer) ? 'an array' : typeof optimizer;
    throw new TypeError(
      `chain: optimizers[${i}] is ${given}, expected an optimiser such as sgd({ learningRate: 0.1 }); pass them one by one`,
    );
  });
  return {
    init: (params) =>
      Object.assign({}, ...optimizers.map((o, i) => addPrefix(`${i}/`, o.init(params)))) as Params,
    update: (grads, state, params) =>
      tf.tidy(() => {
        let updates = grads;
        let next: Params = {};
        optimizers.forEach((optimizer, i) => {
          const step = optimizer.update(updates, takePrefix(`${i}/`, state), params);
          updates = step.updates;
          next = { ...next, ...addPrefix(`${i}/`, step.state) };
        });
        return { updates, state: next } as { updates: Params; state: Record<string, tf.Tensor> };
      }),
  };
}

/**
 * Parameters after a step: each plus its update. Parameters without an update stay out, so a
 * frozen part is merged back with `mergeParams`.
 *
 * @param params - parameters before the step, with at least the updates' names
 * @param updates - what an optimiser returned
 * @returns the updated parameters, under the updates' names; the caller owns them
 * @throws RangeError if an update's name is not among the parameters
 *
 * @example
 * ```ts
 * import * as tf from '@tensorflow/tfjs-core';
 * applyUpdates({ w: tf.scalar(3), frozen: tf.scalar(1) }, { w: tf.scalar(-1) }); // => {"w": 2}
 * ```
 */
export function applyUpdates(params: Params, updates: Params): Params {
  const names = Object.keys(updates);
  for (const name of names) {
    const parameter = params[name];
    if (parameter !== undefined) {
      checkSameShape(`applyUpdates: update '${name}'`, updates[name]!, parameter, 'its parameter');
      continue;
    }
    throw new RangeError(
      `applyUpdates: updates has '${name}', expected only names of params: ` +
        showNames(Object.keys(params)),
    );
  }
  return tf.tidy(() => {
    const [sums = {}] = elementwise(names, [updates, params], (update, p) => [tf.add(p!, update!)]);
    return sums;
  });
}

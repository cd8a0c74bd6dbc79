import {
  type Optimizer,
  type Params,
  applyUpdates,
  disposeParams,
  valueAndGrad,
} from '@cfrl/engine';
import * as tf from '@tensorflow/tfjs-core';

/** A training loop's inside: takes a batch, moves the parameters, returns the loss. */
export interface Stepper {
  step(batch: Params): Promise<number>;
  release(): void;
}

/**
 * Training steps with the public functions of the engine.
 *
 * @param initial - where to begin; borrowed
 * @param loss - of parameters and a batch
 * @param optimizer - from gradients to updates
 */
export function stepper(
  initial: Params,
  loss: (params: Params, batch: Params) => tf.Scalar,
  optimizer: Optimizer,
): Stepper {
  let state = tf.tidy(() => ({
    params: Object.fromEntries(Object.entries(initial).map(([name, p]) => [name, tf.clone(p)])),
    moments: { ...optimizer.init(initial) },
  })) as { params: Params; moments: Params };
  const free = (): void => [state.params, state.moments].forEach(disposeParams);
  return {
    step: async (batch) => {
      const { value, params, moments } = tf.tidy(() => {
        const { value, grads } = valueAndGrad((p) => loss(p, batch))(state.params);
        const { updates, state: moments } = optimizer.update(grads, state.moments, state.params);
        return { value, params: applyUpdates(state.params, updates), moments: { ...moments } };
      });
      free();
      state = { params, moments };
      const [number] = await value.data();
      value.dispose();
      return number!;
    },
    release: free,
  };
}

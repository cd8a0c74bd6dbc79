import { type Params, disposeParams, fold, mergeParams, selectParams } from '@cfrl/engine';

import type { Algorithm, Policy } from '../types.js';
import type { TrainState } from './state.js';
import type { TrainOptions } from './train-options.js';

/** What the state before the first step depends on, as `train` is given it. */
export interface InitStateOptions extends Pick<
  TrainOptions<string>,
  'params' | 'optimizer' | 'seed' | 'trainable'
> {
  readonly policy: Pick<Policy, 'featureSize'>;
  readonly algorithm: Pick<Algorithm, 'init'>;
}

/** Parameters with those of the algorithm that are not among them, the names of these, and which of all are trained. */
export function withOwnParams(options: Omit<InitStateOptions, 'optimizer'>, given: Params) {
  const { policy, algorithm, seed, trainable = () => true } = options;
  const fresh = algorithm.init?.(policy.featureSize, fold(seed, 'init')) ?? {};
  disposeParams(selectParams(fresh, (name) => name in given));
  const own = Object.keys(fresh);
  const trains = (name: string): boolean => own.includes(name) || trainable(name);
  return { params: mergeParams(fresh, given), own, trains };
}

/**
 * The state before the first step: the policy's parameters, the algorithm's own, which are made here, and the optimiser's state.
 *
 * @param options - as `train` is given them
 * @returns the state; its tensors are the caller's, but for those of `params` (see `disposeState`)
 *
 * @example
 * ```ts
 * import { sgd } from '@cfrl/engine';
 * import * as tf from '@tensorflow/tfjs-core';
 * const params = { w: tf.scalar(1) };
 * const optimizer = sgd({ learningRate: 1 });
 * const state = initState({ policy: { featureSize: 3 }, params, algorithm: ppo(), optimizer, seed: 7 });
 * Object.keys(state.params); // => ["value_head.weight", "value_head.bias", "w"]
 * ```
 */
export function initState(options: InitStateOptions): TrainState {
  const { params, trains } = withOwnParams(options, options.params);
  return { step: 0, params, optState: options.optimizer.init(selectParams(params, trains)) };
}

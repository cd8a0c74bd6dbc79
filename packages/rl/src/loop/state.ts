import { type Params, disposeExcept } from '@cfrl/engine';

/** Where a training stands: all that the next step needs. */
export interface TrainState {
  /** Steps done, which is the index of the next step. */
  readonly step: number;
  /** All parameters: the policy's, and the algorithm's own. Frozen ones are the tensors passed in. */
  readonly params: Params;
  /** The optimiser's state, of the trained parameters alone. */
  readonly optState: Params;
}

/**
 * Frees a state that `train` made, when nobody needs it any more. The tensors that `train` was given
 * and did not train are in it too; they stay if they are passed as `kept`.
 *
 * @param state - the last state that `train` yielded
 * @param kept - records whose tensors stay, usually the `params` that `train` was given
 *
 * @example
 * ```ts
 * import * as tf from '@tensorflow/tfjs-core';
 * const params = { body: tf.scalar(1), head: tf.scalar(2) };
 * const state = { step: 1, params: { ...params, head: tf.scalar(3) }, optState: {} };
 * disposeState(state, params);
 * [params.body.isDisposed, state.params.head.isDisposed]; // => [false, true]
 * ```
 */
export function disposeState(state: TrainState, ...kept: readonly Params[]): void {
  if (typeof state?.params !== 'object' || typeof state.optState !== 'object') {
    throw new TypeError(
      `disposeState: state is ${String(state)}, expected a state, as in record.state`,
    );
  }
  disposeExcept([state.params, state.optState], kept);
}

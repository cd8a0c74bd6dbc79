import { type Params, disposeExcept } from '@cfrl/engine';

/** Everything that the next step depends on. */
export interface LoopState {
  /** Steps taken. */
  readonly step: number;
  /** Tokens sampled for training so far. */
  readonly sampledTokens: number;
  /** Which part of the recipe the next step belongs to; 0 is the first. */
  readonly stage: number;
  /** The model's parameters, and those that only training needs (a value head). */
  readonly params: Params;
  /** The optimiser's state. */
  readonly optState: Params;
}

/**
 * Frees a recipe's last state, when nobody needs it any more.
 *
 * @param state - the state of the last record
 * @param kept - records whose tensors stay, usually the `params` of the model that RL began with
 *
 * @example
 * ```ts
 * import * as tf from '@tensorflow/tfjs-core';
 * const params = { w: tf.scalar(1) };
 * const state = { step: 1, sampledTokens: 0, stage: 0, params: { w: tf.scalar(2) }, optState: {} };
 * disposeLoopState(state, params);
 * [params.w.isDisposed, state.params.w.isDisposed]; // => [false, true]
 * ```
 */
export function disposeLoopState(state: LoopState, ...kept: readonly Params[]): void {
  disposeExcept([state.params, state.optState], kept);
}

import { type Params, disposeExcept, showValue } from '@cfrl/engine';

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

/** Refuses anything but a state to go on from. */
export function checkFrom(where: string, from: LoopState): void {
  const { step, sampledTokens, stage, params, optState } = (from ?? {}) as Partial<LoopState>;
  const whole = [step, sampledTokens, stage].every((n) => Number.isSafeInteger(n) && n! >= 0);
  const isRecord = (value: unknown): boolean => typeof value === 'object' && value !== null;
  if (whole && isRecord(params) && isRecord(optState)) return;
  throw new TypeError(
    `${where} is ${showValue(from)}, expected a record's state: { step, sampledTokens, stage, params, optState }`,
  );
}

/**
 * Frees a recipe's last state.
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

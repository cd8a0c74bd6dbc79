import type { Params } from '../params.js';

/** State of an optimiser: a flat record of tensors, so that it is saved and restored like parameters. */
export type OptState = Params;

/** What {@link Optimizer.update} returns; the caller owns all tensors. */
export interface OptimizerStep {
  /** What to add to each parameter. */
  readonly updates: Params;
  /** The state after this step. */
  readonly state: OptState;
}

/**
 * A pair of pure functions, as in optax: `init` makes the state, `update` turns gradients into what
 * is added to the parameters. Neither changes nor frees its arguments.
 */
export interface Optimizer {
  /** The state before the first step; the caller owns it. */
  init(params: Params): OptState;
  /** One step for gradients of a quantity to be minimised. */
  update(grads: Params, state: OptState, params: Params): OptimizerStep;
}

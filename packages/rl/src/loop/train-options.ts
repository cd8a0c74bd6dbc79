import type { Optimizer, Params } from '@cfrl/engine';

import type { Algorithm, BatchReward, Policy, Prompt, Reward } from '../types.js';
import type { TrainState } from './state.js';

/** Options of {@link train}. */
export interface TrainOptions<P extends Prompt> {
  /** What is trained. */
  readonly policy: Policy;
  /** Its parameters at the start. They are neither changed nor freed. */
  readonly params: Params;
  /** `reinforce()`, `rloo()`, `ppo()`, `grpo()`, or one of your own. */
  readonly algorithm: Algorithm;
  /** What to complete; at least `promptsPerStep`. */
  readonly prompts: readonly P[];
  /** The task: a function of one completion, or `{ batch }`, one of all together. A throw, or a number that is not finite, ends the training. */
  readonly reward: Reward<P> | BatchReward<P>;
  /** Completions whose rewards are awaited at a time. @defaultValue all */
  readonly rewardConcurrency?: number;
  /** Milliseconds that one call of an asynchronous reward may take; longer ends the training. @defaultValue no limit */
  readonly rewardTimeout?: number;
  /** What turns gradients into updates. */
  readonly optimizer: Optimizer;
  /** Where to end: the number of steps of the whole run, those before `from` among them. */
  readonly steps: number;
  /** Integer in `[0, 2^53)`; it determines prompts, completions, minibatches and the value head. */
  readonly seed: number;
  /** Prompts a step; with the algorithm's `groupSize` it gives the number of completions. */
  readonly promptsPerStep: number;
  /** Which of the policy's parameters are trained; an algorithm's own always are. @defaultValue all */
  readonly trainable?: (name: string) => boolean;
  /** Parameters of the reference policy. With them `klRef` is measured, whatever its weight. */
  readonly refParams?: Params;
  /**
   * Completions whose activations an update holds at a time. The gradient computes those of the others again: the same
   * result up to rounding, for a forward pass more. @defaultValue all of a minibatch
   */
  readonly microBatchSize?: number;
  /**
   * Whether an update runs as one graph where the backend has graphs. `policy.forward` and `algorithm.loss` must then be functions of
   * their arguments alone: they run once for each shape of a batch, not at every step. `'xla'` compiles the graph to machine
   * code: some seconds more before the first step, and less time for each. `false` runs operation by operation,
   * several times slower. @defaultValue true
   */
  readonly compile?: boolean | 'xla';
  /** Ends the run within a step: the iteration throws the signal's reason. */
  readonly signal?: AbortSignal;
  /** Whether records have `update`, what the step added to the trained parameters. @defaultValue false */
  readonly keepUpdate?: boolean;
  /** Where to go on. Its parameters replace those of `params`; it may hold the trained ones only. */
  readonly from?: TrainState;
}

import type { Params } from '@cfrl/engine';

import type { SampledCompletion } from './sample-groups.js';
import type { TrainState } from './state.js';

/** A completion with what it was worth. */
export interface ScoredCompletion extends SampledCompletion {
  /** What the task gave, reward units; the sum of `rewards`, if there are some. */
  readonly reward: number;
  /** `[L]`, reward units, if the task gave one number a token. */
  readonly rewards?: readonly number[];
  /** `[L]`, what each token was reinforced with; zeros if the completion was dropped. */
  readonly advantages: readonly number[];
  /** Whether the algorithm dropped the completion, so that no update had it. */
  readonly dropped?: true;
}

/** Numbers of one step; the README's glossary says what each means. Algorithms add their own. */
export interface StepMetrics {
  /** Reward units. */
  readonly rewardMean: number;
  /** Reward units, with `n - 1`. */
  readonly rewardStd: number;
  /** Over completion tokens, with `n - 1`. */
  readonly advantageStd: number;
  /** Tokens. */
  readonly completionLength: number;
  /** Completion tokens of this step. */
  readonly sampledTokens: number;
  /** Completions that were sampled and not trained on. */
  readonly droppedCompletions: number;
  /** What was minimised. */
  readonly loss: number;
  /** Euclidean norm of the whole gradient, before the optimiser clips it. */
  readonly gradNorm: number;
  /** Nats per completion token. */
  readonly entropy: number;
  /** Nats per completion token. */
  readonly logProbMean: number;
  /** Nats, largest difference between sampled and scored log-probabilities. */
  readonly scoringGap: number;
  /** `klRef`, `explainedVariance`, and what the algorithm reports. */
  readonly [name: string]: number;
}

/** What `train` yields after each step. */
export interface StepRecord {
  /** Index of the step, from 0. */
  readonly step: number;
  /** What to log; all finite. */
  readonly metrics: StepMetrics;
  /** The step's completions, group after group. */
  readonly completions: readonly ScoredCompletion[];
  /** The state after the step, lent until the next one is asked for. */
  readonly state: TrainState;
  /** With `keepUpdate`: what the step added to each trained parameter, lent as the state is. */
  readonly update?: Params;
}

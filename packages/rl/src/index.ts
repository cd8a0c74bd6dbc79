export {
  type Advantage,
  groupNormalize,
  leaveOneOut,
  meanBaseline,
  whiten,
} from './advantages/advantages.js';
export { type GrpoOptions, grpo } from './algorithms/grpo.js';
export { type PpoOptions, ppo } from './algorithms/ppo.js';
export { type ReinforceOptions, reinforce } from './algorithms/reinforce.js';
export { type RlooOptions, rloo } from './algorithms/rloo.js';
export {
  type Layout,
  type PaddedBatch,
  type TokenSequence,
  layoutOf,
  padRows,
  padCompletions,
  unpadRows,
} from './data/batch.js';
export { groupTargets, klPenalties, penalizedReward } from './advantages/group-targets.js';
export { type RegularizeOptions, regularize } from './losses/regularize.js';
export { explainedVariance, scoringGap } from './loop/diagnostics.js';
export { type GaeOptions, gae } from './advantages/gae.js';
export { type KlEstimator, klK1, klK2, klK3 } from './losses/kl.js';
export { completionSeed, minibatches, promptsOfStep } from './data/order.js';
export { type InitStateOptions, initState } from './loop/init-state.js';
export { type TrainState, disposeState } from './loop/state.js';
export type { ScoredCompletion, StepMetrics, StepRecord } from './loop/record.js';
export { type Reduce, fixedLength, perSequence, perToken, sequenceSum } from './losses/reduce.js';
export type { SampledCompletion } from './loop/sample-groups.js';
export {
  type ClipOptions,
  clippedSurrogate,
  policyGradient,
  ratioMetrics,
  sequenceLogRatio,
} from './losses/surrogate.js';
export { train } from './loop/train.js';
export type { TrainOptions } from './loop/train-options.js';
export type {
  Algorithm,
  BatchReward,
  ChatMessage,
  ChatPrompt,
  Classifier,
  Completion,
  Earned,
  LossInput,
  LossResult,
  Policy,
  Prepared,
  Prompt,
  PromptContent,
  Reward,
  RewardOptions,
  Rollout,
  SampleOptions,
  SampleRequest,
  Target,
  Targets,
  TokenBatch,
} from './types.js';
export { initValueHead, valueHead } from './algorithms/value-head.js';
export { type ValueLoss, clippedSquaredError, squaredError } from './losses/value-loss.js';

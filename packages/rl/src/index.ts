export { type Advantage, groupNormalize, leaveOneOut, meanBaseline, whiten } from './advantages.js';
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
  padTokens,
  unpadRows,
} from './batch.js';
export {
  type RegularizeOptions,
  groupTargets,
  klPenalties,
  penalizedReward,
  regularize,
} from './compose.js';
export { explainedVariance, scoringGap } from './diagnostics.js';
export { type GaeOptions, gae } from './gae.js';
export { type KlEstimator, klK1, klK2, klK3 } from './kl.js';
export { completionSeed, minibatches, promptsOfStep } from './order.js';
export { type TrainState, disposeState } from './ownership.js';
export type { ScoredCompletion, StepMetrics, StepRecord } from './record.js';
export { type Reduce, fixedLength, perSequence, perToken, sequenceSum } from './reduce.js';
export type { SampledCompletion } from './sample-groups.js';
export {
  type ClipOptions,
  clippedSurrogate,
  policyGradient,
  ratioMetrics,
  sequenceLogRatio,
} from './surrogate.js';
export { train } from './train.js';
export type { TrainOptions } from './train-options.js';
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
export { initValueHead, valueHead } from './value-head.js';
export { type ValueLoss, clippedSquaredError, squaredError } from './value-loss.js';

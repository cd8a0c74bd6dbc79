export { collectExperiment } from './experiment/collect.js';
export { type ExperimentConfig, demo, quickDemo, setup, type Setup } from './experiment/config.js';
export { type ExperimentProgress, runExperiment, writeReport } from './experiment/experiment.js';
export type { Environment, UnitProgress } from './experiment/units.js';
export { type CfrlOptions, cfrl, type StandardRlOptions, standardRl } from './recipe/cfrl.js';
export {
  type CheckpointExplanation,
  type ExplainCheckpointsOptions,
  explainCheckpoints,
} from './explain/explain-checkpoints.js';
export type { PromptLine } from './explain/read-prompts.js';
export { type Context, type SplitLanguageModel, splitModel } from './recipe/contexts.js';
export {
  type LayerVariability,
  type Variability,
  featureVariability,
} from './recipe/feature-variability.js';
export {
  type LanguageModelPolicy,
  type PolicyOptions,
  languageModelPolicy,
} from './recipe/policy.js';
export { type Probe, probe, type ProbeOptions } from './recipe/probe.js';
export type { ProbeRecord, RecipeOptions, RecipeRecord } from './recipe/stages.js';
export { type SequenceLanguageModel, sequenceModel } from './recipe/sequence-model.js';
export { warmStart, type WarmStartOptions, type WarmStartRecord } from './recipe/warm-start.js';
export * from './report/index.js';
export { type LoopState, disposeLoopState } from './run/loop-state.js';
export {
  type LoopRecord,
  type RecordedLoop,
  finishedStep,
  recordLoop,
} from './run/resumable-loop.js';
export { openRun, type Row, type RunConfig, type RunFolder } from './run/run-folder.js';
export { addition, type AdditionOptions } from './tasks/addition.js';
export type { CharacterTask, Task, TaskPrompt, TextPrompt } from './tasks/task.js';

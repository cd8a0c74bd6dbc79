export { attributeEntropyChange } from './entropy/attribute-to-kernel.js';
export type { AttributionOptions, EntropyAttribution } from './entropy/attribute-to-kernel.js';
export type { Component, EntropyContribution } from './entropy/contributions.js';
export { entropyChange } from './entropy/change-by-part.js';
export type { EntropyChange, EntropyChangeOptions } from './entropy/change-by-part.js';
export { type AssembledKernels, assemble } from './kernel/assemble.js';
export type { CrossTerms } from './kernel/cross-terms.js';
export {
  type Decomposition,
  type DecomposeOptions,
  type GradientComponent,
  decompose,
  underClassifier,
} from './kernel/decompose.js';
export {
  diagonalNtk,
  empiricalNtk,
  explainCost,
  layerNtk,
  pseudoNtk,
  traceNtk,
} from './kernel/empirical-ntk.js';
export type { ExplainCostOptions, LayerNtkOptions } from './kernel/empirical-ntk.js';
export type { KernelCost, LayerCost, Method, MethodCost } from './kernel/cost.js';
export type { NtkOptions } from './kernel/kernels.js';
export type { ExampleBatch } from './uses/examples.js';
export type { Apply } from './kernel/gradient-rows.js';
export { type JacobianOptions, jacobian } from './kernel/jacobian.js';
export type { KernelOperator, ProductOptions } from './kernel/operator.js';
export { kernelOperator, kernelProduct, logitKernelOperator } from './kernel/products.js';
export { linearize } from './linear/linearize.js';
export type { LazyModel, LazyOutputs, PlainKernel } from './linear/lazy-model.js';
export { type LazyFlowOptions, type LazyTime, lazyFlow } from './linear/lazy-flow.js';
export { type LazyStep, type LazyTrainingOptions, lazyTraining } from './linear/lazy-training.js';
export type {
  KernelRegressionOptions,
  LazyLeastSquares,
  LazyLeastSquaresOptions,
  LeastSquaresOptions,
  LeastSquaresOutputs,
} from './linear/least-squares.js';
export { kernelRegression, lazyLeastSquares } from './linear/least-squares.js';
export {
  type OutputLoss,
  type OutputSample,
  crossEntropyLoss,
  mseLoss,
  policyGradientLoss,
} from './linear/losses.js';
export type { Rows } from './linear/rows.js';
export type {
  Measurement,
  MeasureStepOptions,
  MeasureUpdateOptions,
} from './prediction/measure.js';
export { measureStep, measureUpdate } from './prediction/measure.js';
export { predictStep } from './prediction/predict-step.js';
export type { PredictStepOptions, StepPrediction } from './prediction/predict-step.js';
export { type UpdatePrediction, predictUpdate } from './prediction/predict-update.js';
export { logProbChange, logProbTransform, sampleGradient } from './samples/log-prob.js';
export type {
  PolicyGradientStep,
  StepOptions,
  TokenSample,
} from './samples/policy-gradient-step.js';
export { type RecordedCompletion, type ToSamplesOptions, toSamples } from './samples/to-samples.js';
export type { SplitModel } from './split-model.js';
export { kindOfParam, layerOfParam } from './groups.js';
export type { Sequence, SequenceModel, TokenBatch } from './sequences/sequence-model.js';
export {
  type SketchedDecomposition,
  type SketchOptions,
  type SketchProgress,
  sketchDecomposition,
} from './sketch/sketch-decomposition.js';
export type { Interval, PairEstimates, SketchedKernel } from './sketch/estimate.js';
export {
  type ExplainOptions,
  type ExplainProgress,
  explainChange,
} from './change/explain-change.js';
export type {
  ChangeExplanation,
  ChangePart,
  ContextChange,
  PlacedChange,
} from './change/explanation.js';
export {
  type Functional,
  confidenceFunctional,
  entropyFunctional,
  logProbFunctional,
} from './change/functional.js';
export { sumChanges } from './change/sum-changes.js';
export type { Way } from './change/slopes.js';
export { type AttributeStepOptions, attributeStep } from './attribution/attribute-step.js';
export type { StepAttribution, StepPair, StepPart } from './attribution/attribution.js';
export {
  type ReinforcedSequence,
  type SequenceStep,
  sequenceStepDelta,
} from './samples/sequence-step.js';
export { stepOfRecord } from './samples/step-of-record.js';
export {
  type CounterfactualOptions,
  type Counterfactuals,
  type StepCounterfactuals,
  stepCounterfactuals,
} from './attribution/counterfactuals.js';
export {
  type EigenOptions,
  type Eigenpairs,
  type SymmetricOperator,
  topEigenpairs,
} from './sketch/top-eigenpairs.js';
export {
  type LayerFeatureOptions,
  type LayerFeatures,
  layerFeatures,
} from './features/layer-features.js';

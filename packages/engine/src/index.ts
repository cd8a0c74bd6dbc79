export {
  type GradientSum,
  type WeightedLoss,
  gradientSum,
  meanGradient,
} from './gradients/accumulate.js';
export { describeBackend } from './backend/describe.js';
export { installNative } from './backend/install-native.js';
export type {
  BackendInfo,
  BackendName,
  BackendRoute,
  InstallEvent,
  InstallNativeOptions,
  NativeInstall,
  Rejection,
  UseBackendOptions,
} from './backend/types.js';
export { useBackend } from './backend/use-backend.js';
export {
  MOST_FLOAT32,
  type Option,
  type Resolved,
  between,
  checkFinite,
  checkFunction,
  checkInRange,
  checkOptions,
  checkPositiveInteger,
  checkSameShape,
  checkSeed,
  checkSignal,
  checkTensor,
  checkTokens,
  option,
  required,
  resolveOptions,
  showNames,
  showValue,
} from './check.js';
export { type MapRowsOptions, rematerialize, mapRows } from './gradients/rematerialize.js';
export { type Compiled, compile } from './compile/compile.js';
export type { CompileEvent, CompileOptions } from './compile/options.js';
export { isRecording } from './compile/recorder.js';
export { repeat } from './compile/repeat.js';
export { type PadOptions, bucket, padTo } from './compile/pad.js';
export {
  type AnyRank,
  type StateAndOutput,
  type StatefulFunction,
  compileWithState,
} from './compile/with-state.js';
export { yieldToEventLoop } from './event-loop.js';
export {
  type ValueAndGrad,
  type ValueAuxAndGrad,
  valueAndGrad,
  valueAuxAndGrad,
  vjp,
} from './gradients/grad.js';
export { type ValueAndTangent, jvp } from './gradients/jvp.js';
export { type NameSelection, matching } from './matching.js';
export { type ClassifierScoresOptions, classifierScores } from './numerics/classifier-scores.js';
export { logSoftmax, stopGradient } from './numerics/log-softmax.js';
export { maskedMean, maskedSum } from './numerics/masked.js';
export {
  type TokenScores,
  crossEntropy,
  gatherLogProbs,
  softmaxEntropy,
  tokenScores,
} from './numerics/token-scores.js';
export { gelu, geluTanh, softCap, swiGlu } from './ops/activation.js';
export { type AttentionOptions, attention } from './ops/attention.js';
export { type MaskRules, causalMask, paddingBias } from './ops/attention-bias.js';
export { dense } from './ops/dense.js';
export type { WeightLayout } from './ops/weight-layout.js';
export { embedding } from './ops/embedding.js';
export { mergeHeads, splitHeads } from './ops/heads.js';
export { layerNorm, rmsNorm } from './ops/norm.js';
export { placeColumn } from './ops/place-column.js';
export {
  type RotaryOptions,
  type RotaryTables,
  partialRotary,
  rotary,
  rotaryTables,
} from './ops/rotary.js';
export type { RotaryScaling } from './ops/rotary-scaling.js';
export { type AdamwOptions, adamw } from './optim/adamw.js';
export { applyUpdates, chain } from './optim/chain.js';
export { clipByGlobalNorm, globalNorm } from './optim/clip.js';
export {
  type Schedule,
  constant,
  cosine,
  linear,
  scheduleValue,
  warmup,
} from './optim/schedules.js';
export { type SgdOptions, sgd } from './optim/sgd.js';
export type { OptState, Optimizer, OptimizerStep } from './optim/types.js';
export {
  type Params,
  addPrefix,
  cloneParams,
  countParams,
  disposeExcept,
  disposeParams,
  mapParams,
  mergeParams,
  selectParams,
  takePrefix,
} from './params.js';
export {
  type ParameterUse,
  type ParameterUses,
  parameterUses,
} from './gradients/parameter-uses.js';
export { notesUses } from './gradients/use-scope.js';
export { normal, randomInt, randomNormal, sampleIndex, shuffle } from './random/distributions.js';
export { fold } from './random/fold.js';
export { type Rng, rng } from './random/rng.js';

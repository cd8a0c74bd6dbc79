export {
  type Architecture,
  type ModelConfig,
  type ModelConfigOptions,
  modelConfig,
  validateConfig,
} from './config.js';
export { type ForwardInput, type ForwardOutput, forward } from './forward.js';
export { initParams, paramShapes } from './init.js';
export { CLASSIFIER, body, classifier, classifierName, untie } from './partition.js';
export { decodeSafetensors } from './safetensors/decode.js';
export { encodeSafetensors } from './safetensors/encode.js';
export {
  type HuggingFaceConfig,
  fromHuggingFaceConfig,
  toHuggingFaceConfig,
} from './huggingface-config.js';
export type { Completion, FinishReason, SampledToken } from './generation/completion.js';
export type { Constraint } from './generation/constraint/constraint.js';
export { type Json, jsonConstraint } from './generation/constraint/json-schema.js';
export { regexConstraint } from './generation/constraint/regex.js';
export { generate, generateStream } from './generation/generate.js';
export type { GenerateOptions, LanguageModel } from './generation/options.js';
export { minP, temperature, topK, topP, typicalP } from './generation/processors/filters.js';
export {
  frequencyPenalty,
  presencePenalty,
  repetitionPenalty,
} from './generation/processors/penalties.js';
export type { LogitsProcessor, Written } from './generation/processors/processor.js';
export {
  badWords,
  logitBias,
  minNewTokens,
  noRepeatNgrams,
  sequenceBias,
} from './generation/processors/sequences.js';
export { byteTokenizer } from './tokenizer/byte.js';
export { charTokenizer } from './tokenizer/char.js';
export { tokenizerFromJson } from './tokenizer/from-json.js';
export type { AddedToken, Tokenizer, TokenizerJson } from './tokenizer/types.js';

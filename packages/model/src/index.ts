export {
  type ChatMessage,
  type ChatOptions,
  type RenderedChat,
  applyChatTemplate,
} from './chat/apply.js';
export {
  ARCHITECTURES,
  type Activation,
  type Architecture,
  type ModelConfig,
  type ModelConfigOptions,
  type ModelVariation,
} from './config/types.js';
export { modelConfig, validateConfig } from './config/config.js';
export {
  type ForwardInput,
  type ForwardOptions,
  type ForwardOutput,
  bodyFeatures,
  classifierLogits,
  forward,
} from './transformer/forward.js';
export { initParams, paramShapes } from './transformer/init-params.js';
export { type LoraOptions, addLora } from './lora/add.js';
export { mergeLora, unmergeLora } from './lora/merge.js';
export { type LoraConfig, isLora } from './lora/factors.js';
export { adapterParams } from './lora/modules.js';
export { logitsOf } from './transformer/logits.js';
export { CLASSIFIER } from './architecture/param-specs.js';
export { body, classifier, classifierName, isClassifier, untie } from './transformer/partition.js';
export { checkContexts, lastFeatures, promptTokens } from './contexts.js';
export { decodeSafetensors } from './safetensors/decode.js';
export { encodeSafetensors } from './safetensors/encode.js';
export {
  type HuggingFaceConfig,
  fromHuggingFaceConfig,
  toHuggingFaceConfig,
} from './huggingface/config-json.js';
export type { Completion, FinishReason, SampledToken } from './generation/completion.js';
export type { Constraint } from './generation/constraint/constraint.js';
export { type Json, jsonConstraint } from './generation/constraint/json-schema.js';
export { regexConstraint } from './generation/constraint/regex.js';
export { generate, generateStream } from './generation/generate.js';
export {
  type GenerationDefaults,
  type ResolvedGeneration,
  resolveGeneration,
} from './generation/defaults.js';
export type { LanguageModel } from './generation/language-model.js';
export type { GenerateOptions } from './generation/options.js';
export {
  type ChatPrompt,
  type EncodedPrompt,
  type Prompt,
  encodePrompts,
} from './generation/prompts.js';
export {
  type BatchOptions,
  type PadOptions,
  type PaddedTokens,
  encodeBatch,
  padTokens,
} from './tokenizer/batch.js';
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
export {
  type ChatTemplate,
  type DecodeOptions,
  type Encoding,
  type PretrainedTokenizer,
  type TokenizerFiles,
  type TokenizerOptions,
  tokenizerFromFiles,
} from './tokenizer/pretrained.js';
export { type DecodeStream, decodeStream } from './tokenizer/stream.js';
export type { AddedToken, EncodeOptions, Tokenizer, TokenizerJson } from './tokenizer/types.js';

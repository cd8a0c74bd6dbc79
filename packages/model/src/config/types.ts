import type { Params, RotaryScaling } from '@cfrl/engine';

import type { LoraConfig } from '../lora/factors.js';

/** The architectures that one decoder serves, by transformers' `model_type`. */
export const ARCHITECTURES = [
  'gpt2',
  'llama',
  'gpt_neox',
  'opt',
  'mistral',
  'qwen2',
  'qwen3',
  'gemma',
  'gemma2',
  'gemma3_text',
  'phi3',
  'olmo2',
  'smollm3',
  'stablelm',
  'cohere',
] as const;

/** One of {@link ARCHITECTURES}. */
export type Architecture = (typeof ARCHITECTURES)[number];

/** What an MLP without a gate applies. */
export type Activation = 'gelu' | 'geluTanh' | 'relu';

/**
 * What models of one architecture may vary. Each architecture has some of these; what is absent is as
 * usual there.
 */
export interface ModelVariation {
  /** `d`, width of a head. @defaultValue hiddenSize / heads */
  readonly headDim: number;
  /** Whether the projections of attention have biases; those into heads only for `stablelm`, all projections for `opt`. */
  readonly attentionBias: boolean;
  /** Whether the projections of the MLP have biases. */
  readonly mlpBias: boolean;
  /** Whether queries and keys are normed, where there is a choice. */
  readonly qkNorm: boolean;
  /** Whether attention and the MLP read the same residual stream. */
  readonly parallelResidual: boolean;
  /** What the MLP applies, where there is a choice. */
  readonly activation: Activation;
  /** Share of each head's channels that turn, in (0, 1]. */
  readonly partialRotaryFactor: number;
  /** How the rotary wavelengths are stretched; absent: they are not. */
  readonly ropeScaling: RotaryScaling;
  /** For each layer, whether its queries and keys turn; absent: all do. */
  readonly ropeLayers: readonly boolean[];
  /** Base of the rotary wavelengths in layers with a window; absent: `ropeTheta`, scaled. */
  readonly localRopeTheta: number;
  /** Tokens that a token sees at most, its own included; absent: all before it. */
  readonly slidingWindow: number;
  /** For each layer, whether it has the window; absent: all have. */
  readonly slidingLayers: readonly boolean[];
  /** Scores are divided by its root. @defaultValue headDim */
  readonly queryScalar: number;
  /** Bounds the scores of attention; absent: they have no bound. */
  readonly attentionSoftCap: number;
  /** Bounds the logits, which then are not linear in the classifier; absent: they have no bound. */
  readonly logitSoftCap: number;
  /** What the product of features and classifier is multiplied by. */
  readonly logitScale: number;
}

/** Everything that determines a model's parameters and its forward pass: a plain record. The default values are those of `modelConfig`. */
export interface ModelConfig extends Partial<ModelVariation> {
  /** Names and wiring of the layers. */
  readonly architecture: Architecture;
  /** `V`, tokens in the vocabulary. */
  readonly vocabSize: number;
  /** `D`, width of the residual stream and of the features. */
  readonly hiddenSize: number;
  /** Width inside the MLP. @defaultValue 4 * hiddenSize */
  readonly intermediateSize: number;
  /** `L`, number of blocks. */
  readonly layers: number;
  /** `H`, query heads; divides `hiddenSize`, unless `headDim` is given. */
  readonly heads: number;
  /** Key and value heads (grouped-query attention); divides `heads`. `gpt2`, `gpt_neox` and `opt` have as many as `heads`. @defaultValue heads */
  readonly keyValueHeads: number;
  /** Longest sequence in tokens; with dynamic rotary scaling, times its factor. */
  readonly maxPositions: number;
  /** Added to the variance (layer norm) or the mean square (RMS norm). @defaultValue 1e-5 */
  readonly normEpsilon: number;
  /** Base of the rotary wavelengths. Without effect where positions are learned. @defaultValue 10000 */
  readonly ropeTheta: number;
  /** Whether the embedding serves as the classifier; then there is no `lm_head.weight`. @defaultValue false */
  readonly tiedEmbeddings: boolean;
  /** Standard deviation of the initial weights. @defaultValue 0.02 */
  readonly initializerRange: number;
  /** Adapters beside the weights, as `addLora` made them; they are no part of a checkpoint's configuration. */
  readonly lora?: LoraConfig;
}

/** Options of {@link modelConfig}: the sizes, and what may differ from the usual. */
export type ModelConfigOptions = Partial<Omit<ModelConfig, 'lora'>> &
  Pick<
    ModelConfig,
    'architecture' | 'vocabSize' | 'hiddenSize' | 'layers' | 'heads' | 'maxPositions'
  >;

/** Configuration and parameters; a function that changes them passes on whatever else a model has. */
export type Model = { readonly config: ModelConfig; readonly params: Params };

/** What such a function returns. */
export type Changed<M extends Model> = Omit<M, 'config' | 'params'> & Model;

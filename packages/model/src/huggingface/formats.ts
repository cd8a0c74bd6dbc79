import type { Architecture, ModelConfig } from '../config/types.js';

/** The parsed `config.json` of a Hugging Face folder. */
export type HuggingFaceConfig = Readonly<Record<string, unknown>>;

export interface Format {
  readonly className: string;
  /** Our fields that are one of theirs, by their name. */
  readonly names: Readonly<Partial<Record<keyof ModelConfig, string>>>;
  /** What transformers assumes when the file does not say. Sizes have a default only where files lean on it. */
  readonly defaults: Partial<ModelConfig>;
  /** Fields that change what the model computes, with the values that this decoder computes. */
  readonly fixed: Readonly<Record<string, readonly unknown[]>>;
  /** Other names that transformers takes for theirs. */
  readonly aliases?: Readonly<Record<string, string>>;
}

const NAMES = {
  vocabSize: 'vocab_size',
  hiddenSize: 'hidden_size',
  intermediateSize: 'intermediate_size',
  layers: 'num_hidden_layers',
  heads: 'num_attention_heads',
  keyValueHeads: 'num_key_value_heads',
  maxPositions: 'max_position_embeddings',
  normEpsilon: 'rms_norm_eps',
  tiedEmbeddings: 'tie_word_embeddings',
  initializerRange: 'initializer_range',
} as const;

const HEAD_DIM = { headDim: 'head_dim' } as const;
const BIAS = { attentionBias: 'attention_bias' } as const;
const WINDOW = { slidingWindow: 'sliding_window' } as const;
const GEMMA = { ...BIAS, queryScalar: 'query_pre_attn_scalar' } as const;
const { normEpsilon: _, ...WITHOUT_EPSILON } = NAMES;
const LAYER_NORM = { ...WITHOUT_EPSILON, normEpsilon: 'layer_norm_eps' } as const;
const { keyValueHeads: __, ...SIZES } = WITHOUT_EPSILON;

const UNTIED = { normEpsilon: 1e-6, tiedEmbeddings: false, initializerRange: 0.02 } as const;
const TIED = { ...UNTIED, tiedEmbeddings: true } as const;
const SILU = ['silu', 'swish'] as const;
const TANH = ['gelu_pytorch_tanh', 'gelu_new', 'gelu_fast'] as const;
const CAUSAL = { use_bidirectional_attention: [false] } as const;

/** A decoder as Llama is one: gated by SiLU, untied, with a width of its heads. */
const llamaLike = (
  className: string,
  names: Format['names'],
  defaults: Format['defaults'] = {},
  fixed: Format['fixed'] = { hidden_act: SILU },
): Format => ({
  className,
  names: { ...NAMES, ...HEAD_DIM, ...names },
  defaults: { ...UNTIED, ...defaults },
  fixed,
});

/** How transformers 5 writes and reads each architecture. */
export const FORMATS: Readonly<Record<Architecture, Format>> = {
  gpt2: {
    className: 'GPT2LMHeadModel',
    names: {
      vocabSize: 'vocab_size',
      hiddenSize: 'n_embd',
      intermediateSize: 'n_inner',
      layers: 'n_layer',
      heads: 'n_head',
      maxPositions: 'n_positions',
      normEpsilon: 'layer_norm_epsilon',
      tiedEmbeddings: 'tie_word_embeddings',
      initializerRange: 'initializer_range',
    },
    defaults: { ...TIED, normEpsilon: 1e-5 },
    fixed: {
      activation_function: ['gelu_new', 'gelu_pytorch_tanh'],
      scale_attn_weights: [true],
      scale_attn_by_inverse_layer_idx: [false],
      add_cross_attention: [false],
    },
    aliases: {
      hidden_size: 'n_embd',
      num_hidden_layers: 'n_layer',
      num_attention_heads: 'n_head',
      max_position_embeddings: 'n_positions',
    },
  },
  gpt_neox: {
    className: 'GPTNeoXForCausalLM',
    names: {
      ...SIZES,
      normEpsilon: 'layer_norm_eps',
      ...BIAS,
      parallelResidual: 'use_parallel_residual',
    },
    defaults: { ...UNTIED, normEpsilon: 1e-5, partialRotaryFactor: 0.25 },
    fixed: {},
  },
  opt: {
    className: 'OPTForCausalLM',
    names: {
      ...SIZES,
      intermediateSize: 'ffn_dim',
      initializerRange: 'init_std',
      attentionBias: 'enable_bias',
    },
    defaults: { ...TIED, normEpsilon: 1e-5 },
    fixed: {
      do_layer_norm_before: [true],
      _remove_final_layer_norm: [false],
      layer_norm_elementwise_affine: [true],
    },
  },
  llama: llamaLike('LlamaForCausalLM', { ...BIAS, mlpBias: 'mlp_bias' }),
  mistral: llamaLike('MistralForCausalLM', WINDOW, { keyValueHeads: 8, slidingWindow: 4096 }),
  qwen2: llamaLike('Qwen2ForCausalLM', {}, { keyValueHeads: 32, slidingWindow: 4096 }),
  qwen3: llamaLike('Qwen3ForCausalLM', BIAS, {
    keyValueHeads: 32,
    headDim: 128,
    slidingWindow: 4096,
  }),
  phi3: llamaLike('Phi3ForCausalLM', WINDOW, { normEpsilon: 1e-5 }),
  olmo2: llamaLike('Olmo2ForCausalLM', BIAS, { normEpsilon: 1e-5 }),
  smollm3: llamaLike(
    'SmolLM3ForCausalLM',
    { ...BIAS, mlpBias: 'mlp_bias' },
    { tiedEmbeddings: true, keyValueHeads: 4, ropeTheta: 2e6 },
  ),
  gemma: llamaLike(
    'GemmaForCausalLM',
    BIAS,
    { tiedEmbeddings: true, keyValueHeads: 16, headDim: 256 },
    // 'gelu' is what the first files said; transformers takes it for the approximation.
    { hidden_act: [...TANH, 'gelu'], hidden_activation: TANH, ...CAUSAL },
  ),
  gemma2: llamaLike(
    'Gemma2ForCausalLM',
    {
      ...GEMMA,
      attentionSoftCap: 'attn_logit_softcapping',
      logitSoftCap: 'final_logit_softcapping',
    },
    {
      tiedEmbeddings: true,
      keyValueHeads: 4,
      headDim: 256,
      queryScalar: 256,
      attentionSoftCap: 50,
      logitSoftCap: 30,
      slidingWindow: 4096,
    },
    { hidden_activation: TANH, hidden_act: TANH, ...CAUSAL },
  ),
  gemma3_text: llamaLike(
    'Gemma3ForCausalLM',
    { ...GEMMA, logitSoftCap: 'final_logit_softcapping' },
    // Published files leave out what equals these.
    {
      tiedEmbeddings: true,
      vocabSize: 262208,
      hiddenSize: 2304,
      intermediateSize: 9216,
      layers: 26,
      heads: 8,
      keyValueHeads: 4,
      headDim: 256,
      maxPositions: 131072,
      queryScalar: 256,
      slidingWindow: 4096,
      ropeTheta: 1e6,
      localRopeTheta: 1e4,
    },
    // The model has no code that reads the cap of attention.
    { hidden_activation: TANH, hidden_act: TANH, attn_logit_softcapping: [], ...CAUSAL },
  ),
  stablelm: {
    className: 'StableLmForCausalLM',
    names: {
      ...LAYER_NORM,
      attentionBias: 'use_qkv_bias',
      qkNorm: 'qk_layernorm',
      parallelResidual: 'use_parallel_residual',
    },
    defaults: { ...UNTIED, normEpsilon: 1e-5, keyValueHeads: 32, partialRotaryFactor: 0.25 },
    fixed: { hidden_act: SILU },
  },
  cohere: {
    className: 'CohereForCausalLM',
    names: {
      ...LAYER_NORM,
      ...HEAD_DIM,
      ...BIAS,
      qkNorm: 'use_qk_norm',
      logitScale: 'logit_scale',
    },
    defaults: { ...TIED, normEpsilon: 1e-5, ropeTheta: 5e5, logitScale: 0.0625 },
    fixed: { hidden_act: SILU },
  },
};

/** Where the activation of the MLP is a choice: its key, and what its values mean. */
export const ACTIVATION_KEYS: Readonly<Partial<Record<Architecture, string>>> = {
  gpt_neox: 'hidden_act',
  opt: 'activation_function',
};

/** The activations by transformers' names; the first name of each is written. */
export const ACTIVATION_NAMES = {
  gelu: ['gelu'],
  geluTanh: ['gelu_new', 'gelu_pytorch_tanh', 'gelu_fast'],
  relu: ['relu'],
} as const;

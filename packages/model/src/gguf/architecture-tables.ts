import type { StoredTensor } from '../tensor-files/stored-tensor.js';
import type { HuggingFaceConfig } from '../huggingface/config-json.js';
import type { Metadata } from './metadata.js';
import { type RopeFactors, ropeScaling } from './rope-scaling.js';
import { minusOne, transpose, unpermuteHeads } from './tensor-transforms.js';

/** What a tensor is called in transformers, and how its numbers get there. */
export type Place = readonly [name: string, change?: (tensor: StoredTensor) => StoredTensor];

/** How an architecture of llama.cpp becomes one of transformers. */
export interface GgufArchitecture {
  /**
   * The config's fields, from the keys below the architecture's name and which tensors there are. What every config has, and
   * `model_type` where both call it the same, is added to them.
   */
  readonly config: (
    keys: Metadata,
    has: (tensor: string) => boolean,
    factors: RopeFactors,
  ) => HuggingFaceConfig;
  /** Whether it has no use for factors of frequencies, so that a file that holds some is refused. */
  readonly takesNoFactors?: boolean;
  /** Tensors outside of the layers, by their names in the file without `.weight` or `.bias`. */
  readonly outside: Readonly<Record<string, Place>>;
  /** The prefix of a layer in transformers; its index and a dot follow. */
  readonly layers: string;
  readonly inside: (config: HuggingFaceConfig) => Readonly<Record<string, Place>>;
}

/** The fields of a config under the names of transformers. */
function fields({ number }: Metadata, names: Readonly<Record<string, string>>): HuggingFaceConfig {
  const found = Object.entries(names).map(([name, key]) => [name, number(key)]);
  return Object.fromEntries(found.filter(([, value]) => value !== undefined)) as HuggingFaceConfig;
}

/** What decoders of today have in common, by the names of transformers. */
const DECODER = {
  hidden_size: 'embedding_length',
  intermediate_size: 'feed_forward_length',
  num_hidden_layers: 'block_count',
  num_attention_heads: 'attention.head_count',
  num_key_value_heads: 'attention.head_count_kv',
  max_position_embeddings: 'context_length',
  rope_theta: 'rope.freq_base',
} as const;

/** How many heads there are, how wide each is, and how many of its channels are rotated. */
function heads({ number, needed, prefix }: Metadata) {
  const count = needed('attention.head_count');
  const width = number('attention.key_length') ?? needed('embedding_length') / count;
  const values = number('attention.value_length') ?? width;
  if (values !== width) {
    throw new RangeError(
      `loadPretrained: ${prefix}attention.value_length of the GGUF file is ${values}, expected ${width} as the keys`,
    );
  }
  return { count, width, turned: number('rope.dimension_count') ?? width };
}

/** Refuses partly rotated heads, which transformers does not have for this architecture. */
function wholeHeads(keys: Metadata): { readonly head_dim: number } {
  const { width, turned } = heads(keys);
  if (turned !== width) {
    throw new RangeError(
      `loadPretrained: ${keys.prefix}rope.dimension_count is ${turned}, expected ${width}, the whole head`,
    );
  }
  return { head_dim: width };
}

/** The config of a decoder with RMS norms and gated MLPs; it has as many key heads as heads if the file does not say. */
const decoderConfig = (
  keys: Metadata,
  factors: RopeFactors,
  more: HuggingFaceConfig,
): HuggingFaceConfig => ({
  num_key_value_heads: heads(keys).count,
  ...fields(keys, { ...DECODER, rms_norm_eps: 'attention.layer_norm_rms_epsilon' }),
  ...ropeScaling(keys, factors),
  ...more,
});

const OUTSIDE = {
  token_embd: ['model.embed_tokens'],
  output_norm: ['model.norm'],
  output: ['lm_head'],
} as const satisfies GgufArchitecture['outside'];

const ATTENTION = {
  attn_norm: ['input_layernorm'],
  attn_q: ['self_attn.q_proj'],
  attn_k: ['self_attn.k_proj'],
  attn_v: ['self_attn.v_proj'],
  attn_output: ['self_attn.o_proj'],
} as const;

const MLP = {
  ffn_norm: ['post_attention_layernorm'],
  ffn_gate: ['mlp.gate_proj'],
  ffn_up: ['mlp.up_proj'],
  ffn_down: ['mlp.down_proj'],
} as const;

/** RMS norms, gated MLP, heads that turn whole; no biases that are not in the file. */
const qwen2: GgufArchitecture = {
  config: (keys, _, factors) => decoderConfig(keys, factors, wholeHeads(keys)),
  outside: OUTSIDE,
  layers: 'model.layers.',
  inside: () => ({ ...ATTENTION, ...MLP }),
};

const llama: GgufArchitecture = {
  ...qwen2,
  inside: (config) => ({
    ...ATTENTION,
    ...MLP,
    attn_q: ['self_attn.q_proj', unpermuteHeads(config['num_attention_heads'] as number)],
    attn_k: ['self_attn.k_proj', unpermuteHeads(config['num_key_value_heads'] as number)],
  }),
};

const qwen3: GgufArchitecture = {
  ...qwen2,
  inside: () => ({
    ...ATTENTION,
    ...MLP,
    attn_q_norm: ['self_attn.q_norm'],
    attn_k_norm: ['self_attn.k_norm'],
  }),
};

/** Gemma's norms multiply by 1 + weight in transformers, by weight in llama.cpp, whose converter added 1. */
const NORMS = {
  attn_norm: ['input_layernorm', minusOne],
  post_attention_norm: ['post_attention_layernorm', minusOne],
  ffn_norm: ['pre_feedforward_layernorm', minusOne],
  post_ffw_norm: ['post_feedforward_layernorm', minusOne],
} as const satisfies Readonly<Record<string, Place>>;

/**
 * Scores are divided by the square root of this: the head's width, except in the largest models, which llama.cpp also
 * tells by their number of layers.
 */
const queryScalar = (keys: Metadata, largest: number): number => {
  const { count, width } = heads(keys);
  return keys.number('block_count') === largest ? keys.number('embedding_length')! / count : width;
};

const gemma2: GgufArchitecture = {
  ...qwen2,
  config: (keys, _, factors) =>
    decoderConfig(keys, factors, {
      ...wholeHeads(keys),
      query_pre_attn_scalar: queryScalar(keys, 46),
      ...fields(keys, {
        attn_logit_softcapping: 'attn_logit_softcapping',
        final_logit_softcapping: 'final_logit_softcapping',
        sliding_window: 'attention.sliding_window',
      }),
    }),
  outside: { ...OUTSIDE, output_norm: ['model.norm', minusOne] },
  inside: () => ({ ...ATTENTION, ...MLP, ...NORMS }),
};

const gemma3: GgufArchitecture = {
  ...gemma2,
  config: (keys, _, factors) =>
    decoderConfig(keys, factors, {
      model_type: 'gemma3_text',
      ...wholeHeads(keys),
      query_pre_attn_scalar: queryScalar(keys, 62),
      // The bases that files may leave out; the second is that of the layers with a window.
      rope_theta: keys.number('rope.freq_base') ?? 1e6,
      rope_local_base_freq: keys.number('rope.freq_base_swa') ?? 1e4,
      ...fields(keys, {
        final_logit_softcapping: 'final_logit_softcapping',
        sliding_window: 'attention.sliding_window',
      }),
    }),
  inside: (config) => ({
    ...gemma2.inside(config),
    attn_q_norm: ['self_attn.q_norm', minusOne],
    attn_k_norm: ['self_attn.k_norm', minusOne],
  }),
};

const phi3: GgufArchitecture = {
  ...qwen2,
  config: (keys, _, factors) => {
    const { width, turned } = heads(keys);
    return decoderConfig(keys, factors, {
      ...(turned !== width && { partial_rotary_factor: turned / width }),
      sliding_window: keys.number('attention.sliding_window') ?? null,
    });
  },
  inside: () => ({
    attn_norm: ATTENTION.attn_norm,
    attn_qkv: ['self_attn.qkv_proj'],
    attn_output: ATTENTION.attn_output,
    ffn_norm: MLP.ffn_norm,
    ffn_up: ['mlp.gate_up_proj'],
    ffn_down: MLP.ffn_down,
  }),
};

const stablelm: GgufArchitecture = {
  ...qwen2,
  takesNoFactors: true,
  config: (keys, has) => {
    const { count, width, turned } = heads(keys);
    return {
      num_key_value_heads: count,
      partial_rotary_factor: turned / width,
      use_qkv_bias: has('blk.0.attn_q.bias'),
      use_parallel_residual: keys.flag('use_parallel_residual') ?? false,
      ...fields(keys, { ...DECODER, layer_norm_eps: 'attention.layer_norm_epsilon' }),
    };
  },
};

/** The weights of GPT-2 in transformers are `[in, out]`, those of llama.cpp `[out, in]`. */
const turned = (tensor: StoredTensor): StoredTensor =>
  tensor.shape.length === 2 ? transpose(tensor) : tensor;

const gpt2: GgufArchitecture = {
  takesNoFactors: true,
  config: (keys) =>
    fields(keys, {
      n_embd: 'embedding_length',
      n_inner: 'feed_forward_length',
      n_layer: 'block_count',
      n_head: 'attention.head_count',
      n_positions: 'context_length',
      layer_norm_epsilon: 'attention.layer_norm_epsilon',
    }),
  outside: {
    token_embd: ['transformer.wte'],
    position_embd: ['transformer.wpe'],
    output_norm: ['transformer.ln_f'],
    output: ['lm_head'],
  },
  layers: 'transformer.h.',
  inside: () => ({
    attn_norm: ['ln_1'],
    attn_qkv: ['attn.c_attn', turned],
    attn_output: ['attn.c_proj', turned],
    ffn_norm: ['ln_2'],
    ffn_up: ['mlp.c_fc', turned],
    ffn_down: ['mlp.c_proj', turned],
  }),
};

/** The architectures of llama.cpp that are read, by their names there. */
export const GGUF_ARCHITECTURES: Readonly<Record<string, GgufArchitecture>> = {
  llama,
  gpt2,
  qwen2,
  qwen3,
  gemma2,
  gemma3,
  phi3,
  stablelm,
};

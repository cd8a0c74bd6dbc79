import type { StoredTensor } from '../checkpoint/stored.js';
import type { HuggingFaceConfig } from '../huggingface-config.js';
import { type Metadata, required } from './metadata.js';
import { transpose, unpermuteHeads } from './transforms.js';

/** What a tensor is called in transformers, and how its numbers get there. */
export type Place = readonly [name: string, change?: (tensor: StoredTensor) => StoredTensor];

/** How an architecture of llama.cpp becomes one of transformers. */
export interface GgufArchitecture {
  /** The config's fields, from the metadata. Whether embeddings are tied, the tensors say. */
  readonly config: (metadata: Metadata) => HuggingFaceConfig;
  /** Tensors outside of the layers, by their names in the file without `.weight` or `.bias`. */
  readonly outside: Readonly<Record<string, Place>>;
  /** The prefix of a layer in transformers; its index and a dot follow. */
  readonly layers: string;
  readonly inside: (config: HuggingFaceConfig) => Readonly<Record<string, Place>>;
}

/** The fields of a config under the names of transformers, from the keys of one architecture. */
function fields(
  { number }: Metadata,
  architecture: string,
  keys: Readonly<Record<string, string>>,
): HuggingFaceConfig {
  const found = Object.entries(keys).map(([name, key]) => [name, number(`${architecture}.${key}`)]);
  return Object.fromEntries(found.filter(([, value]) => value !== undefined)) as HuggingFaceConfig;
}

/** Scaled rotary positions, in the words of transformers. */
function ropeScaling({ text, number }: Metadata, architecture: string): HuggingFaceConfig {
  const type = text(`${architecture}.rope.scaling.type`) ?? 'none';
  if (type === 'none') return {};
  const key = `${architecture}.rope.scaling`;
  const original = number(`${key}.original_context_length`);
  return {
    rope_scaling: {
      rope_type: type,
      factor: required(number(`${key}.factor`), `${key}.factor`),
      ...(original !== undefined && { original_max_position_embeddings: original }),
    },
  };
}

const llama: GgufArchitecture = {
  config: (metadata) => {
    const heads = required(
      metadata.number('llama.attention.head_count'),
      'llama.attention.head_count',
    );
    const width = required(metadata.number('llama.embedding_length'), 'llama.embedding_length');
    const turned = metadata.number('llama.rope.dimension_count') ?? width / heads;
    const head = metadata.number('llama.attention.key_length') ?? width / heads;
    if (turned !== head) {
      throw new RangeError(
        `loadPretrained: llama.rope.dimension_count is ${turned}, expected ${head}, the whole head`,
      );
    }
    return {
      model_type: 'llama',
      head_dim: head,
      num_key_value_heads: heads,
      ...fields(metadata, 'llama', {
        hidden_size: 'embedding_length',
        intermediate_size: 'feed_forward_length',
        num_hidden_layers: 'block_count',
        num_attention_heads: 'attention.head_count',
        num_key_value_heads: 'attention.head_count_kv',
        max_position_embeddings: 'context_length',
        rms_norm_eps: 'attention.layer_norm_rms_epsilon',
        rope_theta: 'rope.freq_base',
      }),
      ...ropeScaling(metadata, 'llama'),
    };
  },
  outside: {
    token_embd: ['model.embed_tokens'],
    output_norm: ['model.norm'],
    output: ['lm_head'],
  },
  layers: 'model.layers.',
  inside: (config) => ({
    attn_norm: ['input_layernorm'],
    attn_q: ['self_attn.q_proj', unpermuteHeads(config['num_attention_heads'] as number)],
    attn_k: ['self_attn.k_proj', unpermuteHeads(config['num_key_value_heads'] as number)],
    attn_v: ['self_attn.v_proj'],
    attn_output: ['self_attn.o_proj'],
    ffn_norm: ['post_attention_layernorm'],
    ffn_gate: ['mlp.gate_proj'],
    ffn_up: ['mlp.up_proj'],
    ffn_down: ['mlp.down_proj'],
  }),
};

/** The weights of GPT-2 in transformers are `[in, out]`, those of llama.cpp `[out, in]`. */
const turned = (tensor: StoredTensor): StoredTensor =>
  tensor.shape.length === 2 ? transpose(tensor) : tensor;

const gpt2: GgufArchitecture = {
  config: (metadata) => ({
    model_type: 'gpt2',
    ...fields(metadata, 'gpt2', {
      n_embd: 'embedding_length',
      n_inner: 'feed_forward_length',
      n_layer: 'block_count',
      n_head: 'attention.head_count',
      n_positions: 'context_length',
      layer_norm_epsilon: 'attention.layer_norm_epsilon',
    }),
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
export const ARCHITECTURES: Readonly<Record<string, GgufArchitecture>> = { llama, gpt2 };

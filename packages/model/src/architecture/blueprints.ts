import type { Architecture, ModelConfig } from '../config/types.js';
import { fused, separate } from './attention.js';
import type { Blueprint } from './blueprint.js';
import { variation } from './derived.js';
import { type Decide, always } from './linear.js';
import { gated, gatedTogether, geluGate, plainMlp, siluGate } from './mlp.js';
import {
  allHeads,
  eachHead,
  headGainMatrix,
  headGainVectors,
  layerNormed,
  layerNormedWithoutBias,
  rms,
  rmsAroundOne,
} from './norms.js';

const TWO_NORMS = {
  beforeAttention: 'input_layernorm',
  beforeMlp: 'post_attention_layernorm',
} as const;

const ON_BOTH_SIDES = {
  beforeAttention: 'input_layernorm',
  afterAttention: 'post_attention_layernorm',
  beforeMlp: 'pre_feedforward_layernorm',
  afterMlp: 'post_feedforward_layernorm',
} as const;

const SELF_ATTENTION = { module: 'self_attn', output: 'o_proj' } as const;

const hasBias: Decide = (config) => variation(config, 'attentionBias') === true;
const hasHeadNorms: Decide = (config) => variation(config, 'qkNorm')!;
const activation = (config: ModelConfig) => variation(config, 'activation')!;

const BIASES = { inputBias: hasBias, outputBias: hasBias } as const;
const HEAD_NORMS = { query: 'q_norm', key: 'k_norm', when: always } as const;

/** RMS norm, rotary positions, grouped-query attention, SwiGLU, no biases. */
const llama: Blueprint = {
  embedding: 'model.embed_tokens.weight',
  rotary: { interleaved: false },
  layers: 'model.layers',
  finalNorm: 'model.norm',
  norm: rms,
  layerNorms: () => TWO_NORMS,
  attention: separate({ ...SELF_ATTENTION, ...BIASES }),
  mlp: gated(siluGate),
};

/** Llama with GeGLU, scaled embeddings and gains around 1. */
const gemma: Blueprint = {
  ...llama,
  embeddingScale: ({ hiddenSize }) => Math.sqrt(hiddenSize),
  norm: rmsAroundOne,
  mlp: gated(geluGate),
};

export const blueprints: Readonly<Record<Architecture, Blueprint>> = {
  gpt2: {
    embedding: 'transformer.wte.weight',
    positions: { name: 'transformer.wpe.weight', offset: 0 },
    layers: 'transformer.h',
    finalNorm: 'transformer.ln_f',
    norm: layerNormed,
    layerNorms: () => ({ beforeAttention: 'ln_1', beforeMlp: 'ln_2' }),
    attention: fused({
      module: 'attn',
      input: 'c_attn',
      output: 'c_proj',
      inputBias: always,
      outputBias: always,
      layout: 'in-out',
      outputInitial: 'residual',
    }),
    mlp: plainMlp({
      up: 'mlp.c_fc',
      down: 'mlp.c_proj',
      activation: () => 'geluTanh',
      layout: 'in-out',
      outputInitial: 'residual',
    }),
  },

  gpt_neox: {
    embedding: 'gpt_neox.embed_in.weight',
    rotary: { interleaved: false },
    layers: 'gpt_neox.layers',
    finalNorm: 'gpt_neox.final_layer_norm',
    norm: layerNormed,
    layerNorms: () => TWO_NORMS,
    attention: fused({
      module: 'attention',
      input: 'query_key_value',
      output: 'dense',
      byHead: true,
      ...BIASES,
    }),
    mlp: plainMlp({ up: 'mlp.dense_h_to_4h', down: 'mlp.dense_4h_to_h', activation }),
  },

  opt: {
    embedding: 'model.decoder.embed_tokens.weight',
    positions: { name: 'model.decoder.embed_positions.weight', offset: 2 },
    layers: 'model.decoder.layers',
    finalNorm: 'model.decoder.final_layer_norm',
    norm: layerNormed,
    layerNorms: () => ({ beforeAttention: 'self_attn_layer_norm', beforeMlp: 'final_layer_norm' }),
    attention: separate({ module: 'self_attn', output: 'out_proj', ...BIASES }),
    mlp: plainMlp({ up: 'fc1', down: 'fc2', activation, bias: hasBias }),
  },

  llama,

  mistral: { ...llama, attention: separate(SELF_ATTENTION) },

  qwen2: { ...llama, attention: separate({ ...SELF_ATTENTION, inputBias: always }) },

  qwen3: {
    ...llama,
    attention: separate({
      ...SELF_ATTENTION,
      ...BIASES,
      norms: { ...HEAD_NORMS, norm: eachHead(rms) },
    }),
  },

  gemma,

  gemma2: { ...gemma, layerNorms: () => ON_BOTH_SIDES },

  gemma3_text: {
    ...gemma,
    layerNorms: () => ON_BOTH_SIDES,
    attention: separate({
      ...SELF_ATTENTION,
      ...BIASES,
      norms: { ...HEAD_NORMS, norm: eachHead(rmsAroundOne) },
    }),
  },

  phi3: {
    ...llama,
    attention: fused({ ...SELF_ATTENTION, input: 'qkv_proj' }),
    mlp: gatedTogether(siluGate),
  },

  olmo2: {
    ...llama,
    layerNorms: () => ({
      afterAttention: 'post_attention_layernorm',
      afterMlp: 'post_feedforward_layernorm',
    }),
    attention: separate({
      ...SELF_ATTENTION,
      ...BIASES,
      norms: { ...HEAD_NORMS, norm: allHeads(rms) },
    }),
  },

  smollm3: llama,

  stablelm: {
    ...llama,
    norm: layerNormed,
    layerNorms: (config) =>
      variation(config, 'parallelResidual')
        ? { beforeAttention: TWO_NORMS.beforeAttention }
        : TWO_NORMS,
    attention: separate({
      ...SELF_ATTENTION,
      inputBias: hasBias,
      norms: {
        query: 'q_layernorm',
        key: 'k_layernorm',
        norm: headGainVectors,
        when: hasHeadNorms,
      },
    }),
  },

  cohere: {
    ...llama,
    rotary: { interleaved: true },
    norm: layerNormedWithoutBias,
    layerNorms: () => ({ beforeAttention: TWO_NORMS.beforeAttention }),
    parallel: true,
    attention: separate({
      ...SELF_ATTENTION,
      ...BIASES,
      norms: { ...HEAD_NORMS, norm: headGainMatrix, when: hasHeadNorms },
    }),
  },
};

import type { Architecture, ModelConfig } from '../config/types.js';
import type { Blueprint, ParamSpec } from './blueprint.js';
import {
  allHeads,
  eachHead,
  fused,
  gated,
  gatedTogether,
  geluGate,
  headGainMatrix,
  headGainVectors,
  layerNormed,
  layerNormedWithoutBias,
  plainMlp,
  rms,
  rmsAroundOne,
  separate,
  siluGate,
} from './parts.js';
import { variation } from './derived.js';

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

const hasBias = (config: ModelConfig): boolean => variation(config, 'attentionBias') === true;
const always = (): boolean => true;

const inputAndOutputBias = { inputBias: hasBias, outputBias: hasBias };
const headNorms = (norm: typeof rms) => ({
  ...{ query: 'q_norm', key: 'k_norm', when: always },
  norm: eachHead(norm),
});

/** RMS norm, rotary positions, grouped-query attention, SwiGLU, no biases. */
const llama: Blueprint = {
  embedding: 'model.embed_tokens.weight',
  rotary: { interleaved: false },
  layers: 'model.layers',
  finalNorm: 'model.norm',
  norm: rms,
  layerNorms: () => TWO_NORMS,
  attention: separate({ ...SELF_ATTENTION, ...inputAndOutputBias }),
  mlp: gated(siluGate),
};

/** Llama with GeGLU, scaled embeddings and gains around 1. */
const gemma: Blueprint = {
  ...llama,
  embeddingScale: ({ hiddenSize }) => Math.sqrt(hiddenSize),
  norm: rmsAroundOne,
  mlp: gated(geluGate),
};

/** The table of differences. */
export const blueprints: Readonly<Record<Architecture, Blueprint>> = {
  gpt2: {
    embedding: 'transformer.wte.weight',
    positions: { name: 'transformer.wpe.weight', offset: 0 },
    layers: 'transformer.h',
    finalNorm: 'transformer.ln_f',
    norm: layerNormed,
    layerNorms: () => ({ beforeAttention: 'ln_1', beforeMlp: 'ln_2' }),
    attention: fused({
      ...{ module: 'attn', input: 'c_attn', output: 'c_proj', layout: 'in-out' },
      ...{ inputBias: always, outputBias: always, outputInitial: 'residual' },
    }),
    mlp: plainMlp({
      ...{ up: 'mlp.c_fc', down: 'mlp.c_proj', layout: 'in-out', outputInitial: 'residual' },
      activation: () => 'geluTanh',
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
      ...{ module: 'attention', input: 'query_key_value', output: 'dense', byHead: true },
      ...inputAndOutputBias,
    }),
    mlp: plainMlp({
      ...{ up: 'mlp.dense_h_to_4h', down: 'mlp.dense_4h_to_h' },
      activation: (config) => variation(config, 'activation')!,
    }),
  },

  opt: {
    embedding: 'model.decoder.embed_tokens.weight',
    positions: { name: 'model.decoder.embed_positions.weight', offset: 2 },
    layers: 'model.decoder.layers',
    finalNorm: 'model.decoder.final_layer_norm',
    norm: layerNormed,
    layerNorms: () => ({ beforeAttention: 'self_attn_layer_norm', beforeMlp: 'final_layer_norm' }),
    attention: separate({
      ...{ module: 'self_attn', output: 'out_proj' },
      ...inputAndOutputBias,
    }),
    mlp: plainMlp({
      ...{ up: 'fc1', down: 'fc2' },
      activation: (config) => variation(config, 'activation')!,
      bias: hasBias,
    }),
  },

  llama,

  mistral: {
    ...llama,
    attention: separate(SELF_ATTENTION),
  },

  qwen2: {
    ...llama,
    attention: separate({ ...SELF_ATTENTION, inputBias: always }),
  },

  qwen3: {
    ...llama,
    attention: separate({ ...SELF_ATTENTION, ...inputAndOutputBias, norms: headNorms(rms) }),
  },

  gemma,

  gemma2: {
    ...gemma,
    layerNorms: () => ON_BOTH_SIDES,
  },

  gemma3_text: {
    ...gemma,
    layerNorms: () => ON_BOTH_SIDES,
    attention: separate({
      ...{ ...SELF_ATTENTION, ...inputAndOutputBias },
      norms: headNorms(rmsAroundOne),
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
      ...{ ...SELF_ATTENTION, ...inputAndOutputBias },
      norms: { ...headNorms(rms), norm: allHeads(rms) },
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
      ...{ ...SELF_ATTENTION, inputBias: hasBias },
      norms: {
        ...{ query: 'q_layernorm', key: 'k_layernorm', norm: headGainVectors },
        when: (config) => variation(config, 'qkNorm')!,
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
      ...{ ...SELF_ATTENTION, ...inputAndOutputBias },
      norms: {
        ...{ query: 'q_norm', key: 'k_norm', norm: headGainMatrix },
        when: (config) => variation(config, 'qkNorm')!,
      },
    }),
  },
};

/** Every parameter but the classifier: embeddings, layer after layer in the order of computation, final norm. */
export function bodySpecs(config: ModelConfig): ParamSpec[] {
  const blueprint = blueprints[config.architecture];
  const { vocabSize, maxPositions, hiddenSize: width } = config;
  const { positions, norm } = blueprint;
  const norms = blueprint.layerNorms(config);
  const normSpecs = (layer: string, name: string | undefined): ParamSpec[] =>
    name === undefined ? [] : norm.specs(`${layer}.${name}`, width);
  return [
    { name: blueprint.embedding, shape: [vocabSize, width], initial: 'normal' },
    ...(positions
      ? ([
          {
            name: positions.name,
            shape: [positions.offset + maxPositions, width],
            initial: 'normal',
          },
        ] as const)
      : []),
    ...Array.from({ length: config.layers }, (_, i) => `${blueprint.layers}.${i}`).flatMap(
      (layer) => [
        ...normSpecs(layer, norms.beforeAttention),
        ...blueprint.attention.specs(config, layer),
        ...normSpecs(layer, norms.afterAttention),
        ...normSpecs(layer, norms.beforeMlp),
        ...blueprint.mlp.specs(config, layer),
        ...normSpecs(layer, norms.afterMlp),
      ],
    ),
    ...norm.specs(blueprint.finalNorm, width),
  ];
}

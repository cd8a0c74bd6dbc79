import {
  ARCHITECTURES,
  fromHuggingFaceConfig,
  modelConfig,
  toHuggingFaceConfig,
  validateConfig,
} from '@cfrl/model';
import type { Architecture, ModelConfig } from '@cfrl/model';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { configs, without } from './arbitrary.js';

const sizes = { vocabSize: 9, hiddenSize: 12, layers: 1, heads: 6, maxPositions: 8 } as const;
const gpt2 = modelConfig({ architecture: 'gpt2', ...sizes });
const llama = modelConfig({ architecture: 'llama', ...sizes, keyValueHeads: 2 });

describe('modelConfig', () => {
  it('fills in the usual values', () => {
    expect(gpt2).toEqual({
      architecture: 'gpt2',
      ...sizes,
      intermediateSize: 48,
      keyValueHeads: 6,
      normEpsilon: 1e-5,
      ropeTheta: 10000,
      tiedEmbeddings: false,
      initializerRange: 0.02,
    });
  });
});

describe('validateConfig', () => {
  it.each([
    [{ architecture: 'bert' }, 'architecture is "bert", expected one of gpt2, llama, gpt_neox'],
    [{ qkNorm: true }, 'qkNorm is true, expected none: llama has no such variation'],
    [{ attentionBias: 1 }, 'attentionBias is 1, expected true or false'],
    [{ headDim: 3 }, 'headDim is 3, expected an even number (rotary positions turn pairs)'],
    [
      { ropeScaling: { type: 'ntk' } },
      'ropeScaling is {"type":"ntk"}, expected a record with type linear, dynamic',
    ],
    [{ ropeScaling: { type: 'linear', factor: 0 } }, 'ropeScaling.factor is 0'],
    [{ ropeScaling: { type: 'linear' } }, 'ropeScaling.factor is undefined'],
    [{ ropeScaling: null }, 'ropeScaling is null, expected a record with type linear'],
    [
      { ropeScaling: { type: 'longrope', shortFactors: 'a' } },
      'ropeScaling.shortFactors is "a", expected a list',
    ],
    [
      { ropeScaling: { type: 'dynamic', factor: 2, originalPositions: 8 } },
      '2 channels of a head turn, expected at least 4 for dynamic scaling',
    ],
    [
      {
        ropeScaling: {
          ...{ type: 'longrope', shortFactors: [1], longFactors: [1, 2] },
          ...{ originalPositions: 8, amplitude: 1 },
        },
      },
      'ropeScaling.longFactors has 2 entries, expected 1 (half of the channels that turn)',
    ],
    [{ vocabSize: 0 }, 'vocabSize is 0, expected a positive integer'],
    [{ layers: 1.5 }, 'layers is 1.5, expected a positive integer'],
    [{ intermediateSize: NaN }, 'intermediateSize is NaN, expected a positive integer'],
    [{ heads: 5, keyValueHeads: 5 }, 'hiddenSize is 12, expected a multiple of heads (5)'],
    [{ keyValueHeads: 4 }, 'heads is 6, expected a multiple of keyValueHeads (4)'],
    [{ heads: 12, keyValueHeads: 12 }, 'hiddenSize / heads is 1, expected an even number'],
    [{ normEpsilon: 0 }, 'normEpsilon is 0'],
    [{ ropeTheta: Infinity }, 'ropeTheta is Infinity'],
    [{ initializerRange: -1 }, 'initializerRange is -1'],
    [{ tiedEmbeddings: 1 }, 'tiedEmbeddings is 1, expected a boolean'],
  ])('refuses %j', (change, message) => {
    const config = { ...llama, ...change } as ModelConfig;
    expect(() => validateConfig(config)).toThrow(`validateConfig: ${message}`);
  });

  it.each([
    [
      'gpt_neox',
      { partialRotaryFactor: 0.6 },
      'partialRotaryFactor makes 1 channels of a head turn',
    ],
    ['gpt_neox', { activation: 'silu' }, 'activation is "silu", expected "gelu" or "geluTanh"'],
    ['opt', { normEpsilon: 1e-3 }, 'normEpsilon is 0.001, expected 0.00001; opt has no other'],
    ['mistral', { slidingWindow: 0 }, 'slidingWindow is 0, expected a positive integer'],
    ['qwen2', { slidingLayers: [true, true] }, 'slidingLayers is [true,true], expected 1 booleans'],
    ['smollm3', { ropeLayers: true }, 'ropeLayers is true, expected 1 booleans (one a layer)'],
    ['gemma2', { logitSoftCap: 0 }, 'logitSoftCap is 0'],
    ['cohere', { slidingWindow: 3 }, 'slidingWindow is 3, expected none: cohere has no such'],
  ] as const)('refuses, for %s, %j', (architecture, change, message) => {
    const config = { ...llama, keyValueHeads: 6, architecture, ...change } as never;
    expect(() => validateConfig(config)).toThrow(`validateConfig: ${message}`);
  });

  it('refuses grouped-query attention for gpt2', () => {
    expect(() => validateConfig({ ...gpt2, keyValueHeads: 2 })).toThrow(
      'validateConfig: keyValueHeads is 2, expected 6 (heads); gpt2 has no grouped-query attention',
    );
  });
});

describe('fromHuggingFaceConfig', () => {
  it('reads what toHuggingFaceConfig wrote, through JSON', () => {
    fc.assert(
      fc.property(configs(), (config) => {
        const json = JSON.parse(JSON.stringify(toHuggingFaceConfig(config))) as object;
        expect(fromHuggingFaceConfig(json as never)).toEqual(config);
      }),
    );
  });

  it('reads both spellings of the rotary base', () => {
    const rest = without(without(toHuggingFaceConfig(llama), 'rope_theta'), 'rope_parameters');
    const version4 = { ...rest, rope_theta: 500, rope_scaling: null };
    const version5 = { ...rest, rope_parameters: { rope_theta: 500, rope_type: 'default' } };
    for (const json of [version4, version5]) {
      expect(fromHuggingFaceConfig(json).ropeTheta).toBe(500);
    }
    expect(fromHuggingFaceConfig(rest).ropeTheta).toBe(10000);
  });

  it("takes transformers' defaults where the file is silent or null", () => {
    const bare = {
      model_type: 'gpt2',
      vocab_size: 9,
      n_embd: 8,
      n_layer: 1,
      n_head: 2,
      n_positions: 4,
    };
    const expected = { intermediateSize: 32, tiedEmbeddings: true, normEpsilon: 1e-5 };
    expect(fromHuggingFaceConfig({ ...bare, n_inner: null })).toMatchObject(expected);
    const llamaJson = {
      model_type: 'llama',
      vocab_size: 9,
      hidden_size: 8,
      intermediate_size: 20,
      num_hidden_layers: 1,
      num_attention_heads: 2,
      max_position_embeddings: 4,
    };
    expect(fromHuggingFaceConfig({ ...llamaJson, num_key_value_heads: null })).toMatchObject({
      keyValueHeads: 2,
      tiedEmbeddings: false,
      normEpsilon: 1e-6,
    });
  });

  it('takes null for none where there is a default, and keeps what is usual out of the record', () => {
    const gemma2 = modelConfig({ architecture: 'gemma2', ...sizes, slidingWindow: 3 });
    const json = toHuggingFaceConfig(gemma2);
    expect(json).toMatchObject({ attn_logit_softcapping: null, head_dim: 2, sliding_window: 3 });
    expect(fromHuggingFaceConfig(json)).toEqual(gemma2);
    const silent = without(json, 'attn_logit_softcapping');
    expect(fromHuggingFaceConfig(silent).attentionSoftCap).toBe(50);
    const usual = { headDim: 2, attentionBias: false, queryScalar: 2, slidingLayers: [true] };
    expect(modelConfig({ ...gemma2, ...usual })).toEqual(gemma2);
    expect(modelConfig({ ...gemma2, note: 'unknown' } as never)).toEqual(gemma2);
  });

  const changed = (config: ModelConfig, change: object) => () =>
    fromHuggingFaceConfig({ ...toHuggingFaceConfig(config), ...change });

  it.each([
    [
      llama,
      { model_type: 'mamba' },
      `model_type is "mamba", expected one of ${ARCHITECTURES.join(', ')}`,
    ],
    [llama, { hidden_act: 'gelu' }, 'hidden_act is "gelu", expected "silu" or "swish"'],
    [
      llama,
      { rope_scaling: { type: 'linear' } },
      `rope_scaling has no 'factor', expected one for type "linear"`,
    ],
    [
      llama,
      { rope_parameters: { rope_type: 'proportional' } },
      'rope_parameters has type "proportional"',
    ],
    [
      llama,
      { rope_scaling: { type: 'linear', factor: 2, beta_fast: 3 } },
      `rope_scaling has 'beta_fast'`,
    ],
    [llama, { rope_scaling: 3 }, 'rope_scaling is 3, expected an object'],
    [
      llama,
      { rope_parameters: { full_attention: {} } },
      'rope_parameters has parameters for types of layers',
    ],
    [llama, { hidden_size: undefined }, 'hidden_size is absent, expected a positive integer'],
    [llama, { intermediate_size: null }, 'intermediate_size is absent'],
    [gpt2, { activation_function: 'relu' }, 'activation_function is "relu", expected "gelu_new"'],
    [gpt2, { scale_attn_by_inverse_layer_idx: true }, 'scale_attn_by_inverse_layer_idx is true'],
    [
      llama,
      { embedding_multiplier: 12 },
      'embedding_multiplier is 12, expected none: llama has no such key',
    ],
    [llama, { sliding_window: 12 }, 'sliding_window is 12, expected none: llama has no such key'],
    [
      llama,
      { quantization_config: { bits: 4 } },
      'quantization_config is {"bits":4}, expected none',
    ],
  ])('refuses what the decoder does not compute (%#)', (config, change, message) => {
    expect(changed(config, change)).toThrow(`fromHuggingFaceConfig: ${message}`);
  });

  const of = (architecture: Architecture): ModelConfig =>
    modelConfig({ architecture, ...sizes, layers: 2 });

  it.each([
    ['opt', { do_layer_norm_before: false }, 'do_layer_norm_before is false, expected true'],
    ['opt', { word_embed_proj_dim: 6 }, 'word_embed_proj_dim is 6, expected 12 (hidden_size)'],
    ['opt', { activation_function: 'silu' }, 'activation_function is "silu", expected "gelu" or'],
    ['gemma', { use_bidirectional_attention: true }, 'use_bidirectional_attention is true'],
    ['gemma3_text', { attn_logit_softcapping: 3 }, 'attn_logit_softcapping is 3, expected null'],
    ['gemma3_text', { rope_parameters: { rope_theta: 3 } }, `rope_parameters has 'rope_theta'`],
    [
      'gemma3_text',
      { rope_parameters: { sliding_attention: { rope_type: 'linear', factor: 2 } } },
      'rope_parameters has type "linear" for sliding_attention',
    ],
    ['qwen2', { layer_types: ['full_attention'] }, 'layer_types is ["full_attention"], expected 2'],
    ['smollm3', { no_rope_layers: [1] }, 'no_rope_layers has 1 entries, expected 2'],
    ['qwen2', { num_hidden_layers: 1e9 }, 'num_hidden_layers is 1000000000, expected at most'],
  ] as const)('refuses, for %s, %j', (architecture, change, message) => {
    expect(changed(of(architecture), change)).toThrow(`fromHuggingFaceConfig: ${message}`);
  });

  it('overlooks keys that do not change what is computed, and those that ask for nothing', () => {
    const extra = {
      ...{
        attention_dropout: 0.1,
        _name_or_path: 'x',
        transformers_version: '4.1',
        use_cache: true,
      },
      ...{
        auto_map: { AutoConfig: 'x' },
        unsloth_fixed: true,
        rope_interleaved: false,
        foo: 'bar',
      },
      ...{ sliding_window: null, pruned_heads: {} },
    };
    expect(changed(llama, extra)()).toEqual(llama);
  });

  it('refuses what is no object', () => {
    expect(() => fromHuggingFaceConfig(null as never)).toThrow('json is null, expected an object');
  });
});

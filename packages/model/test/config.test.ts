import {
  fromHuggingFaceConfig,
  modelConfig,
  toHuggingFaceConfig,
  validateConfig,
} from '@cfrl/model';
import type { ModelConfig } from '@cfrl/model';
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
    [{ architecture: 'bert' }, `architecture is "bert", expected 'gpt2' or 'llama'`],
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

  it.each([
    [llama, { model_type: 'mamba' }, 'model_type is "mamba", expected one of gpt2, llama'],
    [llama, { hidden_act: 'gelu' }, 'hidden_act is "gelu", expected "silu" or "swish"'],
    [llama, { attention_bias: true }, 'attention_bias is true, expected false'],
    [llama, { head_dim: 64 }, 'head_dim is 64, expected 2 (hidden_size / num_attention_heads)'],
    [llama, { rope_scaling: { type: 'linear', factor: 2 } }, 'rope_scaling has type "linear"'],
    [llama, { rope_parameters: { rope_type: 'llama3' } }, 'rope_parameters has type "llama3"'],
    [llama, { hidden_size: undefined }, 'hidden_size is absent, expected a positive integer'],
    [llama, { intermediate_size: null }, 'intermediate_size is absent'],
    [gpt2, { activation_function: 'relu' }, 'activation_function is "relu", expected "gelu_new"'],
    [gpt2, { scale_attn_by_inverse_layer_idx: true }, 'scale_attn_by_inverse_layer_idx is true'],
  ])('refuses what the decoder does not compute (%#)', (config, change, message) => {
    expect(() => fromHuggingFaceConfig({ ...toHuggingFaceConfig(config), ...change })).toThrow(
      `fromHuggingFaceConfig: ${message}`,
    );
  });

  it('refuses what is no object', () => {
    expect(() => fromHuggingFaceConfig(null as never)).toThrow('json is null, expected an object');
  });
});

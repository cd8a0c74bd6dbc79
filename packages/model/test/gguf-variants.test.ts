import { readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { disposeParams, fold, randomInt, rng } from '@cfrl/engine';
import { applyChatTemplate, forward, type ModelConfig, tokenizerFromFiles } from '@cfrl/model';
import { loadPretrained, savePretrained } from '@cfrl/model/node';
import * as tf from '@tensorflow/tfjs-core';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { parseGguf } from '../src/gguf/header.js';
import { metadataOf } from '../src/gguf/metadata.js';
import { openGguf } from '../src/gguf/open.js';
import { specialIds } from '../src/gguf/special-ids.js';
import { tokenizerOf } from '../src/gguf/tokenizer.js';
import { type MetadataValue, withMore, withoutKey } from './gguf-edit.js';

const fixture = (name: string): Buffer =>
  readFileSync(fileURLToPath(new URL(`fixtures/gguf/${name}.gguf`, import.meta.url)));

let root = '';
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'cfrl-gguf-'));
});
afterEach(() => rm(root, { recursive: true, force: true }));

const fail = (problem: string): never => {
  throw new Error(problem);
};

/** A fixture with more in it, written to a file. */
async function edited(
  name: string,
  metadata: Readonly<Record<string, MetadataValue>>,
  tensors: Readonly<Record<string, readonly number[]>> = {},
  file = fixture(name),
): Promise<string> {
  const { tensors: all } = parseGguf(file, file.length, fail);
  const place = {
    ...(all[0] && { first: all[0].name }),
    dataStart: Math.min(...all.map(({ begin }) => begin)),
  };
  const path = join(root, 'edited.gguf');
  await writeFile(path, withMore(file, place, metadata, tensors));
  return path;
}

const TOKENS = Array.from({ length: 12 }, (_, i) =>
  randomInt(rng(fold(0, 'tokens of a GGUF file', i)), 29),
);

const logitsWith = (model: Awaited<ReturnType<typeof load>>, change: Partial<ModelConfig> = {}) =>
  tf.tidy(() =>
    Array.from(
      forward(
        model.params,
        { ...model.config, ...change },
        { tokens: tf.tensor2d([TOKENS], undefined, 'int32') },
      ).logits.dataSync(),
    ),
  );

const load = (path: string) => loadPretrained(path, { tokenizer: false });

const farthest = (a: readonly number[], b: readonly number[]): number =>
  Math.max(...a.map((x, i) => Math.abs(x - b[i]!)));

const refusal = (path: string): Promise<string> =>
  load(path).then(
    ({ params }) => (disposeParams(params), 'it loads'),
    (error: Error) => error.message,
  );

describe('scaled positions of a GGUF file', () => {
  /** The factors that llama.cpp's converter makes of Llama 3.1's parameters. */
  function llama3Factors(width: number, theta: number, original: number): number[] {
    const [factor, low, high] = [8, 1, 4];
    return Array.from({ length: width / 2 }, (_, i) => {
      const wavelength = 2 * Math.PI * theta ** ((2 * i) / width);
      if (wavelength < original / high) return 1;
      if (wavelength > original / low) return factor;
      const smooth = (original / wavelength - low) / (high - low);
      return 1 / ((1 - smooth) / factor + smooth);
    });
  }

  it('are those of rope_freqs.weight: Llama 3.1, and saved so that they stay', async () => {
    const factors = llama3Factors(8, 37, 16);
    expect(new Set(factors).size).toBeGreaterThan(2);
    const model = await load(await edited('llama', {}, { 'rope_freqs.weight': factors }));
    const ropeScaling = {
      type: 'llama3',
      ...{ factor: 8, lowFrequencyFactor: 1, highFrequencyFactor: 4, originalPositions: 16 },
    } as const;
    const expected = logitsWith(model, { ropeScaling });
    const { ropeScaling: _, ...plain } = model.config;
    expect(
      farthest(logitsWith({ ...model, config: plain as ModelConfig }), expected),
    ).toBeGreaterThan(0.01);
    expect(farthest(logitsWith(model), expected)).toBeLessThan(1e-4);
    await savePretrained(join(root, 'saved'), model);
    const again = await load(join(root, 'saved'));
    expect(logitsWith(again)).toEqual(logitsWith(model));
    disposeParams(model.params);
    disposeParams(again.params);
  });

  it.each<[string, Record<string, MetadataValue>, ModelConfig['ropeScaling'] | undefined]>([
    ['the key of 2023', { 'llama.rope.scale_linear': 4 }, { type: 'linear', factor: 4 }],
    ['a key of 2023 that scales by 0', { 'llama.rope.scale_linear': 0 }, undefined],
    [
      'a factor without a type',
      { 'llama.rope.scaling.factor': 2.5 },
      { type: 'linear', factor: 2.5 },
    ],
    [
      'a type and a factor',
      {
        ...{ 'llama.rope.scaling.type': 'linear', 'llama.rope.scaling.factor': 3 },
        'llama.rope.scaling.finetuned': true,
      },
      { type: 'linear', factor: 3 },
    ],
    [
      'the type none, whatever the factor',
      { 'llama.rope.scaling.type': 'none', 'llama.rope.scaling.factor': 3 },
      undefined,
    ],
    [
      'YaRN, whose amplitude is multiplied',
      {
        ...{ 'llama.rope.scaling.type': 'yarn', 'llama.rope.scaling.factor': 4 },
        'llama.rope.scaling.original_context_length': 6,
        ...{ 'llama.rope.scaling.attn_factor': 0.5, 'llama.rope.scaling.yarn_beta_fast': 16 },
      },
      {
        ...{ type: 'yarn', factor: 4, originalPositions: 6, betaFast: 16, betaSlow: 1 },
        ...{ truncate: true, amplitude: 0.5 * (0.1 * Math.log(4) + 1) },
      },
    ],
  ])('are those of %s', async (_, metadata, ropeScaling) => {
    const model = await load(await edited('llama', metadata));
    expect(model.config.ropeScaling).toEqual(ropeScaling);
    disposeParams(model.params);
  });

  it('have the amplitude of the file beside rope_freqs.weight', async () => {
    const factors = { 'rope_freqs.weight': [1, 2, 3, 4] };
    const model = await load(
      await edited('llama', { 'llama.rope.scaling.attn_factor': 0.5 }, factors),
    );
    expect(model.config.ropeScaling).toMatchObject({ type: 'longrope', amplitude: 0.5 });
    disposeParams(model.params);
  });

  it.each(['stablelm', 'gpt2'])(
    'are refused where nothing would divide by them: %s',
    async (name) => {
      const path = await edited(name, {}, { 'rope_freqs.weight': [1, 2] });
      expect(await refusal(path)).toContain("'rope_freqs.weight' of the GGUF file is none of");
    },
  );

  it('turn the windows of Gemma 3 by the base of the file', async () => {
    for (const base of [10000, 20000]) {
      const model = await load(await edited('gemma3', { 'gemma3.rope.freq_base_swa': base }));
      expect(model.config.localRopeTheta).toBe(base);
      disposeParams(model.params);
    }
  });

  it('divide positions: the logits of the scaled model, not of the plain one', async () => {
    const model = await load(await edited('llama', { 'llama.rope.scale_linear': 4 }));
    const { ropeScaling: _, ...plain } = model.config;
    const unscaled = logitsWith({ ...model, config: plain as ModelConfig });
    expect(farthest(logitsWith(model), unscaled)).toBeGreaterThan(0.01);
    disposeParams(model.params);
  });

  it.each<[string, Record<string, MetadataValue>, Record<string, number[]>, string]>([
    [
      'an unknown type',
      { 'llama.rope.scaling.type': 'ntk' },
      {},
      "llama.rope.scaling.type of the GGUF file is 'ntk', expected one of none, linear, yarn, longrope",
    ],
    ...[{}, { 'llama.rope.scaling.type': 'none' }, { 'llama.rope.scaling.factor': 2 }].map(
      (scaling) =>
        [
          `an amplitude that would be dropped, ${JSON.stringify(scaling)}`,
          { ...scaling, 'llama.rope.scaling.attn_factor': 0.5 },
          {},
          'llama.rope.scaling.attn_factor of the GGUF file is 0.5, expected none',
        ] as [string, Record<string, MetadataValue>, Record<string, number[]>, string],
    ),
    [
      'factors for every length and for long texts',
      {},
      { 'rope_freqs.weight': [1, 1, 1, 1], 'rope_factors_long.weight': [2, 2, 2, 2] },
      "'rope_freqs.weight' of the GGUF file is there with 'rope_factors_long.weight'",
    ],
    [
      'YaRN without a factor',
      { 'llama.rope.scaling.type': 'yarn' },
      {},
      'the GGUF file lacks llama.rope.scaling.factor',
    ],
    [
      'factors and another scaling',
      { 'llama.rope.scale_linear': 2 },
      { 'rope_freqs.weight': [1, 1, 1, 1] },
      'and it has factors of frequencies too, expected one of them',
    ],
    [
      'factors of 0',
      {},
      { 'rope_freqs.weight': [1, 0, 1, 1] },
      "'rope_freqs.weight' of the GGUF file has a number that is not positive",
    ],
    [
      'too few factors',
      {},
      { 'rope_freqs.weight': [1, 1] },
      'ropeScaling.shortFactors has 2 entries, expected 4',
    ],
    [
      'the long factors alone',
      { 'llama.rope.scaling.type': 'longrope' },
      { 'rope_factors_long.weight': [1, 1, 1, 1] },
      'the GGUF file lacks rope_factors_short.weight',
    ],
  ])('are refused with %s', async (_, metadata, tensors, message) => {
    expect(await refusal(await edited('llama', metadata, tensors))).toContain(message);
  });
});

describe('metadata of a GGUF file', () => {
  it.each<[string, Record<string, MetadataValue>]>([
    ['llama', { 'llama.logit_scale': 0.5 }],
    ['llama', { 'llama.expert_count': 8 }],
    ['llama', { 'llama.attention.sliding_window': 4 }],
    ['llama', { 'llama.something_new': 'yes' }],
    ['stablelm', { 'stablelm.rope.scaling.type': 'linear' }],
    ['gemma3', { 'gemma3.attention.sliding_window_pattern': 2 }],
  ])('that may change what is computed is refused by name: %s %j', async (name, metadata) => {
    const [key] = Object.keys(metadata);
    const message = await refusal(await edited(name, metadata));
    expect(message).toMatch(/^loadPretrained: /);
    expect(message).toContain(`${key} of the GGUF file is `);
    expect(message).toContain('it may change what is computed, and is not known');
  });

  it.each<[string, Record<string, MetadataValue>]>([
    ['llama', { 'llama.pooling_type': 0, 'llama.expert_count': 0, 'general.whatever': 'x' }],
    ['llama', { 'llama.attention.sliding_window': 4096 }],
    [
      'llama',
      { 'llama.attention.causal': true, 'llama.tensor_data_layout': 'Meta AI original pth' },
    ],
    ['gemma3', { 'gemma3.attention.sliding_window_pattern': 6 }],
    ['qwen2', { 'qwen2.rope.scaling.type': 'none' }],
    ['llama', { 'llama.rope.scaling.attn_factor': 1 }],
    ['llama', { 'llama.rope.scaling.factor': 2, 'llama.rope.scaling.original_context_length': 6 }],
  ])('that changes nothing is not in the way: %s %j', async (name, metadata) => {
    expect(await refusal(await edited(name, metadata))).toBe('it loads');
  });

  it('with values of another width than the keys is refused', async () => {
    const path = await edited('qwen2', { 'qwen2.attention.value_length': 4 });
    expect(await refusal(path)).toContain(
      'qwen2.attention.value_length of the GGUF file is 4, expected 8 as the keys',
    );
  });

  it('is the file that errors of its config speak of', async () => {
    const file = withoutKey(fixture('llama'), 'llama.block_count');
    const path = await edited('llama', {}, {}, file);
    expect(await refusal(path)).toMatch(/num_hidden_layers is absent.*edited\.gguf'\)$/);
  });

  it.each<[string, Record<string, MetadataValue>]>([
    ['bpe', { 'tokenizer.ggml.treat_whitespace_as_suffix': true }],
    ['bpe', { 'tokenizer.ggml.new_option': 1 }],
    ['spm', { 'tokenizer.ggml.escape_whitespaces': false }],
    ['spm', { 'tokenizer.ggml.precompiled_charsmap': 'x' }],
  ])('of the tokenizer that is not known is refused by name: %s %j', async (name, metadata) => {
    const { metadata: values, close } = await openGguf(await edited(name, metadata));
    await close();
    expect(() => tokenizerOf(values)).toThrow(`${Object.keys(metadata)[0]} of the GGUF file is`);
  });
});

it('a tokenizer takes the keys of the other kind, which converters write too', async () => {
  const both = { 'tokenizer.ggml.pre': 'default', 'tokenizer.ggml.merges': ['a b'] };
  const { metadata, close } = await openGguf(await edited('spm', both));
  await close();
  expect(tokenizerOf(metadata).config).toMatchObject({ eos_token: '</s>' });
});

describe('special tokens of a GGUF file', () => {
  const specialOf = async (name: string, more: Record<string, MetadataValue>, file?: Buffer) => {
    const { metadata, close } = await openGguf(await edited(name, more, {}, file));
    await close();
    return specialIds(metadataOf(metadata));
  };

  it('are all the ends of texts and turns, by key and by text', async () => {
    const stops = { 'tokenizer.ggml.eot_token_id': 5, 'tokenizer.ggml.eom_token_id': 7 };
    // <|im_end|> is 2, the end; <|endoftext|> is 0.
    expect((await specialOf('bpe', stops)).stops).toEqual([2, 5, 7, 0]);
    await expect(specialOf('bpe', { 'tokenizer.ggml.eot_token_id': 340 })).rejects.toThrow(
      'tokenizer.ggml.eot_token_id of the GGUF file is 340, expected less than 340 (tokens)',
    );
  });

  it('are those of llama.cpp where the file does not say', async () => {
    const keys = ['bos', 'eos', 'unknown'].map((name) => `tokenizer.ggml.${name}_token_id`);
    const spm = keys
      .filter((key) => fixture('spm').includes(key))
      .reduce((file, key) => withoutKey(file, key), fixture('spm'));
    expect(await specialOf('spm', {}, spm)).toMatchObject({
      bos: 1,
      eos: 2,
      unknown: 0,
      stops: [2],
    });
    const bpe = keys
      .filter((key) => fixture('bpe').includes(key))
      .reduce((file, key) => withoutKey(file, key), fixture('bpe'));
    expect(await specialOf('bpe', {}, bpe)).toEqual({ eos: 0, stops: [0, 2] });
  });

  it('end what is generated', async () => {
    const path = await edited('llama', { 'tokenizer.ggml.eot_token_id': 3 });
    const { generationConfig, ...model } = await load(path);
    expect(generationConfig).toEqual({ eos_token_id: [28, 3] });
    disposeParams(model.params);
  });
});

describe('chat templates of a GGUF file', () => {
  it('are told apart by name', async () => {
    const path = await edited('bpe', {
      'tokenizer.chat_templates': ['tool_use', 'rag'],
      'tokenizer.chat_template.tool_use': 'TOOLS',
      'tokenizer.chat_template.rag': 'DOCUMENTS',
    });
    const { metadata, close } = await openGguf(path);
    await close();
    const tokenizer = tokenizerFromFiles(tokenizerOf(metadata));
    const say = (options: object) =>
      applyChatTemplate(tokenizer, [{ role: 'user', content: 'hi' }], options).text;
    expect([say({}), say({ tools: [] }), say({ template: 'rag' })]).toEqual([
      'hi',
      'TOOLS',
      'DOCUMENTS',
    ]);
  });

  it('are found without a list of their names', async () => {
    const path = await edited('bpe', { 'tokenizer.chat_template.tool_use': 'TOOLS' });
    const { metadata, close } = await openGguf(path);
    await close();
    const tokenizer = tokenizerFromFiles(tokenizerOf(metadata));
    const say = (options: object) =>
      applyChatTemplate(tokenizer, [{ role: 'user', content: 'hi' }], options).text;
    expect([say({}), say({ tools: [] })]).toEqual(['hi', 'TOOLS']);
  });
});

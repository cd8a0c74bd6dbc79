import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { disposeParams } from '@cfrl/engine';
import { decodeSafetensors, initParams, modelConfig } from '@cfrl/model';
import { loadPretrained, loadTokenizer, readSafetensors, savePretrained } from '@cfrl/model/node';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

let root = '';
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'cfrl-folders-'));
});
afterEach(() => rm(root, { recursive: true, force: true }));

type Architecture = Parameters<typeof modelConfig>[0]['architecture'];

/** A saved model of one layer. */
async function saved(architecture: Architecture): Promise<string> {
  const config = modelConfig({
    ...{ architecture, vocabSize: 6, hiddenSize: 8, layers: 1, heads: 2, maxPositions: 8 },
  });
  const params = initParams(config, 0);
  await savePretrained(root, { config, params });
  disposeParams(params);
  return root;
}

const load = (): Promise<string> =>
  loadPretrained(root, { tokenizer: false }).then(
    ({ params }) => (disposeParams(params), 'it loads'),
    (error: Error) => error.message,
  );

type Entry = readonly [dtype: string, shape: readonly number[], bytes: number];

/** Puts tensors of zeros behind those of a file. */
async function withTensors(entries: Readonly<Record<string, Entry>>, more: object = {}) {
  const path = join(root, 'model.safetensors');
  const file = await readFile(path);
  const length = Number(file.readBigUInt64LE(0));
  const header = JSON.parse(file.toString('utf8', 8, 8 + length)) as Record<string, object>;
  let end = file.length - 8 - length;
  for (const [name, [dtype, shape, bytes]] of Object.entries(entries)) {
    header[name] = { dtype, shape, data_offsets: [end, end + bytes] };
    end += bytes;
  }
  const json = Buffer.from(JSON.stringify({ ...header, ...more }));
  const size = Buffer.alloc(8);
  size.writeBigUInt64LE(BigInt(json.length));
  const data = file.subarray(8 + length);
  const zeros = Buffer.alloc(end - data.length);
  await writeFile(path, Buffer.concat([size, json, data, zeros]));
}

/** Changes what a JSON file of the folder says, as text. */
async function edit(name: string, change: (text: string) => string): Promise<void> {
  const path = join(root, name);
  await writeFile(path, change(await readFile(path, 'utf8')));
}

const withKeys = (keys: string) => (text: string) => text.replace(/\{/, `{${keys},`);

describe('buffers of a checkpoint', () => {
  it.each<[Architecture, Record<string, Entry>]>([
    [
      'gpt_neox',
      {
        'gpt_neox.layers.0.attention.bias': ['BOOL', [1, 1, 8, 8], 64],
        'gpt_neox.layers.0.attention.masked_bias': ['F64', [], 8],
        'gpt_neox.layers.0.attention.rotary_emb.inv_freq': ['F16', [1], 2],
        'gpt_neox.embed_in.position_ids': ['I64', [1, 8], 64],
      },
    ],
    [
      'gpt2',
      {
        'transformer.h.0.attn.bias': ['U8', [1, 1, 8, 8], 64],
        'h.0.attn.masked_bias': ['I16', [], 2],
      },
    ],
    [
      'llama',
      {
        'model.layers.0.self_attn.rotary_emb.inv_freq': ['F64', [2], 16],
        'model.rotary_emb.original_inv_freq': ['F32', [2], 8],
        'model.layers.0.self_attn.rotary_emb.cos_cached': ['BF16', [8, 4], 64],
      },
    ],
  ])('are dropped by name, whatever their dtype (%s)', async (architecture, entries) => {
    await saved(architecture);
    await withTensors(entries);
    expect(await load()).toBe('it loads');
  });

  it('are not what a parameter or an unknown tensor is: their dtype is refused by name', async () => {
    await saved('llama');
    await withTensors({ 'model.layers.0.extra': ['I64', [1], 8] });
    expect(await load()).toContain("'model.layers.0.extra' is unexpected");
    await expect(readSafetensors(join(root, 'model.safetensors'))).rejects.toThrow(
      `readSafetensors: 'model.layers.0.extra' has dtype "I64", expected one of F32, I32, F16, BF16`,
    );
    const bytes = await readFile(join(root, 'model.safetensors'));
    expect(() => decodeSafetensors(bytes)).toThrow(`'model.layers.0.extra' has dtype "I64"`);
  });

  it('may not stand for a parameter', async () => {
    await saved('llama');
    const path = join(root, 'model.safetensors');
    const file = await readFile(path, 'latin1');
    // The norm's 8 float32 are 4 doubles, and its shape says so.
    const patched = file.replace(
      /("model\.norm\.weight":\{"dtype":)"F32"(,"shape":\[)8\]/,
      '$1"F64"$24]',
    );
    expect(patched).not.toBe(file);
    await writeFile(path, patched, 'latin1');
    expect(await load()).toContain("'model.norm.weight' has shape [4], expected [8]");
  });
});

describe('a header', () => {
  it('without metadata may say null', async () => {
    await saved('llama');
    await withTensors({}, { __metadata__: null });
    expect(await load()).toBe('it loads');
  });
});

describe('a config.json', () => {
  it.each<[Architecture, string]>([
    ['llama', '"layer_types": ["full_attention"]'],
    ['llama', '"temperature": 0.6, "top_p": 0.9, "do_sample": true, "num_beams": 1'],
    [
      'llama',
      '"max_length": 20, "repetition_penalty": 1.0, "typical_p": 1.0, "length_penalty": 1.0',
    ],
    ['llama', '"early_stopping": false, "diversity_penalty": 0.0, "bad_words_ids": null'],
    ['gpt2', '"num_return_sequences": 1, "no_repeat_ngram_size": 0, "num_beam_groups": 1'],
    ['llama', '"guidance_scale": 1.5, "epsilon_cutoff": 0.0, "eta_cutoff": 0.0'],
    ['llama', '"sequence_bias": [[[1], 2.0]], "dola_layers": "low", "output_logits": true'],
    ['llama', '"num_logits_to_keep": 0'],
    ['llama', '"unused": NaN, "other": [Infinity, -Infinity], "text": "NaN: \\"Infinity\\""'],
    ['llama', '"quantization_config": null, "pretraining_tp": 1, "rope_interleaved": false'],
  ])('is not refused for what changes nothing: %s, %s', async (architecture, keys) => {
    await saved(architecture);
    await edit('config.json', withKeys(keys));
    expect(await load()).toBe('it loads');
  });

  it.each<[Architecture, string, string]>([
    ['llama', '"layer_types": ["sliding_attention"]', 'layer_types'],
    ['llama', '"logit_scale": 0.5', 'logit_scale'],
    ['llama', '"clip_qkv": 8', 'clip_qkv'],
    ['llama', '"quantization_config": {"bits": 4}', 'quantization_config'],
    ['llama', '"partial_rotary_factor": NaN', 'partialRotaryFactor'],
  ])('is refused for what changes something: %s, %s', async (architecture, keys, name) => {
    await saved(architecture);
    await edit('config.json', withKeys(keys));
    expect(await load()).toContain(name);
  });

  it('is named by the error', async () => {
    await saved('llama');
    await edit('config.json', withKeys('"logit_scale": 0.5'));
    expect(await load()).toContain(`('${join(root, 'config.json')}')`);
  });

  it('that is no JSON even of Python is refused', async () => {
    await saved('llama');
    await edit('config.json', withKeys('"a": NaNa'));
    expect(await load()).toContain('config.json in');
  });
});

describe('a tokenizer of vocab.json and merges.txt', () => {
  const vocab = {
    a: 0,
    b: 1,
    ab: 2,
    Ġ: 3,
    Ġa: 4,
    '<|endoftext|>': 5,
    '<x>': 6,
    '1': 7,
    '2': 8,
    '12': 9,
  };
  const write = async (config?: object, merges = '#version: 0.2\na b\nĠ a\n1 2\n') => {
    await writeFile(join(root, 'vocab.json'), JSON.stringify(vocab));
    await writeFile(join(root, 'merges.txt'), merges);
    await writeFile(join(root, 'added_tokens.json'), JSON.stringify({ '<x>': 6, '<new>': 10 }));
    if (config) await writeFile(join(root, 'tokenizer_config.json'), JSON.stringify(config));
  };

  it("is GPT-2's where nothing else is said", async () => {
    await write();
    const tokenizer = await loadTokenizer(root);
    expect(tokenizer.encode('ab a12')).toEqual([2, 4, 9]);
    expect(tokenizer.encode('ab<x>b<new>')).toEqual([2, 6, 1, 10]);
    expect(tokenizer.decode([2, 4, 5, 1])).toBe('ab ab');
    expect([tokenizer.endToken, tokenizer.padToken, tokenizer.vocabSize]).toEqual([5, 5, 11]);
    expect(tokenizer.encode('<|endoftext|>', { parseSpecialTokens: true })).toEqual([5]);
  });

  it("cuts numbers into digits for Qwen's, and begins texts where the config says", async () => {
    await write({ tokenizer_class: 'Qwen2Tokenizer' });
    expect((await loadTokenizer(root)).encode('a12')).toEqual([0, 7, 8]);
    await write({ tokenizer_class: 'GPT2Tokenizer', add_bos_token: true, bos_token: '<x>' });
    const tokenizer = await loadTokenizer(root);
    expect(tokenizer.encode('ab', { addSpecialTokens: true })).toEqual([6, 2]);
  });

  it('loads with its model, and is saved as tokenizer.json', async () => {
    const config = modelConfig({
      ...{
        architecture: 'gpt2',
        vocabSize: 11,
        hiddenSize: 8,
        layers: 1,
        heads: 2,
        maxPositions: 8,
      },
    });
    const params = initParams(config, 0);
    await savePretrained(root, { config, params });
    await write();
    const model = await loadPretrained(root);
    const again = join(root, 'again');
    await savePretrained(again, model);
    expect((await loadTokenizer(again)).encode('ab a<x>')).toEqual([2, 4, 6]);
    disposeParams(params);
    disposeParams(model.params);
  });

  it.each<[string, object | undefined, string | undefined, string]>([
    [
      'another class',
      { tokenizer_class: 'LlamaTokenizer' },
      undefined,
      "tokenizer_class is 'LlamaTokenizer'",
    ],
    [
      'a line of three',
      undefined,
      'a b\na b a\n',
      'merges.txt: line 2 is "a b a", expected two tokens',
    ],
  ])('is refused with %s', async (_, config, merges, message) => {
    await write(config, merges);
    await expect(loadTokenizer(root)).rejects.toThrow(message);
  });
});

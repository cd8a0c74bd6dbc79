import { readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { disposeParams } from '@cfrl/engine';
import { decodeSafetensors, forward, tokenizerFromFiles } from '@cfrl/model';
import { loadPretrained } from '@cfrl/model/node';
import * as tf from '@tensorflow/tfjs-core';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { NeedMore } from '../src/gguf/cursor.js';
import { parseGguf } from '../src/gguf/header.js';
import { metadataOf } from '../src/gguf/metadata.js';
import { openGguf } from '../src/gguf/open.js';
import { tokenizerOf } from '../src/gguf/tokenizer.js';
import { relativeError } from './fixture.js';

/** What llama.cpp's and Hugging Face's Python packages wrote; see tools/fixtures/model/make_gguf.py. */
const fixture = (name: string): string =>
  fileURLToPath(new URL(`fixtures/gguf/${name}`, import.meta.url));

let root = '';
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'cfrl-gguf-'));
});
afterEach(() => rm(root, { recursive: true, force: true }));

describe('a GGUF file', () => {
  it('has the numbers that the Python package reads, of every type', async () => {
    const { tensors: expected } = decodeSafetensors(readFileSync(fixture('types.safetensors')));
    const { tensors, close } = await openGguf(fixture('types.gguf'));
    expect(tensors.map(({ name }) => name)).toEqual([
      ...['F32', 'F16', 'BF16', 'Q8_0', 'Q4_0', 'Q4_1', 'Q5_0', 'Q5_1', 'Q4_K', 'Q5_K', 'Q6_K'],
    ]);
    for (const { name, shape, read } of tensors) {
      expect(shape).toEqual([3, 256]);
      const [numbers, theirs] = [new Float32Array(3 * 256), expected[name]!.dataSync()];
      await read(numbers);
      const differing = numbers.findIndex((number, i) => number !== theirs[i]);
      expect([name, differing]).toEqual([name, -1]);
      const rest = new Float32Array(2 * 256);
      await read(rest, 256);
      expect(rest).toEqual(numbers.subarray(256));
    }
    await close();
    tf.dispose(expected as Record<string, tf.Tensor>);
  });

  const own: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
    llama: { keyValueHeads: 2, ropeTheta: 37, maxPositions: 12 },
    gpt2: { tiedEmbeddings: true },
    qwen2: { keyValueHeads: 2, ropeTheta: 37 },
    qwen3: { keyValueHeads: 2, ropeTheta: 37, headDim: 16 },
    gemma2: {
      ...{ tiedEmbeddings: true, headDim: 16, ropeTheta: 10_000 },
      ...{ attentionSoftCap: 5, logitSoftCap: 3, slidingWindow: 4 },
    },
    gemma3: {
      ...{ architecture: 'gemma3_text', layers: 6, tiedEmbeddings: true, headDim: 16 },
      ...{ ropeTheta: 37, localRopeTheta: 10_000, slidingWindow: 4 },
    },
    phi3: { keyValueHeads: 2, ropeTheta: 37, slidingWindow: 5 },
    stablelm: { partialRotaryFactor: 0.5 },
  };

  it.each(Object.keys(own))('gives the logits of transformers (%s)', async (name) => {
    const { tensors } = decodeSafetensors(readFileSync(fixture(`${name}.safetensors`)));
    const { config, params, generationConfig } = await loadPretrained(fixture(`${name}.gguf`), {
      tokenizer: false,
    });
    expect(config).toMatchObject({
      ...{ architecture: name, vocabSize: 29, hiddenSize: 32, layers: 2, heads: 4 },
      ...{ normEpsilon: 1e-3, tiedEmbeddings: false, ...own[name] },
    });
    expect(generationConfig).toEqual({ eos_token_id: 28 });
    const tokens = tensors['tokens'] as tf.Tensor2D;
    const logits = tf.tidy(() => forward(params, config, { tokens }).logits);
    expect(relativeError(logits, tensors['logits']!)).toBeLessThan(1e-5);
    disposeParams(params);
    tf.dispose([logits, tensors as Record<string, tf.Tensor>]);
  });

  it('is found in a folder, if it is the only one', async () => {
    const bytes = readFileSync(fixture('llama.gguf'));
    await writeFile(join(root, 'a.gguf'), bytes);
    const { params } = await loadPretrained(root, { tokenizer: false });
    disposeParams(params);
    await writeFile(join(root, 'b.gguf'), bytes);
    await expect(loadPretrained(root)).rejects.toThrow(
      'has 2 GGUF files, expected one; name the file: a.gguf, b.gguf',
    );
    const named = await loadPretrained(join(root, 'b.gguf'), { tokenizer: false });
    disposeParams(named.params);
  });

  it('is read alike whatever part of it is at hand', () => {
    const bytes = readFileSync(fixture('bpe.gguf'));
    const parse = (length: number) =>
      parseGguf(bytes.subarray(0, length), bytes.length, (problem) => {
        throw new RangeError(problem);
      });
    const whole = parse(bytes.length);
    for (let length = 0; length < bytes.length; length += 17) {
      try {
        expect(parse(length)).toEqual(whole);
      } catch (error) {
        expect(error).toBeInstanceOf(NeedMore);
      }
    }
  });
});

describe('a malformed GGUF file', () => {
  const refusal = async (bytes: Uint8Array): Promise<string> => {
    await writeFile(join(root, 'x.gguf'), bytes);
    return loadPretrained(join(root, 'x.gguf'), { tokenizer: false }).then(
      ({ params }) => (disposeParams(params), 'it loads'),
      (error: Error) => error.message,
    );
  };
  const original = readFileSync(fixture('llama.gguf'));
  /** The fixture with other bytes behind the first place of a text. */
  const patched = (text: string, behind: number, bytes: readonly number[]): Buffer => {
    const copy = Buffer.from(original);
    copy.set(bytes, copy.indexOf(text) + text.length + behind);
    return copy;
  };
  const renamed = (from: string, to: string): Buffer =>
    Buffer.from(original.toString('latin1').replaceAll(from, to), 'latin1');

  it.each<[string, Buffer, string]>([
    ['nothing', Buffer.alloc(0), 'the file is truncated at 0 bytes'],
    ['another magic', Buffer.from('GGML0000000000000000'), 'it does not begin with GGUF'],
    [
      'version 1',
      Buffer.from([...original.subarray(0, 4), 1, 0, 0, 0]),
      'it has version 1, expected 2 or 3',
    ],
    [
      'big-endian numbers',
      Buffer.from([...original.subarray(0, 4), 0, 0, 0, 3]),
      'expected 2 or 3, little-endian',
    ],
    [
      'too many tensors',
      Buffer.concat([original.subarray(0, 8), Buffer.alloc(8, 1), original.subarray(16)]),
      'it has the integer 72340172838076673, expected at most 2^53',
    ],
    [
      'more tensors than there is room',
      Buffer.concat([
        original.subarray(0, 8),
        Buffer.from([0, 0, 0, 1, 0, 0, 0, 0]),
        original.subarray(16),
      ]),
      'it has 16777216 tensors, expected as many as the file has room for',
    ],
    [
      'another architecture',
      patched('general.architecture', 12, [0x6d]),
      "general.architecture is 'mlama'",
    ],
    [
      'an unknown kind of value',
      patched('llama.block_count', 0, [13]),
      'it has a value of type 13, expected 0 to 12',
    ],
    [
      'an unknown type',
      patched('blk.0.attn_q.weight', 20, [99]),
      "'blk.0.attn_q.weight' has the type 99, expected one of F32 (0)",
    ],
    [
      'rows that are no blocks',
      patched('blk.0.attn_q.weight', 4, [33]),
      'has rows of 33, expected a multiple of 32',
    ],
    [
      'five dimensions',
      patched('blk.0.attn_q.weight', 0, [5]),
      'has 5 dimensions, expected at most 4',
    ],
    [
      'a tensor beyond the end',
      patched('blk.0.attn_q.weight', 24, [0, 0, 1, 0]),
      'the file is truncated',
    ],
    ['tensors that overlap', patched('blk.0.attn_q.weight', 24, [0, 0, 0, 0]), 'tensors overlap'],
    [
      'an unknown tensor',
      renamed('blk.0.attn_q.weight', 'blk.0.attn_x.weight'),
      "'blk.0.attn_x.weight' of the GGUF file is none of",
    ],
    [
      'a tensor of Object',
      renamed('blk.0.ffn_norm.weight', 'blk.0.toString.weight'),
      'is none of this architecture',
    ],
    [
      'a layer too many',
      renamed('blk.0.attn_q.weight', 'blk.7.attn_q.weight'),
      "'model.layers.0.self_attn.q_proj.weight' is missing",
    ],
    [
      'no block count',
      renamed('llama.block_count', 'other.block_count'),
      'num_hidden_layers is absent',
    ],
    ['the end cut off', original.subarray(0, -40), 'the file is truncated'],
  ])('is refused with %s', async (_, bytes, message) => {
    expect(await refusal(bytes)).toContain(message);
  });

  it('is refused with a value of another kind', () => {
    const values = new Map<string, string | number | string[]>([
      ['a', 'text'],
      ['b', 0.1],
      ['c', ['x']],
    ]);
    const { text, flag, number, texts, numbers } = metadataOf(values);
    expect([text('a'), number('b'), texts('c'), number('d')]).toEqual([
      'text',
      0.1,
      ['x'],
      undefined,
    ]);
    expect(() => number('a')).toThrow('loadPretrained: a of the GGUF file is no number');
    expect(() => text('b')).toThrow('b of the GGUF file is no text');
    expect(() => flag('b')).toThrow('b of the GGUF file is no boolean');
    expect(() => numbers('c')).toThrow('c of the GGUF file is no list of numbers');
    expect(() => texts('b')).toThrow('b of the GGUF file is no list of texts');
    expect(metadataOf(new Map([['e', Math.fround(1e-5)]])).number('e')).toBe(1e-5);
  });

  it('is refused wherever it is cut', async () => {
    for (let length = 0; length < original.length; length += 397) {
      expect(await refusal(original.subarray(0, length))).toMatch(/^loadPretrained: .*truncated/);
    }
  });
});

describe('the tokenizer of a GGUF file', () => {
  const tokenizer = async (name: string) => {
    const { metadata, close } = await openGguf(fixture(`${name}.gguf`));
    await close();
    return tokenizerOf(metadata);
  };

  it('is a byte-level tokenizer.json', async () => {
    const { tokenizer: json, config: tokenizerConfig } = await tokenizer('bpe');
    const { vocab, merges } = json['model'] as { vocab: Record<string, number>; merges: string[] };
    expect(Object.values(vocab).sort((a, b) => a - b)).toEqual([...Array(340).keys()]);
    expect(merges.every((pair) => pair.split(' ').join('') in vocab)).toBe(true);
    expect(json['added_tokens']).toMatchObject([
      { id: 0, content: '<|endoftext|>', special: true },
      { id: 1, content: '<|im_start|>', special: true },
      { id: 2, content: '<|im_end|>', special: true },
    ]);
    expect(json).toMatchObject({
      normalizer: null,
      post_processor: null,
      pre_tokenizer: {
        type: 'Sequence',
        pretokenizers: [
          { type: 'Digits', individual_digits: true },
          { type: 'ByteLevel', add_prefix_space: false, use_regex: true },
        ],
      },
    });
    expect(tokenizerConfig).toMatchObject({
      bos_token: '<|im_start|>',
      eos_token: '<|im_end|>',
      chat_template: "{% for m in messages %}{{ m['content'] }}{% endfor %}",
    });
  });

  it('is a tokenizer.json with byte fallback for SentencePiece, which begins with its token', async () => {
    const { tokenizer: json } = await tokenizer('spm');
    const { vocab, merges } = json['model'] as {
      vocab: Record<string, number>;
      merges: [string, string][];
    };
    expect(json).toMatchObject({
      model: { type: 'BPE', unk_token: '<unk>', fuse_unk: true, byte_fallback: true },
      added_tokens: [{ content: '<unk>' }, { content: '<s>' }, { content: '</s>' }],
      post_processor: {
        single: [
          { SpecialToken: { id: '<s>', type_id: 0 } },
          { Sequence: { id: 'A', type_id: 0 } },
        ],
        special_tokens: { '<s>': { id: '<s>', ids: [1], tokens: ['<s>'] } },
      },
    });
    // Every merge makes a piece, and no piece of a better score is merged later.
    const made = merges.map((pair) => vocab[pair.join('')]!);
    expect(made).toEqual([...made].sort((a, b) => a - b));
    expect(new Set(made).size).toBeGreaterThan(50);
  });

  it.each(['bpe', 'spm'])('gives the tokens and texts of Python (%s)', async (name) => {
    const { metadata, close } = await openGguf(fixture(`${name}.gguf`));
    await close();
    const { encode, decode, chatTemplate } = tokenizerFromFiles(tokenizerOf(metadata));
    const { texts } = JSON.parse(readFileSync(fixture(`${name}.json`), 'utf8')) as {
      texts: { text: string; ids: number[]; decoded: string }[];
    };
    for (const { text, ids, decoded } of texts) {
      // Python's tokenizers reads special tokens in a text, SentencePiece does not.
      expect(encode(text, { parseSpecialTokens: name === 'bpe' })).toEqual(ids);
      expect(decode(ids)).toBe(decoded);
    }
    expect(chatTemplate !== undefined).toBe(name === 'bpe');
    if (name === 'spm') expect(encode('a', { addSpecialTokens: true })[0]).toBe(1);
  });
});

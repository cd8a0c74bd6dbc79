import { mkdir, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { applyChatTemplate, byteTokenizer, charTokenizer, tokenizerFromFiles } from '@cfrl/model';
import { loadTokenizer, saveTokenizer } from '@cfrl/model/node';
import * as fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { KINDS, readKind, texts } from './tokenizer-fixture.js';

let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'cfrl-tokenizer-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const config = { eos_token: '<|end|>', padding_side: 'left', model_max_length: 77 };

describe('a tokenizer that is saved', () => {
  it('loads again, with its templates, of every kind', async () => {
    for (const kind of KINDS) {
      for (const chatTemplate of [undefined, 'one', { default: 'one', other: 'two' }]) {
        const files = {
          tokenizer: readKind(kind).tokenizer,
          config,
          ...(chatTemplate && { chatTemplate }),
        };
        const tokenizer = tokenizerFromFiles(files);
        await rm(folder, { recursive: true, force: true });
        await saveTokenizer(folder, tokenizer);
        const loaded = await loadTokenizer(folder);
        expect(loaded.paddingSide).toBe('left');
        expect([loaded.vocabSize, loaded.endToken]).toEqual([
          tokenizer.vocabSize,
          tokenizer.endToken,
        ]);
        expect(loaded.chatTemplate).toEqual(chatTemplate);
        for (const text of texts.slice(0, 30))
          expect(loaded.encode(text)).toEqual(tokenizer.encode(text));
        // What else the config said is kept.
        const saved = JSON.parse(
          await readFile(join(folder, 'tokenizer_config.json'), 'utf8'),
        ) as object;
        expect(saved).toMatchObject({
          model_max_length: 77,
          tokenizer_class: 'PreTrainedTokenizerFast',
        });
      }
    }
  });

  it('may be one of ours, which Python reads as well', async () => {
    const text = fc.string({ unit: 'binary', maxLength: 20 });
    await saveTokenizer(folder, byteTokenizer());
    const bytes = await loadTokenizer(folder);
    fc.assert(
      fc.property(text, (each) => {
        expect(bytes.encode(each)).toEqual(byteTokenizer().encode(each));
        expect(bytes.decode(bytes.encode(each))).toBe(each);
      }),
    );
    expect([bytes.padToken, bytes.endToken, bytes.vocabSize]).toEqual([256, 257, 258]);
    const own = charTokenizer('ab 😀<|end>');
    await saveTokenizer(folder, own);
    const characters = await loadTokenizer(folder);
    expect(characters.encode('a😀 b<|end|>'.replaceAll('d|', 'd'))).toEqual(
      own.encode('a😀 b<|end>'),
    );
    expect(characters.encode('<|end|>')).toEqual(own.encode('<|end|>')); // text is data
    expect(() => characters.encode('c')).toThrow('it has no unknown token');
    expect((await readdir(folder)).sort()).toEqual(['tokenizer.json', 'tokenizer_config.json']);
  });
});

describe('loadTokenizer', () => {
  const write = (name: string, content: unknown): Promise<void> =>
    writeFile(join(folder, name), typeof content === 'string' ? content : JSON.stringify(content));

  it('reads each file of a folder', async () => {
    await write('tokenizer.json', readKind('qwen').tokenizer);
    await write('special_tokens_map.json', { eos_token: { content: '<|end|>' } });
    await write('chat_template.jinja', 'from a file');
    await mkdir(join(folder, 'additional_chat_templates'));
    await write('additional_chat_templates/tool_use.jinja', 'for tools');
    const tokenizer = await loadTokenizer(folder);
    expect(tokenizer.tokenText(tokenizer.endToken)).toBe('<|end|>');
    const messages = [{ role: 'user', content: 'x' }];
    expect(applyChatTemplate(tokenizer, messages).text).toBe('from a file');
    expect(applyChatTemplate(tokenizer, messages, { tools: [{}] }).text).toBe('for tools');
    expect((await loadTokenizer(folder, { vocabSize: 1000 })).vocabSize).toBe(1000);
  });

  it('says what is missing or broken', async () => {
    await expect(loadTokenizer(folder)).rejects.toThrow('has no tokenizer.json');
    await write('tokenizer.json', '{');
    await expect(loadTokenizer(folder)).rejects.toThrow(
      /^loadTokenizer: tokenizer.json in '.*' is not JSON, expected a JSON object: /,
    );
    await write('tokenizer.json', readKind('qwen').tokenizer);
    await expect(loadTokenizer(folder)).rejects.toThrow('tokenizer_config.json has no eos_token');
    await write('tokenizer_config.json', '[]');
    await expect(loadTokenizer(folder)).rejects.toThrow(
      /tokenizer_config.json in '.*' is \[\], expected a JSON object$/,
    );
  });

  const vocab = { a: 0, b: 1, '<|endoftext|>': 2, '</s>': 3 };
  const tokenizer = { added_tokens: [], model: { type: 'BPE', vocab, merges: [] } };

  it.each<[string, object, object, object, number, object]>([
    [
      'of the class of the model, as in the files of GPT-2',
      ...[{ model_max_length: 1024 }, { model_type: 'gpt2', eos_token_id: 2 }, {}],
      2,
      { bos_token: '<|endoftext|>', eos_token: '<|endoftext|>', unk_token: '<|endoftext|>' },
    ],
    [
      'of the class that is named',
      { tokenizer_class: 'LlamaTokenizerFast' },
      {},
      {},
      3,
      { eos_token: '</s>' },
    ],
    [
      'that the model ends with',
      {},
      { model_type: 'opt', eos_token_id: 3 },
      {},
      3,
      { eos_token: '</s>' },
    ],
    [
      'that generation ends with',
      { eos_token: null },
      { eos_token_id: 3 },
      { eos_token_id: [1, 3] },
      1,
      { eos_token: 'b' },
    ],
    [
      'that is named, whatever the model is',
      { eos_token: 'a' },
      { model_type: 'gpt2' },
      {},
      0,
      { eos_token: 'a' },
    ],
  ] as [string, object, object, object, number, object][])(
    'takes special tokens that are not named from the class or the model: the end %s',
    async (_, config, model, generation, end, special) => {
      await write('tokenizer.json', tokenizer);
      await write('tokenizer_config.json', config);
      await write('config.json', model);
      await write('generation_config.json', generation);
      const loaded = await loadTokenizer(folder);
      expect(loaded.vocabSize).toBe(4);
      expect(loaded.endToken).toBe(end);
      expect(loaded.specialTokens).toEqual(special);
      // They are written, so that they are the same elsewhere.
      await rm(join(folder, 'config.json'));
      await rm(join(folder, 'generation_config.json'));
      await saveTokenizer(folder, loaded);
      expect((await loadTokenizer(folder)).specialTokens).toEqual(special);
    },
  );

  it('refuses a token that neither names', async () => {
    await write('tokenizer.json', tokenizer);
    await write('config.json', { model_type: 'llama', eos_token_id: 99 });
    delete (tokenizer.model.vocab as Partial<typeof vocab>)['</s>'];
    await write('tokenizer.json', tokenizer);
    await expect(loadTokenizer(folder)).rejects.toThrow('has no eos_token');
  });

  it('refuses merges that are something else, or nothing', async () => {
    await write('vocab.json', { ...vocab, ab: 4 });
    const merges = (text: string) => writeFile(join(folder, 'merges.txt'), text);
    await merges('\ufeff#version: 0.2\r\na b\r\n');
    expect((await loadTokenizer(folder)).encode('ab')).toEqual([4]);
    await merges('');
    await expect(loadTokenizer(folder)).rejects.toThrow('merges.txt: the file is empty');
    await merges('version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n');
    await expect(loadTokenizer(folder)).rejects.toThrow('merges.txt: the file is a pointer of Git');
    await merges('<!DOCTYPE html>\n<html></html>');
    await expect(loadTokenizer(folder)).rejects.toThrow('merges.txt: the file is a web page');
  });
});

import {
  type LanguageModel,
  type PretrainedTokenizer,
  type Prompt,
  charTokenizer,
  encodePrompts,
  generate,
  initParams,
  modelConfig,
  tokenizerFromFiles,
} from '@cfrl/model';
import * as tf from '@tensorflow/tfjs-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const flags = {
  single_word: false,
  lstrip: false,
  rstrip: false,
  normalized: false,
  special: true,
};
const specials = ['<s>', '<|start|>', '<|end|>'];
const letters = [...'abcdefghijklmnopqrstuvwxyz<|>/ :{}"'];
const files = {
  tokenizer: {
    added_tokens: specials.map((content, i) => ({ id: i, content, ...flags })),
    post_processor: {
      type: 'TemplateProcessing',
      single: [{ SpecialToken: { id: '<s>', type_id: 0 } }, { Sequence: { id: 'A', type_id: 0 } }],
      pair: [],
      special_tokens: { '<s>': { id: '<s>', ids: [0], tokens: ['<s>'] } },
    },
    decoder: { type: 'Fuse' },
    model: {
      type: 'BPE',
      vocab: Object.fromEntries([...specials, ...letters].map((text, id) => [text, id])),
      merges: [],
    },
  },
  config: { bos_token: '<s>', eos_token: '<|end|>' },
};
const chatTemplate =
  '{{ bos_token }}{% if tools %}{{ tools[0].name }}:{% endif %}{% for m in messages %}<|start|>{{ m.role }} {{ m.content }}<|end|>{% endfor %}{% if add_generation_prompt %}<|start|>assistant {% endif %}';
const tokenizer = tokenizerFromFiles({ ...files, chatTemplate });
const config = modelConfig({
  ...{ architecture: 'llama', vocabSize: 48, hiddenSize: 8, layers: 1, heads: 2 },
  maxPositions: 128,
});
const messages = [{ role: 'user', content: 'hi' }];
const words = (text: string): number[] => tokenizer.encode(text);

let model: LanguageModel;
beforeAll(() => {
  model = { config, params: initParams(config, 0), tokenizer };
});
afterAll(() => tf.dispose(model.params as Record<string, tf.Tensor>));
const encode = (...prompts: Prompt[]) => encodePrompts(model, prompts, 4);

describe('a conversation as a prompt', () => {
  it('is read by the template, with one begin token and each special token as itself', async () => {
    const expected = [0, 1, ...words('user hi'), 2, 1, ...words('assistant ')];
    const [list, record] = encode(messages, { messages });
    expect(list).toEqual(record);
    expect(list!.tokens).toEqual(expected);
    expect(list!.text).toBe('<s><|start|>user hi<|end|><|start|>assistant ');
    const [completion] = await generate(model, [messages], { maxNewTokens: 4 });
    expect(completion!.promptTokens).toEqual(expected);
    expect(completion!.prompt).toBe(list!.text);
  });

  it('has tools, another template and variables', () => {
    const [tools, other] = encode(
      { messages, tools: [{ name: 'search' }] },
      { messages, template: '{{ x }}{{ messages[0].content }}', variables: { x: 'y' } },
    );
    expect(tools!.text.startsWith('<s>search:<|start|>user')).toBe(true);
    expect(other!.tokens).toEqual(words('yhi'));
  });

  it('is the only kind of prompt in which special tokens are read: a text is data', () => {
    const [text] = encode('<s><|end|>');
    expect(text!.tokens).toEqual([0, ...words('<s>'), ...words('<|end|>')]);
    expect(words('<s>').length).toBe(3);
  });
});

describe('generate refuses the prompt', () => {
  const plain = tokenizerFromFiles(files);
  it.each<[unknown, string, (PretrainedTokenizer | undefined)?]>([
    [[], 'prompts[1] is empty, expected at least one token'],
    [
      3,
      'prompts[1] is 3, expected a text, a list of tokens, or messages; prompts is a list of those',
    ],
    [null, 'prompts[1] is null, expected a text'],
    [{ prompt: 'a' }, 'prompts[1] is a record of prompt, expected a text'],
    [
      { text: 'a', tokens: [3] },
      'prompts[1] is a record of text, tokens, expected a text, a list of tokens, or messages; pass its tokens',
    ],
    [Int32Array.of(1), 'prompts[1] is of type Int32Array, expected a text'],
    [
      ['a', 'b'],
      'prompts[1][0] is a text, expected a token or a message; a list of texts is several prompts',
    ],
    [{ messages: [] }, 'prompts[1]: applyChatTemplate: messages is empty, expected at least one'],
    [
      [{ content: 'a' }],
      'prompts[1]: applyChatTemplate: messages[0] is {"content":"a"}, expected a record with a role',
    ],
    [
      [{ role: 'user', content: 'a' }, 3],
      'prompts[1]: applyChatTemplate: messages[1] is 3, expected a record with a role',
    ],
    [
      { messages, tool: [] },
      'prompts[1]: options has "tool", expected only messages, tools, documents',
    ],
    [
      { messages, template: '{{ raise_exception("no") }}' },
      'prompts[1]: applyChatTemplate: the template refuses: no',
    ],
    [
      messages,
      'prompts[1] is a conversation, expected a text or tokens: the tokenizer has no chat template; pass',
      plain,
    ],
    [
      [{ role: 'user', content: 'a'.repeat(200) }],
      'prompts[1] has 219 tokens, expected at most 124 (maxPositions 128 - maxNewTokens 4)',
    ],
    [[-1], 'prompts[1][0] is -1, expected a token in [0, 48)'],
    [[48], 'prompts[1][0] is 48, expected a token in [0, 48)'],
  ])('%j', async (prompt, message, own = tokenizer) => {
    const prompts = ['a', prompt] as never;
    await expect(
      generate({ ...model, tokenizer: own }, prompts, { maxNewTokens: 4 }),
    ).rejects.toThrow(`generate: ${message}`);
  });

  it('that is a conversation for a tokenizer of characters, and says how to make one that reads it', async () => {
    const characters = charTokenizer(letters.join(''));
    await expect(
      generate({ ...model, tokenizer: characters }, [messages], { maxNewTokens: 4 }),
    ).rejects.toThrow(
      'generate: prompts[0] is a conversation, expected a text or tokens: the tokenizer reads no special tokens; make it with tokenizerFromFiles',
    );
    const made = tokenizerFromFiles({
      ...{ tokenizer: characters.toJSON(), config: { eos_token: '<|end|>' } },
      chatTemplate: 'user: {{ messages[0].content }}<|end|>',
    });
    const [completion] = await generate({ ...model, tokenizer: made }, [messages], {
      maxNewTokens: 4,
    });
    expect(completion!.promptTokens).toEqual([
      ...characters.encode('user: hi'),
      characters.endToken,
    ]);
  });

  it.each<[unknown, string]>([
    [
      undefined,
      'generate: model is undefined, expected what loadPretrained gives, or { config, params, tokenizer }',
    ],
    [{}, 'generate: model.config is undefined'],
    [
      { config, params: {} },
      'generate: model.tokenizer is undefined, expected a tokenizer; load the model with one',
    ],
  ])('of the model %j', async (wrong, message) => {
    await expect(generate(wrong as never, ['a'], { maxNewTokens: 4 })).rejects.toThrow(message);
  });

  it.each<[object, string]>([
    [{ stopTokens: 3 }, 'generate: stopTokens is 3, expected a list'],
    [{ stopStrings: 'end' }, 'generate: stopStrings is end, expected a list'],
    [{ seeds: 1 }, 'generate: seeds is 1, expected a list'],
    [{ processors: { name: 'x' } }, 'generate: processors is [object Object], expected a list'],
    [
      { constraint: /a/ },
      'generate: constraint is /a/, expected what regexConstraint or jsonConstraint gives',
    ],
    [{ constraint: null }, 'generate: constraint is null, expected what'],
    [{ allowPadding: 'yes' }, 'generate: allowPadding is yes, expected true or false'],
    [
      { generationDefaults: true },
      'generate: generationDefaults is true, expected "policy" or "model"',
    ],
    [{ temperature: null }, 'generate: temperature is null'],
    [{ topK: '5' }, 'generate: topK is "5", expected a positive integer'],
    [
      { maxNewTokens: undefined },
      'generate: maxNewTokens is undefined, expected a positive integer',
    ],
    [{ eosTokenId: 2 }, 'generate: options has "eosTokenId", expected only'],
  ])('with the options %j', async (options, message) => {
    await expect(generate(model, ['a'], { maxNewTokens: 4, ...options })).rejects.toThrow(message);
  });

  it('whose model has been freed', async () => {
    const params = { ...model.params, 'model.norm.weight': tf.ones([8]) };
    params['model.norm.weight'].dispose();
    await expect(generate({ ...model, params }, ['a'], { maxNewTokens: 4 })).rejects.toThrow(
      "generate: model.params['model.norm.weight'] has been disposed, expected a tensor that is there",
    );
  });
});

import {
  byteTokenizer,
  charTokenizer,
  decodeStream,
  encodeBatch,
  padTokens,
  tokenizerFromFiles,
} from '@cfrl/model';
import type { PretrainedTokenizer } from '@cfrl/model';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { KINDS, inCodePoints, long, readKind, texts, tokenizerOf } from './tokenizer-fixture.js';

/** Well-formed texts: any characters, the awkward texts' pieces, and added tokens among them. */
const anyText = fc
  .array(
    fc.oneof(
      fc.string({ unit: 'binary', maxLength: 6 }),
      fc.string({ unit: 'grapheme', maxLength: 6 }),
      fc.constantFrom(...texts.map((text) => text.slice(0, 12).replace(/\p{Surrogate}/gu, ''))),
      fc.constantFrom('<|end|>', '<|left|>', '<|right|>', '<|single|>', 'NormTok', ' ', '  '),
    ),
    { maxLength: 6 },
  )
  .map((parts) => parts.join(''));

describe.each(KINDS)('%s, as Python tokenizes', (kind) => {
  const { expected, random, long: longExpected } = readKind(kind);
  const tokenizer = tokenizerOf(kind);
  const parse = { parseSpecialTokens: true };

  it('awkward texts, to the same ids and offsets', () => {
    texts.forEach((text, i) => {
      const { ids, offsets, asText = ids, special = ids, specialOffsets = offsets } = expected[i]!;
      const at = JSON.stringify(text);
      expect(tokenizer.encode(text, parse), at).toEqual(ids);
      expect(tokenizer.encode(text), at).toEqual(asText);
      const encoded = tokenizer.encodeWithOffsets(text, parse);
      expect(encoded.tokens, at).toEqual(ids);
      expect(inCodePoints(text, encoded.offsets), at).toEqual(offsets);
      const added = tokenizer.encodeWithOffsets(text, { ...parse, addSpecialTokens: true });
      expect(added.tokens, at).toEqual(special);
      expect(inCodePoints(text, added.offsets), at).toEqual(specialOffsets);
    });
  });

  it('and back to the same text, also from tokens in no order', () => {
    const cases = [
      ...expected.map(({ decoded, ...rest }, i) => ({ decoded: decoded ?? texts[i]!, ...rest })),
      ...random,
    ];
    for (const { ids, decoded, skipped = decoded } of cases) {
      expect(tokenizer.decode(ids, { skipSpecialTokens: false })).toBe(decoded);
      expect(tokenizer.decode(ids)).toBe(skipped);
    }
  });

  it('texts of up to 100 kB without a gap', () => {
    long.forEach(({ part, times }, i) => {
      const ids = tokenizer.encode(part.repeat(times));
      const checksum = ids.reduce((sum, id) => (sum * 31 + id + 1) % 1_000_003, 0);
      expect({ count: ids.length, checksum }, part).toEqual(longExpected[i]);
    });
  });

  it('the same with and without offsets, which are in order and inside of the text', () => {
    fc.assert(
      fc.property(anyText, (text) => {
        const { tokens, offsets } = tokenizer.encodeWithOffsets(text, parse);
        expect(tokens).toEqual(tokenizer.encode(text, parse));
        expect(offsets.length).toBe(tokens.length);
        for (const [start, end] of offsets) {
          expect(start).toBeLessThanOrEqual(end);
          expect(end).toBeLessThanOrEqual(text.length);
        }
      }),
      { numRuns: 50 },
    );
  });

  it('streams tokens to the text of all, whatever they are', () => {
    const token = fc.nat(tokenizer.vocabSize - 1);
    const stream = decodeStream(tokenizer);
    fc.assert(
      fc.property(fc.array(token, { maxLength: 20 }), (tokens) => {
        const whole = tokenizer.decode(tokens);
        let text = '';
        for (const each of tokens) {
          text += stream.push(each);
          expect(whole.startsWith(text)).toBe(true);
        }
        expect(text + stream.end()).toBe(whole);
      }),
      { numRuns: 100 },
    );
  });
});

describe('a round trip', () => {
  // Those that neither normalise nor drop anything; the others add or take spaces.
  it.each(['gpt2', 'smollm', 'llama3', 'gpt4o', 'llama2', 'mistral', 'gemma'])(
    'of %s gives every text back',
    (kind) => {
      const tokenizer = tokenizerOf(kind);
      fc.assert(
        fc.property(fc.string({ unit: 'binary', maxLength: 60 }), (text) => {
          // Tokens that were added for their spaces would take them along.
          expect(tokenizer.decode(tokenizer.encode(text), { skipSpecialTokens: false })).toBe(
            kind === 'gemma' ? text.replaceAll('▁', ' ') : backFrom(kind, text),
          );
        }),
        { numRuns: 200 },
      );
    },
  );
});

/** With Metaspace, the character that stands for spaces comes back as one. */
const backFrom = (kind: string, text: string): string =>
  kind === 'llama2' || kind === 'mistral' ? mistralBack(kind, text) : text;

const mistralBack = (kind: string, text: string): string => {
  const spaces = text.replaceAll('▁', ' ');
  // Mistral's prefix is only put where none is, and one is taken off the text.
  return kind === 'mistral' && /^[ ▁]/.test(text) ? spaces.slice(1) : spaces;
};

describe('decodeStream', () => {
  it('holds the bytes of a character back, and no more', () => {
    const tokenizer = tokenizerOf('gpt2');
    const stream = decodeStream(tokenizer);
    const tokens = tokenizer.encode('a😀b');
    const pieces = tokens.map(stream.push);
    expect(pieces.join('')).toBe('a😀b');
    expect(pieces[0]).toBe('a');
    expect(pieces.slice(1, -2).every((piece) => piece === '')).toBe(true);
    expect(stream.end()).toBe('');
  });

  it('gives out words as they come', () => {
    for (const kind of ['gpt2', 'llama2', 'unigram', 'wordpiece']) {
      const tokenizer = tokenizerOf(kind);
      const stream = decodeStream(tokenizer);
      const pieces = tokenizer.encode('the model reads').map(stream.push);
      expect(pieces.every((piece, i) => piece !== '' || i === 0)).toBe(true);
      expect(pieces.join('')).toBe('the model reads');
    }
  });

  it('knows what is before the next token, however many special ones lie between', () => {
    const tokenizer = tokenizerOf('wordpiece');
    const stream = decodeStream(tokenizer);
    const between = new Array<number>(30).fill(tokenizer.endToken);
    const tokens = [...tokenizer.encode('the'), ...between, ...tokenizer.encode('model')];
    expect(tokens.map(stream.push).join('')).toBe('the model');
  });

  it('works with tokenizers that do not say when a text is complete', () => {
    for (const tokenizer of [byteTokenizer(), charTokenizer('aé😀')]) {
      const stream = decodeStream(tokenizer);
      const pieces = tokenizer.encode('aé😀a').map(stream.push);
      expect(pieces.join('') + stream.end()).toBe('aé😀a');
    }
  });
});

describe('a model', () => {
  const read = (model: object, more: object = {}): PretrainedTokenizer =>
    tokenizerFromFiles({ tokenizer: { model, ...more }, config: { eos_token: '</s>' } });

  it('of unigrams takes the likeliest tokens, of equal ways the one with the longest first', () => {
    const end = ['</s>', 0];
    const tie = [['<u>', 0], ['a', -1], ['b', -1], ['ab', -2], end];
    expect(read({ type: 'Unigram', vocab: tie, unk_id: 0 }).encode('ab')).toEqual([3]);
    // An unknown character costs 10 nats more than the least likely token.
    const unlikely = [['<u>', 0], ['a', 5], ['xa', -1], end];
    expect(read({ type: 'Unigram', vocab: unlikely, unk_id: 0 }).encode('xa')).toEqual([2]);
    expect(read({ type: 'Unigram', vocab: unlikely, unk_id: 0 }).encode('xya')).toEqual([0, 1]);
  });

  it('of word pieces knows no word that is too long', () => {
    const model = {
      ...{ type: 'WordPiece', vocab: { '?': 0, a: 1, '##a': 2, '</s>': 3 }, unk_token: '?' },
      ...{ continuing_subword_prefix: '##', max_input_chars_per_word: 3 },
    };
    expect(read(model).encode('aaa')).toEqual([1, 2, 2]);
    expect(read(model).encode('aaaa')).toEqual([0]);
  });

  it('comes after added tokens, of which the longest counts', () => {
    const tokenizer = read(
      { type: 'BPE', vocab: { a: 0, b: 1, '</s>': 2 }, merges: [] },
      {
        added_tokens: ['<a>', '<a>b'].map((content, i) => ({ ...plainToken(content), id: 3 + i })),
      },
    );
    expect(tokenizer.encode('a<a>b<a>a', { parseSpecialTokens: true })).toEqual([0, 4, 3, 0]);
  });
});

describe('encodeBatch', () => {
  const tokenizer = tokenizerOf('mistral'); // <s> $A </s>
  const ids = (text: string): number[] => tokenizer.encode(text);
  const [start, end] = [tokenizer.tokenId('<s>')!, tokenizer.tokenId('</s>')!];

  it('pads on either side', () => {
    const rows = [ids('The fox jumps.'), ids('a'), []];
    const time = rows[0]!.length;
    for (const side of ['left', 'right'] as const) {
      const batch = encodeBatch(tokenizer, ['The fox jumps.', 'a', ''], { side });
      batch.tokens.forEach((row, i) => {
        expect(row.length).toBe(time);
        expect(row.filter((_, t) => batch.attentionMask[i]![t] === 1)).toEqual(rows[i]);
        const padding = row.filter((_, t) => batch.attentionMask[i]![t] === 0);
        expect(padding.every((token) => token === tokenizer.padToken)).toBe(true);
        const first = batch.attentionMask[i]!.indexOf(1);
        expect(first <= 0 || side === 'left').toBe(true);
      });
    }
    expect(tokenizer.paddingSide).toBe('right');
  });

  it('cuts a text, and leaves the tokens that are added', () => {
    const text = 'The fox jumps.';
    const own = ids(text);
    const options = { addSpecialTokens: true, maxLength: 5 };
    expect(encodeBatch(tokenizer, [text], options).tokens).toEqual([
      [start, ...own.slice(0, 3), end],
    ]);
    expect(encodeBatch(tokenizer, [text], { ...options, truncationSide: 'left' }).tokens).toEqual([
      [start, ...own.slice(-3), end],
    ]);
    expect(() => encodeBatch(tokenizer, [text], { ...options, maxLength: 1 })).toThrow(
      'encodeBatch: maxLength is 1, expected at least the 2 tokens that are added',
    );
  });

  it('pads to a length and to multiples', () => {
    expect(padTokens([[1], [2, 3, 4]], { padToken: 0, multipleOf: 4 }).tokens).toEqual([
      [1, 0, 0, 0],
      [2, 3, 4, 0],
    ]);
    expect(padTokens([[1]], { padToken: 0, length: 3 }).attentionMask).toEqual([[1, 0, 0]]);
    expect(padTokens([], { padToken: 0 })).toEqual({ tokens: [], attentionMask: [] });
    expect(() => padTokens([], { padToken: 0, multipleOf: 0 })).toThrow(
      'padTokens: multipleOf is 0, expected a positive integer',
    );
  });
});

describe('the files of a folder', () => {
  const { tokenizer: json } = readKind('qwen') as { tokenizer: { added_tokens: { id: number }[] } };
  const size = tokenizerOf('qwen').vocabSize;

  it('name special tokens, old folders in a file of their own', () => {
    const config = { eos_token: { content: '<|end|>', lstrip: false }, pad_token: '<|tool|>' };
    for (const files of [
      { tokenizer: json, config },
      { tokenizer: json, specialTokensMap: config },
      { tokenizer: json, config: { eos_token: '<|right|>' }, specialTokensMap: config },
    ]) {
      const tokenizer = tokenizerFromFiles(files);
      expect(tokenizer.endToken).toBe(tokenizer.tokenId('<|end|>'));
      expect(tokenizer.padToken).toBe(tokenizer.tokenId('<|tool|>'));
      expect(tokenizer.specialTokens['pad_token']).toBe('<|tool|>');
      // A token that is named is special, whatever tokenizer.json says.
      expect(tokenizer.decode([tokenizer.padToken])).toBe('');
    }
  });

  it('add tokens that tokenizer.json lacks, with the next ids', () => {
    const tokenizer = tokenizerFromFiles({
      tokenizer: json,
      config: {
        added_tokens_decoder: { [size]: { content: '<new>', special: false } },
        eos_token: '<|im_end|>',
        additional_special_tokens: ['<extra>'],
      },
    });
    expect(tokenizer.tokenId('<new>')).toBe(size);
    expect(tokenizer.endToken).toBe(size + 1);
    expect(tokenizer.vocabSize).toBe(size + 3);
    expect(tokenizer.encode('a<new>', { parseSpecialTokens: true }).at(-1)).toBe(size);
    expect(tokenizer.decode(tokenizer.encode('a<extra>b', { parseSpecialTokens: true }))).toBe(
      'ab',
    );
  });

  it('say which tokens surround a text', () => {
    const read = (config: object): PretrainedTokenizer =>
      tokenizerFromFiles({
        tokenizer: json,
        config: { eos_token: '<|end|>', bos_token: '<|tool|>', ...config },
      });
    const added = { addSpecialTokens: true };
    const both = read({ add_bos_token: true, add_eos_token: true });
    expect(both.encode('', added)).toEqual([both.tokenId('<|tool|>'), both.endToken]);
    expect(read({ add_bos_token: false }).encode('', added)).toEqual([]);
    expect(both.encode('')).toEqual([]);
  });

  it('ask for clean-up, which BPE does not do', () => {
    const read = (kind: string, config: object): string => {
      const tokenizer = tokenizerFromFiles({
        tokenizer: readKind(kind).tokenizer,
        config: { eos_token: '<|end|>', ...config },
      });
      return tokenizer.decode(tokenizer.encode("it 's fine , no ?"));
    };
    const cleans = { clean_up_tokenization_spaces: true };
    expect(read('qwen', cleans)).toBe("it 's fine , no ?");
    expect(read('unigram', cleans)).toBe("it's fine, no?");
    expect(read('unigram', {})).toBe("it 's fine , no ?");
  });

  it('may have fewer tokens than the model, whose others decode to nothing', () => {
    const tokenizer = tokenizerFromFiles(
      { tokenizer: json, config: { eos_token: '<|end|>' } },
      { vocabSize: size + 10 },
    );
    expect(tokenizer.vocabSize).toBe(size + 10);
    expect(tokenizer.decode([size + 9])).toBe('');
    expect(tokenizer.decode([size + 10, 50_000])).toBe('');
    expect(() => tokenizer.decode([0, 0.5])).toThrow(
      'decode: tokens[1] is 0.5, expected a token in [0, V)',
    );
    expect(() =>
      tokenizerFromFiles({ tokenizer: json, config: { eos_token: '<|end|>' } }, { vocabSize: 5 }),
    ).toThrow(`vocabSize is 5, expected an integer of at least ${size}`);
  });
});

describe('bad input', () => {
  const vocab = { a: 0, b: 1, ab: 2, '</s>': 3 };
  const config = { eos_token: '</s>' };
  const bpe = { type: 'BPE', vocab, merges: ['a b'] };
  const read = (tokenizer: object, more: object = config): PretrainedTokenizer =>
    tokenizerFromFiles({ tokenizer, config: more });

  it('is a lone surrogate', () => {
    for (const kind of KINDS) {
      expect(() => tokenizerOf(kind).encode('ab\uD83D')).toThrow(
        'encode: text has "\\ud83d" (U+D83D) at 2, expected well-formed text',
      );
    }
  });

  it.each([
    ['null', null, 'tokenizer.json does not fit'],
    ['no model', {}, 'model: '],
    ['another model', { model: { type: 'Tiktoken' } }, 'model.type: expected one of BPE, Unigram'],
    ['a vocabulary that is none', { model: { ...bpe, vocab: [1] } }, 'model.vocab: '],
    ['a huge id', { model: { ...bpe, vocab: { a: 1e9 } } }, 'model.vocab["a"] is 1000000000'],
    ['a merge of nothing', { model: { ...bpe, merges: ['a c'] } }, 'model.merges needs "c"'],
    ['a merge of three', { model: { ...bpe, merges: ['a b c'] } }, 'model.merges has "a b c"'],
    ['dropout', { model: { ...bpe, dropout: 0.1 } }, 'model.dropout is 0.1, expected null or 0'],
    [
      'an unknown part',
      { model: bpe, normalizer: { type: 'Magic' } },
      'normalizer.type: expected one of',
    ],
    [
      'an expression that takes for ever',
      {
        model: bpe,
        pre_tokenizer: { type: 'Split', pattern: { Regex: '(a+)+$' }, behavior: 'Isolated' },
      },
      'repetitions that may be tried again and again',
    ],
    [
      'an expression that is none',
      {
        model: bpe,
        pre_tokenizer: { type: 'Split', pattern: { Regex: '[' }, behavior: 'Isolated' },
      },
      'Unclosed character class',
    ],
    [
      'an id out of order',
      { model: bpe, added_tokens: [{ ...plainToken('x'), id: 9 }] },
      'added_tokens[0].id is 9, expected 4 for "x"',
    ],
    [
      'a template without its token',
      {
        model: bpe,
        post_processor: {
          type: 'TemplateProcessing',
          single: [{ SpecialToken: { id: '<s>' } }, { Sequence: { id: 'A' } }],
          special_tokens: {},
        },
      },
      'post_processor.single names "<s>"',
    ],
    [
      'a post-processor with a token that is none',
      { model: bpe, post_processor: { type: 'BertProcessing', sep: ['x', 9], cls: ['a', 0] } },
      'post_processor adds the token 9, expected one of the vocabulary',
    ],
  ])('is %s', (_, tokenizer, message) => {
    expect(() => tokenizerFromFiles({ tokenizer, config })).toThrow(message);
  });

  it.each([
    '(a+)+$',
    '(a|a)*b',
    '(?:aa?)*b',
    '.*.*=',
    '(?:.*x){2}',
    '\\1(a)',
    '(a*)*',
    '(?:a{1,9}){50}b',
  ])('is an expression that may take for ever: %s', (source) => {
    const pre_tokenizer = { type: 'Split', pattern: { Regex: source }, behavior: 'Isolated' };
    expect(() => read({ model: bpe, pre_tokenizer })).toThrow(
      'tokenizerFromFiles: tokenizer.json: ',
    );
  });

  it.each([
    '.*=',
    '\\s+(?!\\S)',
    '(?=(\\d{3})+(?!\\d))',
    '[a-z]*[^x]+(?i:s|t)?',
    'a++b++c',
    '(?>a*)(?>b*)c',
  ])('is not an expression of those in use: %s', (source) => {
    const pre_tokenizer = { type: 'Split', pattern: { Regex: source }, behavior: 'Isolated' };
    expect(read({ model: bpe, pre_tokenizer }).encode('ab')).toEqual([2]);
  });

  it('is a text without an end, or without unknown tokens', () => {
    expect(() => read({ model: bpe }, {})).toThrow('tokenizer_config.json has no eos_token');
    expect(() => read({ model: bpe }, { eos_token: 3 })).toThrow('has no eos_token');
    expect(() => read({ model: bpe }, { padding_side: 'up' })).toThrow(
      'tokenizer_config.json does not fit',
    );
    const word = { type: 'WordLevel', vocab, unk_token: '?' };
    expect(() => read({ model: word }).encode('c')).toThrow('it has no unknown token "?"');
    expect(() => read({ model: { ...bpe, unk_token: '?' } }).encode('c')).toThrow(
      'expected the unknown token "?" in model.vocab',
    );
    expect(read({ model: bpe }).encode('acb')).toEqual([2]); // Python drops what no token has
  });

  it('is a name of a prototype, which is a text as any other', () => {
    const odd = JSON.parse('{"__proto__":0,"constructor":1,"</s>":2}') as Record<string, number>;
    const tokenizer = read({
      pre_tokenizer: { type: 'WhitespaceSplit' },
      model: { type: 'WordLevel', vocab: odd, unk_token: '</s>' },
    });
    expect(tokenizer.encode('__proto__ constructor toString')).toEqual([0, 1, 2]);
  });
});

function plainToken(content: string): object {
  return {
    ...{ content, single_word: false, lstrip: false, rstrip: false },
    ...{ normalized: false, special: true },
  };
}

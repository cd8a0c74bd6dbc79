import { byteTokenizer, charTokenizer, tokenizerFromJson } from '@cfrl/model';
import type { TokenizerJson } from '@cfrl/model';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

const throughJson = (value: unknown): TokenizerJson =>
  JSON.parse(JSON.stringify(value)) as TokenizerJson;

/** Any string, lone surrogates among them. */
const anyString = fc.string({
  unit: fc.integer({ min: 0, max: 0xffff }).map((n) => String.fromCharCode(n)),
});
const wellFormed = fc.string({ unit: 'binary' });
const isWellFormed = (text: string): boolean => !/\p{Surrogate}/u.test(text);

describe('byteTokenizer', () => {
  const tokenizer = byteTokenizer();

  it('encodes to the UTF-8 bytes and back, for every well-formed text', () => {
    fc.assert(
      fc.property(wellFormed, (text) => {
        const tokens = tokenizer.encode(text);
        expect(tokens).toEqual([...Buffer.from(text, 'utf8')]);
        expect(tokenizer.decode(tokens)).toBe(text);
      }),
    );
    for (const text of ['', '\uFEFFx', '\u0000', '<|end|>', '\r\n']) {
      expect(tokenizer.decode(tokenizer.encode(text))).toBe(text);
    }
  });

  it('refuses text with a lone surrogate and takes every other', () => {
    fc.assert(
      fc.property(anyString, (text) => {
        if (isWellFormed(text)) expect(tokenizer.decode(tokenizer.encode(text))).toBe(text);
        else expect(() => tokenizer.encode(text)).toThrow('a surrogate stands alone');
      }),
    );
    expect(() => tokenizer.encode('ab\uD83Dc')).toThrow(
      'encode: text has "\\ud83d" (U+D83D) at 2, expected well-formed text',
    );
  });

  it('decodes bytes that are no UTF-8 to replacement characters, and leaves special tokens out', () => {
    expect(tokenizer.decode([0x61, 0xff, 0xe2, 0x82, 0x62, 256, 257])).toBe('a\uFFFD\uFFFDb');
    expect(tokenizer.vocabSize).toBe(258);
    // Rows of a padded embedding, as in Python.
    expect(tokenizer.decode([0x61, 258, 50_000, 0x62])).toBe('ab');
    expect(() => tokenizer.decode([0, -1])).toThrow(
      'decode: tokens[1] is -1, expected a token in [0, V)',
    );
  });
});

describe('charTokenizer', () => {
  const alphabets = fc.uniqueArray(fc.string({ unit: 'binary', minLength: 1, maxLength: 1 }), {
    minLength: 1,
    maxLength: 12,
  });

  it('numbers the characters in their order, and comes back from every text over them', () => {
    fc.assert(
      fc.property(alphabets, fc.array(fc.nat()), (alphabet, draws) => {
        const tokenizer = charTokenizer(alphabet.join(''));
        expect(tokenizer.encode(alphabet.join(''))).toEqual(alphabet.map((_, i) => i));
        const text = draws.map((n) => alphabet[n % alphabet.length]).join('');
        const tokens = tokenizer.encode(text);
        expect(tokens.length).toBe(draws.length);
        expect(tokenizer.decode([...tokens, tokenizer.padToken, tokenizer.endToken])).toBe(text);
      }),
    );
  });

  it('names an unknown character', () => {
    expect(() => charTokenizer('ab😀').encode('a😀é')).toThrow(
      'encode: character 2 of text is "é" (U+00E9), expected one of the 3 of the alphabet',
    );
    expect(() => charTokenizer('ab').encode('\uD83D')).toThrow('(U+D83D)');
  });

  it('refuses an alphabet that is none', () => {
    expect(() => charTokenizer('')).toThrow('charTokenizer: alphabet is empty');
    expect(() => charTokenizer('aba')).toThrow('charTokenizer: alphabet has "a" (U+0061) twice');
    expect(() => charTokenizer('a\uDC00')).toThrow(
      'charTokenizer: alphabet has "\\udc00" (U+DC00)',
    );
  });

  it.each([-1, 2 ** 31, 0.5, NaN])('refuses to decode %s', (token) => {
    expect(() => charTokenizer('ab').decode([token])).toThrow(
      `decode: tokens[0] is ${token}, expected a token in [0, V)`,
    );
  });
});

describe('tokenizerFromJson', () => {
  it('reads what the tokenizers wrote', () => {
    const byte = tokenizerFromJson(throughJson(byteTokenizer()));
    expect(byte.encode('é')).toEqual([195, 169]);
    expect(byte.vocabSize).toBe(258);
    // digits, which JSON objects move to the front
    const char = tokenizerFromJson(throughJson(charTokenizer('b10a😀')));
    expect(char.encode('a01b😀')).toEqual([3, 2, 1, 0, 4]);
    expect([char.padToken, char.endToken]).toEqual([5, 6]);
  });

  it('writes the byte characters of GPT-2', () => {
    const { vocab } = byteTokenizer().toJSON().model as { vocab: Record<string, number> };
    expect([vocab['a'], vocab['Ġ'], vocab['Ċ'], vocab['Ń'], vocab['ÿ']]).toEqual([
      97, 32, 10, 173, 255,
    ]);
    expect(Object.keys(vocab).length).toBe(256);
  });

  it('reads a file that transformers wrote again', () => {
    const json = {
      ...throughJson(charTokenizer('ab')),
      padding: { strategy: 'BatchLongest' },
      post_processor: {
        type: 'TemplateProcessing',
        single: [{ Sequence: { id: 'A', type_id: 0 } }],
        pair: [{ Sequence: { id: 'A', type_id: 0 } }, { Sequence: { id: 'B', type_id: 1 } }],
        special_tokens: {},
      },
    };
    expect(tokenizerFromJson(json).encode('ba')).toEqual([1, 0]);
  });

  it('refuses any other tokenizer', () => {
    const char = throughJson(charTokenizer('ab'));
    const byte = throughJson(byteTokenizer());
    const others = [
      null,
      {},
      { ...byte, model: { ...byte.model, merges: [['a', 'b']] } },
      { ...byte, normalizer: { type: 'NFC' } },
      { ...char, added_tokens: [] },
      { ...char, model: { ...char.model, vocab: { a: 0, bc: 1 } } },
      { ...char, model: { ...char.model, vocab: { a: 0, b: 2 } } },
      {
        ...char,
        post_processor: { type: 'TemplateProcessing', single: [{ SpecialToken: { id: 'x' } }] },
      },
    ];
    for (const json of others) {
      expect(() => tokenizerFromJson(json)).toThrow(
        'expected one that byteTokenizer or charTokenizer wrote',
      );
    }
  });
});

import {
  type Constraint,
  type Json,
  type Tokenizer,
  byteTokenizer,
  charTokenizer,
  jsonConstraint,
  regexConstraint,
} from '@cfrl/model';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

/** A tokenizer of pieces that overlap, with bytes for everything else: what a BPE looks like from outside. */
function pieceTokenizer(pieces: readonly string[]): Tokenizer {
  const bytes = byteTokenizer();
  const json = bytes.toJSON();
  const byteText = Object.entries(json.model['vocab'] as Record<string, number>);
  const characters = new Map(byteText.map(([character, byte]) => [byte, character]));
  const ids = pieces.map((piece, i) => {
    const text = bytes
      .encode(piece)
      .map((byte) => characters.get(byte))
      .join('');
    return [text, bytes.vocabSize + i] as const;
  });
  const vocab = { ...(json.model['vocab'] as Record<string, number>), ...Object.fromEntries(ids) };
  return {
    ...bytes,
    vocabSize: bytes.vocabSize + pieces.length,
    encode: bytes.encode,
    decode: (tokens) =>
      bytes.decode(
        tokens.flatMap((token) =>
          token < bytes.vocabSize ? [token] : bytes.encode(pieces[token - bytes.vocabSize]!),
        ),
      ),
    toJSON: () => ({ ...json, model: { ...json.model, vocab } }),
  };
}

/** The state after tokens, -1 if one of them must not come. */
const walk = ({ start, after }: Constraint, tokens: readonly number[]): number | undefined =>
  tokens.reduce<number | undefined>((state, token) => {
    const next = state === undefined ? -1 : after(state)[token]!;
    return next < 0 ? undefined : next;
  }, start);

const allows = (constraint: Constraint, tokens: readonly number[]): boolean => {
  const state = walk(constraint, tokens);
  return state !== undefined && constraint.accepts(state);
};

const bytes = byteTokenizer();

describe('regexConstraint', () => {
  const patterns = [
    [/a*b|(?:ab)+/u, ['b', 'aab', 'ababab']],
    [/[^a]é?\u{1f600}*/u, ['\u{1f600}\u{1f600}', 'éé', '\n']],
    [/\p{Lu}\d{2,3}/u, ['Ö11', 'Ω222']],
    [/(?:yes|no|nö)!?/iu, ['YES', 'nÖ!', 'ye\u017f']],
    [/.*\s/su, ['\n\n', 'é ']],
    [/[a-c€]{0,2}[\u{10000}-\u{10ffff}]/u, ['€a\u{10fffd}', '\u{1f600}']],
    [/a??b+?/u, ['ab', 'bbb']],
    [/(a|b)\1/u, ['aa', 'bb']],
  ] as const;
  const character = fc.constantFrom(
    ...'abBé1 2!YESnoÖö€\n',
    '\u{1f600}',
    '\u{10fffd}',
    'Ω',
    '\u{d7ff}',
  );
  const text = fc.array(character, { maxLength: 6 }).map((all) => all.join(''));

  it.each(patterns)('allows the texts that %s matches as a whole', (pattern, samples) => {
    const constraint = regexConstraint(bytes, pattern);
    const whole = new RegExp(`^(?:${pattern.source})$`, pattern.flags);
    fc.assert(
      fc.property(fc.oneof(text, fc.constantFrom(...samples)), (value) => {
        expect(allows(constraint, bytes.encode(value))).toBe(whole.test(value));
      }),
      { numRuns: 300 },
    );
    for (const sample of samples) expect(allows(constraint, bytes.encode(sample))).toBe(true);
  });

  it('allows after every prefix just those tokens after which some text matches', () => {
    const pieces = ['ab', 'abab', 'ba', 'é', 'éb', 'bé'];
    const tokenizer = pieceTokenizer(pieces);
    const pattern = /(?:ab)+é?|bé{2}/u;
    const constraint = regexConstraint(tokenizer, pattern);
    // Every text that matches, up to a length that no walk here reaches.
    const matching = Array.from({ length: 12 }, (_, i) => 'ab'.repeat(i + 1)).flatMap((each) => [
      each,
      `${each}é`,
    ]);
    const prefixes = new Set(
      [...matching, 'béé'].flatMap((each) => {
        const all = bytes.encode(each);
        return Array.from({ length: all.length + 1 }, (_, i) => all.slice(0, i).join());
      }),
    );
    const bytesOf = (token: number): number[] =>
      token < 258 ? [token] : bytes.encode(pieces[token - 258]!);
    fc.assert(
      fc.property(fc.array(fc.nat(tokenizer.vocabSize), { maxLength: 4 }), (choices) => {
        let state = constraint.start;
        let written: number[] = [];
        for (const choice of choices) {
          const after = constraint.after(state);
          const allowed = [...after.keys()].filter((token) => after[token]! >= 0);
          const expected = [...after.keys()].filter(
            (token) =>
              token !== tokenizer.endToken &&
              token !== tokenizer.padToken &&
              prefixes.has([...written, ...bytesOf(token)].join()),
          );
          expect(allowed).toEqual(expected);
          if (allowed.length === 0) return;
          const token = allowed[choice % allowed.length]!;
          state = after[token]!;
          written = [...written, ...bytesOf(token)];
        }
      }),
    );
  });

  it('reads vocabularies with a mark for spaces, and forgets the first space as their decoders do', () => {
    const json = {
      ...charTokenizer('ab').toJSON(),
      decoder: {
        type: 'Sequence',
        decoders: [
          { type: 'Replace', pattern: { String: '\u2581' }, content: ' ' },
          { type: 'ByteFallback' },
          { type: 'Fuse' },
          { type: 'Strip', content: ' ', start: 1, stop: 0 },
        ],
      },
      added_tokens: [],
      model: { type: 'BPE', vocab: { '\u2581a': 0, a: 1, '\u2581': 2, '<0xC3>': 3, '<0xA9>': 4 } },
    };
    const tokenizer = { ...charTokenizer('abc'), toJSON: () => json as never };
    const constraint = regexConstraint(tokenizer, /a aé?/);
    for (const [tokens, allowed] of [
      [[0, 0], true],
      [[1, 0], true],
      [[1, 2, 1], true],
      [[2, 1, 0], true],
      [[0, 0, 3, 4], true],
      [[2, 2, 1, 0], false],
      [[0, 1], false],
      [[0, 0, 3], false],
      [[0, 0, 4, 3], false],
    ] as const) {
      expect(allows(constraint, tokens), tokens.join()).toBe(allowed);
    }
  });

  it.each([
    [
      '^a',
      'regexConstraint: pattern is ^a, expected a regular expression without assertions and backreferences; Assertions are not',
    ],
    ['a(?=b)', 'Assertions are not supported'],
    ['\\bx', 'Assertions are not supported'],
    ['(a*)\\1', 'expected a regular expression without assertions and backreferences'],
    ['[', 'Unterminated character class'],
    ['[^\\s\\S]', 'regexConstraint: pattern is [^\\s\\S], expected one that matches a text of'],
    [/a/g, 'regexConstraint: pattern has the flags "g", expected only i, s, u and v'],
  ])('refuses %s', (pattern, message) => {
    expect(() => regexConstraint(bytes, pattern)).toThrow(message);
  });

  it('leads to no text that cannot be completed with the tokens there are', () => {
    const letters = charTokenizer('abc');
    const constraint = regexConstraint(letters, /a(?:bz|c)|bx+/);
    expect(Array.from(constraint.after(constraint.start), (next) => next >= 0)).toEqual([
      true,
      false,
      false,
      false,
      false,
    ]);
    const after = constraint.after(walk(constraint, [0])!);
    expect(Array.from(after, (next) => next >= 0)).toEqual([false, false, true, false, false]);
    // UTF-8 has no surrogates.
    const lone = regexConstraint(bytes, /a[\ud800-\udfff]|bc/u);
    expect(Array.from(lone.after(lone.start).slice(97, 99), (next) => next >= 0)).toEqual([
      ...[false, true],
    ]);
    expect(() => regexConstraint(letters, 'az')).toThrow(
      "regexConstraint: pattern is az, expected one that matches a text of the tokenizer's tokens",
    );
  });

  it('refuses tokenizers whose tokens depend on their neighbours', () => {
    const json = { ...bytes.toJSON(), decoder: { type: 'WordPiece', prefix: '##' } };
    expect(() => regexConstraint({ ...bytes, toJSON: () => json }, 'a')).toThrow(
      'constraint: the tokenizer has the decoder WordPiece, expected ByteLevel, Fuse,',
    );
  });
});

describe('jsonConstraint', () => {
  const allowsText = (schema: Json, value: string): boolean =>
    allows(jsonConstraint(bytes, schema), bytes.encode(value));

  /** A schema, values that it describes, and values that it does not. */
  interface Described {
    readonly schema: Json;
    readonly valid: fc.Arbitrary<Json>;
    readonly invalid: fc.Arbitrary<Json>;
  }
  const wellFormed = (constraints?: fc.StringConstraints) =>
    fc
      .string({ unit: 'grapheme', ...constraints })
      .filter((value) => !/\p{Surrogate}/u.test(value));
  const scalars: readonly Described[] = [
    { schema: { type: 'null' }, valid: fc.constant(null), invalid: fc.constantFrom(0, 'null') },
    { schema: { type: 'boolean' }, valid: fc.boolean(), invalid: fc.constantFrom(0, 'true', null) },
    {
      schema: { type: 'integer', title: 'n' },
      valid: fc.integer(),
      invalid: fc.constantFrom(0.5, '1'),
    },
    {
      schema: { type: 'number' },
      valid: fc.oneof(fc.integer(), fc.constantFrom(0.25, -1e-7, 1e21, 1.5e-9)),
      invalid: fc.constantFrom('1', null),
    },
    { schema: { type: 'string' }, valid: wellFormed(), invalid: fc.constantFrom(1, null) },
    {
      schema: { type: 'string', minLength: 2, maxLength: 3 },
      valid: fc.constantFrom('ab', '"\\"', '\u{1f600}\u{1f600}', 'a\nb', '\u0001é'),
      invalid: fc.constantFrom('a', 'abcd', '\u{1f600}'),
    },
    {
      schema: { enum: ['a.c', 1, null, [true]] },
      valid: fc.constantFrom<Json>('a.c', 1, null, [true]),
      invalid: fc.constantFrom<Json>('abc', 2, [], false),
    },
    {
      schema: { const: { a: ['(', 'x'] } },
      valid: fc.constant({ a: ['(', 'x'] }),
      invalid: fc.constantFrom<Json>({}, { a: ['('] }),
    },
    {
      schema: { type: ['string', 'null'], maxLength: 1 },
      valid: fc.constantFrom(null, '', 'a'),
      invalid: fc.constantFrom('ab', 0),
    },
    {
      schema: { type: 'string', enum: ['x', 'y'] },
      valid: fc.constantFrom('x', 'y'),
      invalid: fc.constantFrom('z', 1),
    },
  ];
  const arrayOf = ({ schema, valid, invalid }: Described): Described => ({
    schema: { type: 'array', items: schema, minItems: 1, maxItems: 3 },
    valid: fc.array(valid, { minLength: 1, maxLength: 3 }),
    invalid: fc.oneof(
      fc.array(valid, { minLength: 4, maxLength: 5 }),
      fc.constant([]),
      fc.tuple(valid, invalid),
    ),
  });
  const objectOf = (a: Described, b: Described, c: Described): Described => ({
    schema: {
      type: 'object',
      properties: { 'a"b': a.schema, b: b.schema, 'c.': c.schema },
      required: ['b'],
      additionalProperties: false,
    },
    valid: fc
      .tuple(
        fc.option(a.valid, { nil: undefined }),
        b.valid,
        fc.option(c.valid, { nil: undefined }),
      )
      .map(([x, y, z]) => JSON.parse(JSON.stringify({ 'a"b': x, b: y, 'c.': z })) as Json),
    invalid: fc.oneof(
      a.valid.map((x): Json => ({ 'a"b': x })),
      fc.tuple(a.invalid, b.valid).map(([x, y]): Json => ({ 'a"b': x, b: y })),
      b.valid.map((y): Json => ({ b: y, more: 1 })),
    ),
  });
  const described: readonly Described[] = [
    ...scalars,
    ...scalars.map(arrayOf),
    arrayOf(arrayOf(scalars[2]!)),
    objectOf(scalars[2]!, scalars[4]!, scalars[1]!),
    objectOf(arrayOf(scalars[0]!), objectOf(scalars[3]!, scalars[5]!, scalars[6]!), scalars[7]!),
    {
      schema: {
        anyOf: [{ $ref: '#/$defs/on' }, { type: 'array', items: { $ref: '#/$defs/on' } }],
        $defs: { on: { const: 'on' } },
      },
      valid: fc.constantFrom<Json>('on', [], ['on', 'on']),
      invalid: fc.constantFrom<Json>('off', ['off']),
    },
  ];

  it.each(described.map((each) => [JSON.stringify(each.schema), each] as const))(
    'allows the values of %s, and no others',
    (_, { schema, valid, invalid }) => {
      const constraint = jsonConstraint(bytes, schema);
      const ways = (value: Json): string[] => {
        const compact = JSON.stringify(value);
        // One space after commas and colons, as Python writes them; none in strings here, which have no line breaks.
        const spaced = JSON.stringify(value, undefined, 1)
          .replaceAll(/\n */g, ' ')
          .replaceAll(/([[{]) | ([\]}])/g, '$1$2');
        return JSON.stringify(JSON.parse(spaced)) === compact ? [compact, spaced] : [compact];
      };
      fc.assert(
        fc.property(valid, (value) => {
          for (const way of ways(value))
            expect(allows(constraint, bytes.encode(way)), way).toBe(true);
        }),
        { numRuns: 30 },
      );
      fc.assert(
        fc.property(invalid, (value) => {
          expect(allows(constraint, bytes.encode(JSON.stringify(value)))).toBe(false);
        }),
        { numRuns: 30 },
      );
    },
  );

  it('walks to values of the schema, whatever allowed tokens are drawn', () => {
    const schema = objectOf(arrayOf(scalars[3]!), scalars[5]!, scalars[4]!).schema;
    const tokenizer = pieceTokenizer([
      '{"',
      '":',
      '", "',
      '},',
      '12',
      'e-',
      '\\u00',
      '\\ud',
      '😀',
      '"}',
      ', "c.',
    ]);
    const constraint = jsonConstraint(tokenizer, schema);
    fc.assert(
      fc.property(fc.infiniteStream(fc.nat()), (choices) => {
        let state = constraint.start;
        const tokens: number[] = [];
        while (tokens.length < 200) {
          const after = constraint.after(state);
          const allowed = [...after.keys()].filter((token) => after[token]! >= 0);
          if (allowed.length === 0) break;
          // Quotes and brackets are likely, so that strings and lists end.
          const closing = allowed.filter((token) => /["\]}]/.test(tokenizer.decode([token])));
          const choice = choices.next().value;
          const among = closing.length > 0 && choice % 3 > 0 ? closing : allowed;
          const token = among[choice % among.length]!;
          state = after[token]!;
          tokens.push(token);
        }
        fc.pre(constraint.accepts(state));
        const value = JSON.parse(tokenizer.decode(tokens)) as Record<string, Json>;
        expect(Object.keys(value).filter((key) => !['a"b', 'b', 'c.'].includes(key))).toEqual([]);
        const length = [...(value['b'] as string)].length;
        expect(length === 2 || length === 3).toBe(true);
        const list = value['a"b'] as number[] | undefined;
        if (list)
          expect(list.every(Number.isFinite) && list.length >= 1 && list.length <= 3).toBe(true);
        if (value['c.'] !== undefined) expect(typeof value['c.']).toBe('string');
      }),
    );
  });

  it('takes one space after commas and colons, and no other', () => {
    const schema = { type: 'object', properties: { a: { type: 'integer' }, b: { type: 'null' } } };
    expect(allowsText(schema, '{}')).toBe(true);
    expect(allowsText(schema, '{"b": null}')).toBe(true);
    expect(allowsText(schema, '{"a":1, "b":null}')).toBe(true);
    for (const other of [
      '{ }',
      '{"a" :1}',
      '{"a":  1}',
      '{"a":1,}',
      '{"b":null,"a":1}',
      '{"a":01}',
      '{"a":1,"a":1}',
    ]) {
      expect(allowsText(schema, other), other).toBe(false);
    }
  });

  it.each([
    [
      true,
      'jsonConstraint: schema is true, expected an object with type, enum, const, anyOf or $ref',
    ],
    [{}, 'jsonConstraint: schema.type is absent, expected one of null, boolean, integer, number,'],
    [{ type: 'date' }, 'jsonConstraint: schema.type is "date", expected one of null, boolean,'],
    [
      { type: 'string', pattern: 'a' },
      'jsonConstraint: schema.pattern is given, expected only type, minLength, maxLength here',
    ],
    [
      { type: 'integer', minimum: 1 },
      'jsonConstraint: schema.minimum is given, expected only type here',
    ],
    [{ type: 'array' }, 'jsonConstraint: schema.items is absent, expected a schema'],
    [
      { type: 'array', items: { type: 'null' }, minItems: 2, maxItems: 1 },
      'jsonConstraint: schema.maxItems is 1, expected at least minItems, 2',
    ],
    [
      { type: 'string', minLength: -1 },
      'jsonConstraint: schema.minLength is -1, expected a non-negative integer',
    ],
    [
      { type: 'object', properties: { a: { type: 'null' } }, required: ['b'] },
      'jsonConstraint: schema.required is "b", expected only names of properties',
    ],
    [
      { type: 'object', properties: { a: { oneOf: [] } } },
      'jsonConstraint: schema.properties.a.type is absent',
    ],
    [{ anyOf: [] }, 'jsonConstraint: schema.anyOf is [], expected a list that is not empty'],
    [
      { anyOf: [{ type: 'null' }], type: 'null' },
      'jsonConstraint: schema.type is given, expected only anyOf here',
    ],
    [
      { type: 'integer', enum: [1, 'a'] },
      'jsonConstraint: schema.enum is "a", expected only values of the type integer',
    ],
    [
      { $ref: '#/$defs/a', $defs: { a: { type: 'array', items: { $ref: '#/$defs/a' } } } },
      'jsonConstraint: schema(#/$defs/a).items.$ref is "#/$defs/a", expected no schema within itself',
    ],
    [
      { $ref: '#/$defs/a' },
      'jsonConstraint: schema.$ref is "#/$defs/a", expected a place that exists',
    ],
    [{ $ref: 'https://example.org/a' }, 'expected a place in the schema itself'],
  ] as const)('refuses %j', (schema, message) => {
    expect(() => jsonConstraint(bytes, schema)).toThrow(message);
  });
});

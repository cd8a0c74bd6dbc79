import { z } from 'zod';

import { byteCharacters, utf8 } from './bytes.js';
import { type Segment, compilePattern, patternSchema, segments } from './pattern.js';
import { type Edit, type Piece, editPiece, slicePiece } from './piece.js';
import { orSequence } from './sequence.js';

export type PreTokenizer = (piece: Piece) => Piece[];

const behavior = z.enum([
  'Removed',
  'Isolated',
  'MergedWithPrevious',
  'MergedWithNext',
  'Contiguous',
]);
type Behavior = z.infer<typeof behavior>;

const character = z
  .string()
  .refine((text) => Array.from(text).length === 1, 'expected one character');

/** `Metaspace`, which is a decoder too; older files say `add_prefix_space` instead of a scheme. */
export const metaspaceSchema = z.object({
  type: z.literal('Metaspace'),
  replacement: character,
  prepend_scheme: z.enum(['always', 'first', 'never']).optional(),
  add_prefix_space: z.boolean().optional(),
  split: z.boolean().default(true),
});

/** When a Metaspace puts its replacement before a text. */
export const prependScheme = ({
  prepend_scheme: scheme,
  add_prefix_space: prefix = true,
}: Pick<z.infer<typeof metaspaceSchema>, 'prepend_scheme' | 'add_prefix_space'>):
  'always' | 'first' | 'never' => scheme ?? (prefix ? 'always' : 'never');

const simple = z.discriminatedUnion('type', [
  z.object({
    type: z.literal('ByteLevel'),
    add_prefix_space: z.boolean(),
    use_regex: z.boolean().default(true),
  }),
  metaspaceSchema,
  z.object({
    type: z.literal('Split'),
    pattern: patternSchema,
    behavior,
    invert: z.boolean().default(false),
  }),
  z.object({ type: z.literal('Digits'), individual_digits: z.boolean().default(false) }),
  z.object({ type: z.literal('Punctuation'), behavior: behavior.default('Isolated') }),
  z.object({ type: z.literal('CharDelimiterSplit'), delimiter: character }),
  z.object({ type: z.literal('FixedLength'), length: z.int().positive() }),
  z.object({ type: z.enum(['Whitespace', 'WhitespaceSplit', 'BertPreTokenizer']) }),
]);

type Config = z.infer<typeof simple> | { type: 'Sequence'; pretokenizers: Config[] };

/** A pre-tokenizer of a `tokenizer.json`. */
export const preTokenizerSchema = orSequence<Config>('pretokenizers', simple);

const GPT2 =
  /'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\p{White_Space}\p{L}\p{N}]+|\p{White_Space}+(?!\P{White_Space})|\p{White_Space}+/gu;
const SPACE = /\p{White_Space}/gu;
const WORDS =
  /[\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\p{Join_Control}]+|[^\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\p{Join_Control}\p{White_Space}]+/gu;
const PUNCTUATION = /[\p{P}!-/:-@[-`{-~]/gu;
const NUMERIC = /\p{N}/gu;

/** Joins matches to their neighbours, or drops them. */
function arrange(found: readonly Segment[], how: Behavior): readonly Segment[] {
  if (how === 'Isolated') return found;
  if (how === 'Removed') return found.filter(({ match }) => !match);
  const backwards = how === 'MergedWithNext';
  const joined: Segment[] = [];
  let previous = false;
  for (const segment of backwards ? found.toReversed() : found) {
    const last = joined.at(-1);
    const joins = how === 'Contiguous' ? last?.match === segment.match : segment.match && !previous;
    if (!last || !joins) joined.push({ ...segment });
    else if (backwards) last.start = segment.start;
    else last.end = segment.end;
    previous = segment.match;
  }
  return backwards ? joined.reverse() : joined;
}

const splitting =
  (expression: RegExp, how: Behavior, invert = false): PreTokenizer =>
  (piece) => {
    const found = segments(piece.text, expression);
    const all = invert ? found.map((each) => ({ ...each, match: !each.match })) : found;
    return arrange(all, how)
      .filter(({ start, end }) => end > start)
      .map(({ start, end }) => slicePiece(piece, start, end));
  };

const flatInOrder =
  (steps: readonly PreTokenizer[]): PreTokenizer =>
  (piece) =>
    steps.reduce((pieces, step) => pieces.flatMap(step), [piece]);

/** Prepends to a piece, unless it is empty or begins with it. */
const prepended = (piece: Piece, content: string): Piece =>
  piece.text === '' || piece.text.startsWith(content)
    ? piece
    : editPiece(piece, [{ start: 0, end: 0, content }]);

const ASCII = /^[\0-\x7F]*$/;

/** Writes a character for each byte of UTF-8. */
function toByteCharacters(piece: Piece): Piece {
  const { text, first, origin } = piece;
  let mapped = '';
  if (ASCII.test(text)) {
    for (let i = 0; i < text.length; i++) mapped += byteCharacters[text.charCodeAt(i)]!;
    return { ...piece, text: mapped };
  }
  const bytes = utf8(text);
  for (const byte of bytes) mapped += byteCharacters[byte]!;
  if (origin === undefined) return { text: mapped, first };
  const from = new Int32Array(bytes.length);
  const to = new Int32Array(bytes.length);
  let [start, end] = [0, 0];
  bytes.forEach((byte, i) => {
    if ((byte & 0xc0) !== 0x80) {
      start = end;
      end += byte >= 0xf0 ? 2 : 1; // UTF-16 units of the character that begins here
    }
    from[i] = origin.from[start]!;
    to[i] = origin.to[end - 1]!;
  });
  return { text: mapped, first, origin: { from, to } };
}

function byteLevel(prefix: boolean, split: boolean): PreTokenizer {
  const words = splitting(GPT2, 'Isolated');
  return (piece) => {
    const whole = prefix ? prepended(piece, ' ') : piece;
    return (split ? words(whole) : [whole]).map(toByteCharacters);
  };
}

function metaspace(config: z.infer<typeof metaspaceSchema>): PreTokenizer {
  const { replacement, split } = config;
  const scheme = prependScheme(config);
  const words = splitting(compilePattern({ String: replacement }), 'MergedWithNext');
  return (piece) => {
    const places = (): Edit[] =>
      Array.from(piece.text.matchAll(/ /g), ({ index: start }) => ({
        start,
        end: start + 1,
        content: replacement,
      }));
    const replaced =
      replacement.length === 1
        ? { ...piece, text: piece.text.replaceAll(' ', () => replacement) }
        : editPiece(piece, places());
    const prepends = scheme === 'always' || (scheme === 'first' && piece.first);
    const whole = prepends ? prepended(replaced, replacement) : replaced;
    return split ? words(whole) : [whole];
  };
}

/** The pre-tokenizer that a configuration describes. */
export function createPreTokenizer(config: Config): PreTokenizer {
  switch (config.type) {
    case 'Sequence':
      return flatInOrder(config.pretokenizers.map(createPreTokenizer));
    case 'ByteLevel':
      return byteLevel(config.add_prefix_space, config.use_regex);
    case 'Metaspace':
      return metaspace(config);
    case 'Split':
      return splitting(compilePattern(config.pattern), config.behavior, config.invert);
    case 'Digits':
      return splitting(NUMERIC, config.individual_digits ? 'Isolated' : 'Contiguous');
    case 'Punctuation':
      return splitting(PUNCTUATION, config.behavior);
    case 'CharDelimiterSplit':
      return splitting(compilePattern({ String: config.delimiter }), 'Removed');
    case 'FixedLength':
      return splitting(new RegExp(`[^]{${config.length}}`, 'gu'), 'Isolated');
    case 'Whitespace':
      return splitting(WORDS, 'Removed', true);
    case 'WhitespaceSplit':
      return splitting(SPACE, 'Removed');
    case 'BertPreTokenizer':
      return flatInOrder([splitting(SPACE, 'Removed'), splitting(PUNCTUATION, 'Isolated')]);
  }
}

import { z } from 'zod';

import { byteCharacters, utf8 } from './bytes.js';
import { type Segment, compilePattern, patternSchema, segments } from './pattern.js';
import { type Piece, editPiece, slicePiece } from './piece.js';
import { step, stepsOf } from './steps.js';

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

/** The fields of `Metaspace`, which is a decoder too; older files say `add_prefix_space` instead of a scheme. */
export const metaspaceFields = {
  replacement: character,
  prepend_scheme: z.enum(['always', 'first', 'never']).optional(),
  add_prefix_space: z.boolean().optional(),
  split: z.boolean().default(true),
};

type Metaspace = z.infer<z.ZodObject<typeof metaspaceFields>>;

/** When a Metaspace puts its replacement before a text. */
export const prependScheme = ({
  prepend_scheme: scheme,
  add_prefix_space: prefix = true,
}: Metaspace): 'always' | 'first' | 'never' => scheme ?? (prefix ? 'always' : 'never');

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

function metaspace(config: Metaspace): PreTokenizer {
  const { replacement, split } = config;
  const scheme = prependScheme(config);
  const words = splitting(compilePattern({ String: replacement }), 'MergedWithNext');
  return (piece) => {
    const replaced =
      replacement.length === 1
        ? { ...piece, text: piece.text.replaceAll(' ', () => replacement) }
        : editPiece(
            piece,
            Array.from(piece.text.matchAll(/ /g), ({ index: start }) => ({
              start,
              end: start + 1,
              content: replacement,
            })),
          );
    const prepends = scheme === 'always' || (scheme === 'first' && piece.first);
    const whole = prepends ? prepended(replaced, replacement) : replaced;
    return split ? words(whole) : [whole];
  };
}

/** The pre-tokenizers of a `tokenizer.json`. */
export const preTokenizers = stepsOf<PreTokenizer>('pretokenizers', flatInOrder, {
  ByteLevel: step(
    { add_prefix_space: z.boolean(), use_regex: z.boolean().default(true) },
    ({ add_prefix_space: prefix, use_regex: split }) => {
      const words = splitting(GPT2, 'Isolated');
      return (piece) => {
        const whole = prefix ? prepended(piece, ' ') : piece;
        return (split ? words(whole) : [whole]).map(toByteCharacters);
      };
    },
  ),
  Metaspace: step(metaspaceFields, metaspace),
  Split: step({ pattern: patternSchema, behavior, invert: z.boolean().default(false) }, (config) =>
    splitting(compilePattern(config.pattern), config.behavior, config.invert),
  ),
  Digits: step({ individual_digits: z.boolean().default(false) }, (config) =>
    splitting(NUMERIC, config.individual_digits ? 'Isolated' : 'Contiguous'),
  ),
  Punctuation: step({ behavior: behavior.default('Isolated') }, (config) =>
    splitting(PUNCTUATION, config.behavior),
  ),
  CharDelimiterSplit: step({ delimiter: character }, ({ delimiter }) =>
    splitting(compilePattern({ String: delimiter }), 'Removed'),
  ),
  FixedLength: step({ length: z.int().positive() }, ({ length }) =>
    splitting(new RegExp(`[^]{${length}}`, 'gu'), 'Isolated'),
  ),
  Whitespace: step({}, () => splitting(WORDS, 'Removed', true)),
  WhitespaceSplit: step({}, () => splitting(SPACE, 'Removed')),
  BertPreTokenizer: step({}, () =>
    flatInOrder([splitting(SPACE, 'Removed'), splitting(PUNCTUATION, 'Isolated')]),
  ),
});

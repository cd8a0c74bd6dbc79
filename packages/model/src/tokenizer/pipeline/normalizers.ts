import { z } from 'zod';

import { compilePattern, patternSchema, segments } from './pattern.js';
import { type Piece, editPiece, rewritePiece, slicePiece } from './piece.js';
import { inOrder, orSequence } from './sequence.js';

export type Normalizer = (piece: Piece) => Piece;

const simple = z.discriminatedUnion('type', [
  z.object({ type: z.enum(['NFC', 'NFD', 'NFKC', 'NFKD', 'Lowercase', 'StripAccents', 'Nmt']) }),
  z.object({ type: z.literal('Strip'), strip_left: z.boolean(), strip_right: z.boolean() }),
  z.object({ type: z.literal('Prepend'), prepend: z.string() }),
  z.object({ type: z.literal('Replace'), pattern: patternSchema, content: z.string() }),
  z.object({
    type: z.literal('BertNormalizer'),
    clean_text: z.boolean(),
    handle_chinese_chars: z.boolean(),
    strip_accents: z.boolean().nullish(),
    lowercase: z.boolean(),
  }),
]);

type Config = z.infer<typeof simple> | { type: 'Sequence'; normalizers: Config[] };

/** A normalizer of a `tokenizer.json`. */
export const normalizerSchema = orSequence<Config>('normalizers', simple);

/** Lower case, character by character: a final sigma is one like others. */
const lowercase = (text: string): string =>
  text.includes('Σ')
    ? Array.from(text, (character) => character.toLowerCase()).join('')
    : text.toLowerCase();

const withoutMarks = (text: string): string => text.replace(/\p{M}/gu, '');

const withoutAccents = (text: string): string => text.replace(/\p{Mn}/gu, '');

/** What sentencepiece's `nmt` rules drop, and what they make a space. */
const nmt = (text: string): string =>
  text
    .replace(/[\u0001-\u0008\u000B\u000E-\u001F\u007F\u008F\u009F]/gu, '')
    .replace(/[\t\n\f\r\u1680\u200B-\u200F\u2028\u2029\u2581\uFEFF\uFFFD]/gu, ' ');

const cleanText = (text: string): string =>
  text
    .replace(/[\t\n\r]/gu, ' ')
    .replace(/[\0\uFFFD]|[\p{Cc}\p{Cf}\p{Co}]/gu, '')
    .replace(/\p{White_Space}/gu, ' ');

const CHINESE =
  /[\u4E00-\u9FFF\u3400-\u4DBF\u{20000}-\u{2A6DF}\u{2A700}-\u{2B73F}\u{2B740}-\u{2B81F}\u{2B920}-\u{2CEAF}\uF900-\uFAFF\u{2F800}-\u{2FA1F}]/gu;

function strip(piece: Piece, left: boolean, right: boolean): Piece {
  const { text } = piece;
  const start = left ? text.search(/\P{White_Space}|$/u) : 0;
  const end = right ? text.search(/\p{White_Space}*$/u) : text.length;
  // The piece stays where it was: what is stripped is normalised away.
  return { ...slicePiece(piece, Math.min(start, end), end), first: piece.first };
}

function bert(config: Extract<Config, { type: 'BertNormalizer' }>): Normalizer {
  const accents = config.strip_accents ?? config.lowercase;
  return inOrder([
    ...(config.clean_text ? [rewriting(cleanText)] : []),
    ...(config.handle_chinese_chars ? [rewriting((text) => text.replace(CHINESE, ' $& '))] : []),
    ...(accents ? [rewriting((text) => text.normalize('NFD')), rewriting(withoutAccents)] : []),
    ...(config.lowercase ? [rewriting(lowercase)] : []),
  ]);
}

const rewriting =
  (rewrite: (text: string) => string): Normalizer =>
  (piece) =>
    rewritePiece(piece, rewrite);

/** The normalizer that a configuration describes. */
export function createNormalizer(config: Config): Normalizer {
  switch (config.type) {
    case 'Sequence':
      return inOrder(config.normalizers.map(createNormalizer));
    case 'NFC':
    case 'NFD':
    case 'NFKC':
    case 'NFKD':
      return rewriting((text) => text.normalize(config.type));
    case 'Lowercase':
      return rewriting(lowercase);
    case 'StripAccents':
      return rewriting(withoutMarks);
    case 'Nmt':
      return rewriting(nmt);
    case 'Strip':
      return (piece) => strip(piece, config.strip_left, config.strip_right);
    case 'Prepend':
      return (piece) =>
        piece.text === ''
          ? piece
          : editPiece(piece, [{ start: 0, end: 0, content: config.prepend }]);
    case 'Replace': {
      const expression = compilePattern(config.pattern);
      return (piece) =>
        piece.origin === undefined
          ? { ...piece, text: piece.text.replace(expression, () => config.content) }
          : editPiece(
              piece,
              segments(piece.text, expression)
                .filter(({ match }) => match)
                .map(({ start, end }) => ({ start, end, content: config.content })),
            );
    }
    case 'BertNormalizer':
      return bert(config);
  }
}

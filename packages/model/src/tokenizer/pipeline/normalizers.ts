import { z } from 'zod';

import { compilePattern, patternSchema, segments } from './pattern.js';
import { type Piece, editPiece, rewritePiece, slicePiece } from './piece.js';
import { inOrder, step, stepsOf } from './steps.js';

export type Normalizer = (piece: Piece) => Piece;

/** Lower case, character by character: a final sigma is one like others. */
const lowercase = (text: string): string =>
  text.includes('Σ')
    ? Array.from(text, (character) => character.toLowerCase()).join('')
    : text.toLowerCase();

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

const rewriting =
  (rewrite: (text: string) => string): Normalizer =>
  (piece) =>
    rewritePiece(piece, rewrite);

const normalForm = (form: 'NFC' | 'NFD' | 'NFKC' | 'NFKD'): Normalizer =>
  rewriting((text) => text.normalize(form));

/** The normalizers of a `tokenizer.json`. */
export const normalizers = stepsOf<Normalizer>('normalizers', inOrder, {
  NFC: step({}, () => normalForm('NFC')),
  NFD: step({}, () => normalForm('NFD')),
  NFKC: step({}, () => normalForm('NFKC')),
  NFKD: step({}, () => normalForm('NFKD')),
  Lowercase: step({}, () => rewriting(lowercase)),
  StripAccents: step({}, () => rewriting((text) => text.replace(/\p{M}/gu, ''))),
  Nmt: step({}, () => rewriting(nmt)),
  Strip: step(
    { strip_left: z.boolean(), strip_right: z.boolean() },
    ({ strip_left: left, strip_right: right }) =>
      (piece) => {
        const { text } = piece;
        const start = left ? text.search(/\P{White_Space}|$/u) : 0;
        const end = right ? text.search(/\p{White_Space}*$/u) : text.length;
        // The piece stays where it was: what is stripped is normalised away.
        return { ...slicePiece(piece, Math.min(start, end), end), first: piece.first };
      },
  ),
  Prepend: step(
    { prepend: z.string() },
    ({ prepend: content }) =>
      (piece) =>
        piece.text === '' ? piece : editPiece(piece, [{ start: 0, end: 0, content }]),
  ),
  Replace: step({ pattern: patternSchema, content: z.string() }, ({ pattern, content }) => {
    const expression = compilePattern(pattern);
    return (piece) =>
      piece.origin === undefined
        ? { ...piece, text: piece.text.replace(expression, () => content) }
        : editPiece(
            piece,
            segments(piece.text, expression)
              .filter(({ match }) => match)
              .map(({ start, end }) => ({ start, end, content })),
          );
  }),
  BertNormalizer: step(
    {
      clean_text: z.boolean(),
      handle_chinese_chars: z.boolean(),
      strip_accents: z.boolean().nullish(),
      lowercase: z.boolean(),
    },
    (config) => {
      const accents = config.strip_accents ?? config.lowercase;
      const rewrites: readonly [asked: boolean, rewrite: (text: string) => string][] = [
        [config.clean_text, cleanText],
        [config.handle_chinese_chars, (text) => text.replace(CHINESE, ' $& ')],
        [accents, (text) => text.normalize('NFD')],
        [accents, (text) => text.replace(/\p{Mn}/gu, '')],
        [config.lowercase, lowercase],
      ];
      return inOrder(rewrites.filter(([asked]) => asked).map(([, each]) => rewriting(each)));
    },
  ),
});

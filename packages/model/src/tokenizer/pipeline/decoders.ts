import { z } from 'zod';

import { characterBytes, lossyText, strictText, utf8 } from './bytes.js';
import { compilePattern, patternSchema } from './pattern.js';
import { metaspaceFields, prependScheme } from './pre-tokenizers.js';
import { inOrder, step, stepsOf } from './steps.js';

/** Texts of tokens to the texts that make up the whole. */
export type Decoder = (tokens: readonly string[]) => readonly string[];

const SPACES: readonly (readonly [string, string])[] = [
  [' .', '.'],
  [' ?', '?'],
  [' !', '!'],
  [' ,', ','],
  [" ' ", "'"],
  [" n't", "n't"],
  [" 'm", "'m"],
  [" 's", "'s"],
  [" 've", "'ve"],
  [" 're", "'re"],
];

const replaceAll = (text: string, pairs: readonly (readonly [string, string])[]): string =>
  pairs.reduce((each, [before, after]) => each.replaceAll(before, after), text);

/** Takes the spaces before punctuation and English suffixes out, as transformers does. */
export const cleanUp = (text: string): string => replaceAll(text, SPACES);

/** The same within `tokenizers`, which contracts one word more. */
const cleanUpToken = (text: string): string =>
  replaceAll(text, [...SPACES.slice(0, 7), [' do not', " don't"], ...SPACES.slice(7)]);

function bytesOf(token: string): readonly number[] {
  const bytes: number[] = [];
  for (const character of token) {
    const byte = characterBytes.get(character);
    if (byte === undefined) return Array.from(utf8(token));
    bytes.push(byte);
  }
  return bytes;
}

const BYTE = /^<0x([0-9a-fA-F]{2}|\+[0-9a-fA-F])>$/;

/** The byte that a token such as `<0x0A>` stands for. */
export function fallbackByte(token: string): number | undefined {
  const digits = BYTE.exec(token)?.[1];
  return digits === undefined ? undefined : Number.parseInt(digits, 16);
}

/** A run of bytes is its text if it is UTF-8, else a U+FFFD for each. */
function byteFallback(tokens: readonly string[]): string[] {
  const texts: string[] = [];
  let run: number[] = [];
  const flush = (): void => {
    if (run.length > 0) texts.push(strictText(run) ?? '\uFFFD'.repeat(run.length));
    run = [];
  };
  for (const token of tokens) {
    const byte = fallbackByte(token);
    if (byte !== undefined) run.push(byte);
    else {
      flush();
      texts.push(token);
    }
  }
  flush();
  return texts;
}

/** Takes up to `start` times `content` off the beginning, and up to `stop` times off the end. */
function strip(token: string, content: string, start: number, stop: number): string {
  let [from, to] = [0, token.length];
  for (let i = 0; i < start && content !== '' && token.startsWith(content, from); i++)
    from += content.length;
  for (let i = 0; i < stop && content !== '' && token.slice(0, to).endsWith(content); i++)
    to -= content.length;
  return token.slice(from, Math.max(from, to));
}

/** The decoders of a `tokenizer.json`. */
export const decoders = stepsOf<Decoder>('decoders', inOrder, {
  ByteLevel: step({}, () => (tokens) => [lossyText(tokens.flatMap(bytesOf))]),
  Fuse: step({}, () => (tokens) => [tokens.join('')]),
  ByteFallback: step({}, () => byteFallback),
  Metaspace: step(metaspaceFields, (config) => {
    const drops = prependScheme(config) !== 'never';
    return (tokens) =>
      tokens.map((token, i) => token.replaceAll(config.replacement, i === 0 && drops ? '' : ' '));
  }),
  WordPiece: step(
    { prefix: z.string(), cleanup: z.boolean() },
    ({ prefix, cleanup }) =>
      (tokens) =>
        tokens.map((token, i) => {
          const text =
            i === 0 ? token : token.startsWith(prefix) ? token.slice(prefix.length) : ` ${token}`;
          return cleanup ? cleanUpToken(text) : text;
        }),
  ),
  BPEDecoder: step(
    { suffix: z.string() },
    ({ suffix }) =>
      (tokens) =>
        tokens.map((token, i) => token.replaceAll(suffix, i === tokens.length - 1 ? '' : ' ')),
  ),
  Replace: step({ pattern: patternSchema, content: z.string() }, ({ pattern, content }) => {
    const expression = compilePattern(pattern);
    return (tokens) => tokens.map((token) => token.replace(expression, () => content));
  }),
  Strip: step(
    { content: z.string(), start: z.int().nonnegative(), stop: z.int().nonnegative() },
    ({ content, start, stop }) =>
      (tokens) =>
        tokens.map((token) => strip(token, content, start, stop)),
  ),
  CTC: step(
    { pad_token: z.string(), word_delimiter_token: z.string(), cleanup: z.boolean() },
    ({ pad_token: pad, word_delimiter_token: delimiter, cleanup }) =>
      (tokens) =>
        tokens
          .filter((token, i) => token !== tokens[i - 1])
          .map((token) => {
            const text = pad === '' ? token : token.replaceAll(pad, '');
            return cleanup ? cleanUpToken(text).replaceAll(delimiter, ' ') : text;
          })
          .filter((text) => text !== ''),
  ),
});

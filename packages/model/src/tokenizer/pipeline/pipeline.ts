import { checkWellFormed } from '../special.js';
import type { AddedToken, EncodeOptions } from '../types.js';
import { type Splitter, addedTokenSplitter } from './added-tokens.js';
import { decoders, fallbackByte } from './decoders.js';
import { characterBytes } from './bytes.js';
import type { TokenizerFile } from './file.js';
import { normalizers } from './normalizers.js';
import { type EncodedText, postProcessors } from './post-processors.js';
import { preTokenizers } from './pre-tokenizers.js';
import { type Piece, slicePiece, wholePiece } from './piece.js';
import type { StepConfig } from './steps.js';
import type { WordModel } from './word.js';

/** What a `tokenizer.json` does, from text to tokens and back. */
export interface Pipeline {
  readonly encode: (
    text: string,
    options: EncodeOptions | undefined,
    offsets: boolean,
  ) => EncodedText;
  /** Text of tokens; those that do not exist are left out. */
  readonly decode: (tokens: readonly number[], skipSpecialTokens: boolean) => string;
  /** Whether tokens that follow leave the text of these as it is. */
  readonly isComplete: (tokens: readonly number[]) => boolean;
  /** One more than the largest id. */
  readonly size: number;
  readonly textOf: (id: number) => string | undefined;
  readonly idOf: (text: string) => number | undefined;
}

/** The id of the next added token, as Python's library counts; `last` is the largest of those before. */
export const nextId = (model: WordModel, last: number): number =>
  last >= model.size ? last + 1 : model.size;

/** Refuses ids that Python's library would not give: an added token has the model's id, or the next free one. */
function checkIds(model: WordModel, added: readonly AddedToken[]): void {
  let last = -1;
  const seen = new Set<string>();
  added.forEach(({ id, content }, i) => {
    if (seen.has(content)) return;
    seen.add(content);
    const expected = model.ids.get(content) ?? nextId(model, last);
    if (id !== expected) {
      throw new RangeError(
        `added_tokens[${i}].id is ${id}, expected ${expected} for ${JSON.stringify(content)}: the model's id, or the next`,
      );
    }
    last = Math.max(last, id);
  });
}

/** Whether a decoder's configuration has a part of a type. */
function hasPart(config: TokenizerFile['decoder'], type: string): boolean {
  if (config?.type !== 'Sequence') return config?.type === type;
  return (config['decoders'] as readonly StepConfig[]).some((each) => hasPart(each, type));
}

/** Whether bytes end amid a character of UTF-8. */
function endsInside(bytes: readonly number[]): boolean {
  for (let back = 1; back <= Math.min(3, bytes.length); back++) {
    const byte = bytes[bytes.length - back]!;
    if (byte >= 0xc0) return back < (byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2);
    if (byte < 0x80) return false;
  }
  return false;
}

/** The pipeline of a file. `added` are its added tokens and those of other files. */
export function createPipeline(
  file: Omit<TokenizerFile, 'model' | 'added_tokens'>,
  model: WordModel,
  added: readonly AddedToken[],
): Pipeline {
  checkIds(model, added);
  const ids = new Map(added.map(({ content, id }) => [content, id]));
  const special = new Set(added.filter((token) => token.special).map(({ id }) => id));
  const normalize = normalizers.create(file.normalizer);
  const textIn = ({ content, normalized }: AddedToken): string =>
    normalized ? normalize(wholePiece(content, false)).text : content;
  const texts = new Map<number, string>();
  for (const [text, id] of model.ids) texts.set(id, text);
  for (const token of added) texts.set(token.id, textIn(token));
  const preTokenize = preTokenizers.create(file.pre_tokenizer);
  const postProcess = postProcessors.create(file.post_processor);
  const decoder = file.decoder ? decoders.create(file.decoder) : undefined;
  const nothing = { ids: [], offsets: [], texts: [] };
  for (const id of postProcess(nothing, { addSpecialTokens: true, source: '' }).ids) {
    if (texts.has(id)) continue;
    throw new RangeError(`post_processor adds the token ${id}, expected one of the vocabulary`);
  }
  let size = 0;
  for (const id of texts.keys()) size = Math.max(size, id + 1);

  const splitterOf = (tokens: readonly AddedToken[]): Splitter =>
    addedTokenSplitter(new Map(tokens.map((token) => [textIn(token), token])));
  const raw = splitterOf(added.filter((token) => !token.normalized));
  const normalized = splitterOf(added.filter((token) => token.normalized));

  function encodePiece(piece: Piece, out: EncodedText): void {
    for (const { text, origin } of preTokenize(piece)) {
      if (text === '') continue;
      const { ids: tokens, starts, ends } = model.tokenize(text);
      for (let i = 0; i < tokens.length; i++) {
        out.ids.push(tokens[i]!);
        if (origin) {
          out.offsets.push([origin.from[starts[i]!]!, origin.to[ends[i]! - 1]!]);
          out.texts.push(texts.get(tokens[i]!) ?? '');
        }
      }
    }
  }

  function split(
    piece: Piece,
    splitter: Splitter,
    parse: boolean,
    out: EncodedText,
    rest: (piece: Piece) => void,
  ): void {
    for (const { start, end, id } of splitter(piece.text, parse)) {
      if (id === undefined) {
        if (end > start) rest(slicePiece(piece, start, end));
        continue;
      }
      out.ids.push(id);
      if (piece.origin) {
        out.offsets.push([piece.origin.from[start]!, piece.origin.to[end - 1]!]);
        out.texts.push(piece.text.slice(start, end));
      }
    }
  }

  const bytes = hasPart(file.decoder, 'ByteLevel');
  const fallback = hasPart(file.decoder, 'ByteFallback');
  // With these decoders the end of a text depends on the tokens that follow.
  const late =
    hasPart(file.decoder, 'CTC') ||
    JSON.stringify(file.decoder ?? null).match(/"stop":[1-9]/) !== null;

  return {
    size,
    textOf: (id) => texts.get(id),
    idOf: (text) => ids.get(text) ?? model.ids.get(text),
    encode: (text, { addSpecialTokens = false, parseSpecialTokens = false } = {}, offsets) => {
      checkWellFormed(text);
      const out: EncodedText = { ids: [], offsets: [], texts: [] };
      split(wholePiece(text, offsets), raw, parseSpecialTokens, out, (piece) =>
        split(normalize(piece), normalized, parseSpecialTokens, out, (each) =>
          encodePiece(each, out),
        ),
      );
      return postProcess(out, { addSpecialTokens, source: text });
    },
    decode: (tokens, skip) => {
      const kept = tokens
        .filter((token) => !skip || !special.has(token))
        .map((token) => texts.get(token))
        .filter((text) => text !== undefined);
      return decoder === undefined ? kept.join(' ') : decoder(kept).join('');
    },
    isComplete: (tokens) => {
      if (late) return false;
      const written = tokens.filter((token) => texts.has(token) && !special.has(token));
      const last = written.slice(-4).map((token) => texts.get(token)!);
      if (fallback) return fallbackByte(last.at(-1) ?? '') === undefined;
      if (!bytes) return true;
      return !endsInside(
        last.flatMap((text) => Array.from(text, (each) => characterBytes.get(each) ?? 0)),
      );
    },
  };
}

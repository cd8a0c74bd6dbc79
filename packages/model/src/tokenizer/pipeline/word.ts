import { z } from 'zod';

import { byteTokens, utf8 } from './bytes.js';

/** The tokens of a word, and the UTF-16 units `[starts[i], ends[i])` of the word that each stands for. */
export class WordTokens {
  readonly ids: number[] = [];
  readonly starts: number[] = [];
  readonly ends: number[] = [];

  add(id: number, start: number, end: number): this {
    this.ids.push(id);
    this.starts.push(start);
    this.ends.push(end);
    return this;
  }
}

export const wholeWord = (id: number, word: string): WordTokens =>
  new WordTokens().add(id, 0, word.length);

/** What makes tokens of a word, which is whatever the pre-tokenizer leaves together. */
export interface WordModel {
  /** The result may be kept: it is not to be changed. */
  readonly tokenize: (word: string) => WordTokens;
  readonly ids: ReadonlyMap<string, number>;
  /** Tokens, as `tokenizers` counts them: added ones follow. */
  readonly size: number;
}

// Long lists are checked where they are read, so that zod does not copy them.
export const listSchema = z.custom<readonly unknown[]>(Array.isArray, 'expected an array');

/** The `vocab` of all models but Unigram, which {@link readVocabulary} checks. */
export const vocabularySchema = z.custom<Readonly<Record<string, unknown>>>(
  (value) => typeof value === 'object' && value !== null && !Array.isArray(value),
  'expected an object of tokens and ids',
);

/** The largest id that a file may have: what one may allocate for. */
const LARGEST = 2 ** 24;

/** Text to id, with ids that are whole numbers of a sensible size. */
export function readVocabulary(entries: Readonly<Record<string, unknown>>): Map<string, number> {
  const ids = new Map<string, number>();
  for (const [text, id] of Object.entries(entries)) {
    if (typeof id !== 'number' || !Number.isInteger(id) || id < 0 || id >= LARGEST) {
      throw new RangeError(
        `model.vocab[${JSON.stringify(text)}] is ${JSON.stringify(id)}, expected an integer in [0, ${LARGEST})`,
      );
    }
    ids.set(text, id);
  }
  return ids;
}

/** The byte tokens of a text; undefined where the vocabulary lacks one of them, or where it does not fall back to bytes. */
export function byteFallback(
  ids: ReadonlyMap<string, number>,
  asked: boolean,
): (text: string) => readonly number[] | undefined {
  if (!asked) return () => undefined;
  const bytes = byteTokens.map((token) => ids.get(token));
  return (text) => {
    const tokens = Array.from(utf8(text), (byte) => bytes[byte]);
    return tokens.every((token) => token !== undefined) ? tokens : undefined;
  };
}

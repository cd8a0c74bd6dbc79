import { z } from 'zod';

import { createBpe } from './bpe.js';
import { createUnigram } from './unigram.js';
import { createWordPiece } from './word-piece.js';

/** The tokens of a word, and the UTF-16 units `[starts[i], ends[i])` of the word that each stands for. */
export interface WordTokens {
  readonly ids: readonly number[];
  readonly starts: readonly number[];
  readonly ends: readonly number[];
}

/** What makes tokens of a word, which is whatever the pre-tokenizer leaves together. */
export interface WordModel {
  readonly tokenize: (word: string) => WordTokens;
  readonly ids: ReadonlyMap<string, number>;
  /** Tokens, as `tokenizers` counts them: added ones follow. */
  readonly size: number;
}

// What is long is checked as it is read, and not copied before.
const list = z.custom<readonly unknown[]>(Array.isArray, 'expected an array');

/** The `vocab` of all models but Unigram, which {@link readVocabulary} checks. */
const vocab = z.custom<Readonly<Record<string, unknown>>>(
  (value) => typeof value === 'object' && value !== null && !Array.isArray(value),
  'expected an object of tokens and ids',
);

const typed = z.discriminatedUnion('type', [
  z.object({
    type: z.literal('BPE'),
    vocab,
    merges: list,
    dropout: z.number().nullish(),
    unk_token: z.string().nullish(),
    continuing_subword_prefix: z.string().nullish(),
    end_of_word_suffix: z.string().nullish(),
    fuse_unk: z.boolean().default(false),
    byte_fallback: z.boolean().default(false),
    ignore_merges: z.boolean().default(false),
  }),
  z.object({
    type: z.literal('Unigram'),
    vocab: list,
    unk_id: z.int().nonnegative().nullish(),
    byte_fallback: z.boolean().default(false),
  }),
  z.object({
    type: z.literal('WordPiece'),
    vocab,
    unk_token: z.string(),
    continuing_subword_prefix: z.string(),
    max_input_chars_per_word: z.int().nonnegative(),
  }),
  z.object({ type: z.literal('WordLevel'), vocab, unk_token: z.string() }),
]);

/** Older files leave the type out; it shows in the fields. */
function withType(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || 'type' in value) return value;
  if ('merges' in value) return { ...value, type: 'BPE' };
  if ('max_input_chars_per_word' in value) return { ...value, type: 'WordPiece' };
  if ('vocab' in value && Array.isArray(value.vocab)) return { ...value, type: 'Unigram' };
  return { ...value, type: 'WordLevel' };
}

/** The model of a `tokenizer.json`. */
export const modelSchema = z.preprocess(withType, typed);

export type ModelConfig = z.infer<typeof typed>;
export type ModelOf<Type extends ModelConfig['type']> = Extract<ModelConfig, { type: Type }>;

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

function createWordLevel({ vocab, unk_token: unknown }: ModelOf<'WordLevel'>): WordModel {
  const ids = readVocabulary(vocab);
  return {
    ids,
    size: ids.size,
    tokenize: (word) => {
      const id = ids.get(word) ?? ids.get(unknown);
      if (id === undefined) {
        throw new RangeError(
          `encode: text has ${JSON.stringify(word)}, expected words of the vocabulary; it has no unknown token ${JSON.stringify(unknown)}`,
        );
      }
      return { ids: [id], starts: [0], ends: [word.length] };
    },
  };
}

/** Words that are remembered, and the longest of them. */
const [REMEMBERED, LONGEST] = [2 ** 16, 256];

/** Remembers the tokens of short words. */
function remembering(model: WordModel): WordModel {
  const known = new Map<string, WordTokens>();
  return {
    ...model,
    tokenize: (word) => {
      const before = known.get(word);
      if (before !== undefined) return before;
      const tokens = model.tokenize(word);
      if (word.length < LONGEST) {
        if (known.size >= REMEMBERED) known.clear();
        known.set(word, tokens);
      }
      return tokens;
    },
  };
}

/** The model that a configuration describes. */
export function createModel(config: ModelConfig): WordModel {
  switch (config.type) {
    case 'BPE':
      return remembering(createBpe(config));
    case 'Unigram':
      return remembering(createUnigram(config));
    case 'WordPiece':
      return remembering(createWordPiece(config));
    case 'WordLevel':
      return createWordLevel(config);
  }
}

import { z } from 'zod';

import { bpeSchema, createBpe } from './bpe.js';
import { createUnigram, unigramSchema } from './unigram.js';
import {
  type WordModel,
  type WordTokens,
  readVocabulary,
  vocabularySchema,
  wholeWord,
} from './word.js';
import { createWordPiece, wordPieceSchema } from './word-piece.js';

const wordLevelSchema = z.object({
  type: z.literal('WordLevel'),
  vocab: vocabularySchema,
  unk_token: z.string(),
});

const typed = z.discriminatedUnion('type', [
  bpeSchema,
  unigramSchema,
  wordPieceSchema,
  wordLevelSchema,
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

function createWordLevel(config: z.infer<typeof wordLevelSchema>): WordModel {
  const { unk_token: unknown } = config;
  const ids = readVocabulary(config.vocab);
  return {
    ids,
    size: ids.size,
    tokenize: (word) => {
      const id = ids.get(word) ?? ids.get(unknown);
      if (id !== undefined) return wholeWord(id, word);
      throw new RangeError(
        `encode: text has ${JSON.stringify(word)}, expected words of the vocabulary; it has no unknown token ${JSON.stringify(unknown)}`,
      );
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

export function createModel(config: z.infer<typeof modelSchema>): WordModel {
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

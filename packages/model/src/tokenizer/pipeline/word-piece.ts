import { z } from 'zod';

import { type WordModel, WordTokens, readVocabulary, vocabularySchema, wholeWord } from './word.js';

export const wordPieceSchema = z.object({
  type: z.literal('WordPiece'),
  vocab: vocabularySchema,
  unk_token: z.string(),
  continuing_subword_prefix: z.string(),
  max_input_chars_per_word: z.int().nonnegative(),
});

/** WordPiece: the longest token that a word begins with, then the longest that its rest begins with, and so on. */
export function createWordPiece(config: z.infer<typeof wordPieceSchema>): WordModel {
  const { continuing_subword_prefix: prefix, unk_token: unknown } = config;
  const ids = readVocabulary(config.vocab);
  let longest = 0;
  for (const text of ids.keys()) longest = Math.max(longest, text.length);
  const unknownWord = (word: string): WordTokens => {
    const id = ids.get(unknown);
    if (id !== undefined) return wholeWord(id, word);
    throw new RangeError(
      `encode: text has ${JSON.stringify(word)}, which no tokens make up, expected the unknown token ${JSON.stringify(unknown)} in model.vocab`,
    );
  };
  return {
    ids,
    size: ids.size,
    tokenize: (word) => {
      let characters = 0;
      for (const _ of word) characters++;
      if (characters > config.max_input_chars_per_word) return unknownWord(word);
      const tokens = new WordTokens();
      for (let start = 0; start < word.length;) {
        const before = start > 0 ? prefix : '';
        let end = Math.min(word.length, start + longest);
        let id: number | undefined;
        while (end > start && (id = ids.get(before + word.slice(start, end))) === undefined) end--;
        if (id === undefined) return unknownWord(word);
        tokens.add(id, start, end);
        start = end;
      }
      return tokens;
    },
  };
}

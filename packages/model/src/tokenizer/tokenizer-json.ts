import type { AddedToken, TokenizerJson } from './types.js';

/** A `tokenizer.json`; parts that are not given are null. */
export const tokenizerJson = (
  parts: Partial<TokenizerJson> & Pick<TokenizerJson, 'model'>,
): TokenizerJson => ({
  version: '1.0',
  truncation: null,
  padding: null,
  added_tokens: [],
  normalizer: null,
  pre_tokenizer: null,
  post_processor: null,
  decoder: null,
  ...parts,
});

/** An added token; flags that are not given are off. */
export const addedToken = (
  id: number,
  content: string,
  flags: Partial<AddedToken> = {},
): AddedToken => ({
  id,
  content,
  single_word: false,
  lstrip: false,
  rstrip: false,
  normalized: false,
  special: false,
  ...flags,
});

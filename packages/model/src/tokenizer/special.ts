import { checkTokens } from '@cfrl/engine';

import type { AddedToken, TokenizerJson } from './types.js';

/** The text of the special tokens, which follow the ordinary ones in this order. */
export const PAD_TEXT = '<|pad|>';
/** @see {@link PAD_TEXT} */
export const END_TEXT = '<|end|>';

/** The parts of a `tokenizer.json` that differ between tokenizers. */
export type TokenizerParts = Pick<TokenizerJson, 'pre_tokenizer' | 'decoder' | 'model'>;

/** A `tokenizer.json` whose two special tokens come after `ordinary` others. */
export const tokenizerJson = (ordinary: number, parts: TokenizerParts): TokenizerJson => ({
  version: '1.0',
  truncation: null,
  padding: null,
  added_tokens: [PAD_TEXT, END_TEXT].map((content, i): AddedToken => ({
    id: ordinary + i,
    content,
    single_word: false,
    lstrip: false,
    rstrip: false,
    normalized: false,
    special: true,
  })),
  normalizer: null,
  pre_tokenizer: parts.pre_tokenizer,
  post_processor: null,
  decoder: parts.decoder,
  model: parts.model,
});

/** The ordinary tokens among `tokens`: special ones have no text, nor have rows of an embedding beyond the tokens. */
export function ordinaryTokens(tokens: readonly number[], ordinary: number): number[] {
  checkTokens('decode: tokens', tokens);
  return tokens.filter((token) => token < ordinary);
}

/** A character with its code point, as messages show it. */
export const describeCharacter = (character: string): string =>
  `${JSON.stringify(character)} (U+${character.codePointAt(0)!.toString(16).toUpperCase().padStart(4, '0')})`;

/** A half of a surrogate pair that stands alone, or null: UTF-8 cannot hold one. */
export const loneSurrogate = (text: string): RegExpExecArray | null => /\p{Surrogate}/u.exec(text);

/** Refuses text that UTF-8 cannot hold. */
export function checkWellFormed(text: string): void {
  const lone = loneSurrogate(text);
  if (lone === null) return;
  throw new RangeError(
    `encode: text has ${describeCharacter(lone[0])} at ${lone.index}, expected well-formed text; a surrogate stands alone`,
  );
}

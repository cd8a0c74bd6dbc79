import { checkTokens } from '@cfrl/engine';

import { addedToken } from './tokenizer-json.js';
import type { AddedToken } from './types.js';

/** The text of the special tokens, which follow the ordinary ones in this order. */
export const PAD_TEXT = '<|pad|>';
/** @see {@link PAD_TEXT} */
export const END_TEXT = '<|end|>';

/** The two special tokens, after `ordinary` others. */
export const padAndEnd = (ordinary: number): AddedToken[] =>
  [PAD_TEXT, END_TEXT].map((text, i) => addedToken(ordinary + i, text, { special: true }));

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

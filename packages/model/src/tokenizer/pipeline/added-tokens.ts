import { z } from 'zod';

import type { AddedToken } from '../types.js';
import { escapeText } from './pattern.js';

/** A token of `added_tokens`, which texts are searched for. */
export const addedTokenSchema = z.object({
  id: z
    .int()
    .nonnegative()
    .max(2 ** 24),
  content: z.string(),
  single_word: z.boolean(),
  lstrip: z.boolean(),
  rstrip: z.boolean(),
  normalized: z.boolean(),
  special: z.boolean(),
});

/** A stretch of a text: an added token, or what lies between them. */
interface Stretch {
  readonly start: number;
  readonly end: number;
  readonly id?: number;
}

/** Finds added tokens in a text; special ones only if `special` is set. */
export type Splitter = (text: string, special: boolean) => readonly Stretch[];

const WORD = /[\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\p{Join_Control}]/u;
const SPACES_AFTER = /\p{White_Space}*/uy;
const SPACE = /\p{White_Space}/u;

const wordBefore = (text: string, at: number): boolean =>
  at > 0 && WORD.test(Array.from(text.slice(Math.max(0, at - 2), at)).at(-1)!);

const wordAfter = (text: string, at: number): boolean =>
  at < text.length && WORD.test(String.fromCodePoint(text.codePointAt(at)!));

/**
 * Searches for the texts of added tokens: the leftmost, of several there the longest.
 *
 * @param tokens - text to token
 */
export function addedTokenSplitter(tokens: ReadonlyMap<string, AddedToken>): Splitter {
  const contents = Array.from(tokens.keys()).filter((content) => content !== '');
  if (contents.length === 0) {
    return (text) => [{ start: 0, end: text.length }];
  }
  const longestFirst = contents.sort((a, b) => b.length - a.length);
  const expression = new RegExp(longestFirst.map(escapeText).join('|'), 'gu');
  return (text, special) => {
    const stretches: Stretch[] = [];
    let before = 0;
    for (const match of text.matchAll(expression)) {
      const token = tokens.get(match[0])!;
      let [start, end] = [match.index, match.index + match[0].length];
      if (token.special && !special) continue;
      if (token.single_word && (wordBefore(text, start) || wordAfter(text, end))) continue;
      if (token.lstrip) while (start > before && SPACE.test(text[start - 1]!)) start--;
      if (token.rstrip) {
        SPACES_AFTER.lastIndex = end;
        end += SPACES_AFTER.exec(text)![0].length;
      }
      if (start > before) stretches.push({ start: before, end: start });
      stretches.push({ start, end, id: token.id });
      before = end;
    }
    if (before < text.length || text === '') stretches.push({ start: before, end: text.length });
    return stretches;
  };
}

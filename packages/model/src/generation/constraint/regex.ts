import type { Tokenizer } from '../../tokenizer/types.js';
import { type Automaton, automatonOf } from './automaton.js';
import type { Constraint } from './constraint.js';
import { lift } from './lift.js';
import { tokenBytes } from './token-bytes.js';

/**
 * Completions whose whole text a regular expression matches.
 *
 * @param tokenizer - of the model that completes
 * @param pattern - in the syntax of JavaScript, with the flags `i`, `s`, `u` and `v`; as a text or without `u` and `v` it is
 *   read with `u`. Not what is not regular: assertions (`^`, `$`, `\b`, lookaround: the whole text is matched anyway) and backreferences.
 *   `\p` knows the characters of Unicode 15
 * @returns option `constraint` of `generate`
 * @throws RangeError if the pattern has something else, or no text matches, or the tokenizer's tokens have no bytes of their own (WordPiece)
 * @see Willard and Louf 2023, https://arxiv.org/abs/2307.09702
 *
 * @example
 * ```ts
 * const tokenizer = charTokenizer('abc');
 * const { start, after, accepts } = regexConstraint(tokenizer, /a+b/);
 * const state = after(start)[0];
 * [...after(state)].map((next) => next >= 0); // => [true, true, false, false, false]
 * [accepts(state), accepts(after(state)[1])]; // => [false, true]
 * ```
 */
export function regexConstraint(tokenizer: Tokenizer, pattern: string | RegExp): Constraint {
  if (typeof pattern !== 'string' && !(pattern instanceof RegExp)) {
    throw new TypeError(
      `regexConstraint: pattern is ${typeof pattern}, expected a text or a RegExp; call regexConstraint(tokenizer, pattern)`,
    );
  }
  const { source, flags } = typeof pattern === 'string' ? { source: pattern, flags: '' } : pattern;
  if (/[^isuv]/.test(flags)) {
    throw new RangeError(
      `regexConstraint: pattern has the flags ${JSON.stringify(flags)}, expected only i, s, u and v`,
    );
  }
  return matching('regexConstraint: pattern', tokenizer, source, flags);
}

export function matching(
  where: string,
  tokenizer: Tokenizer,
  source: string,
  flags = '',
): Constraint {
  let automaton: Automaton;
  try {
    automaton = automatonOf(source, /[uv]/.test(flags) ? flags : `${flags}u`);
  } catch (error) {
    throw new RangeError(
      `${where} is ${source.slice(0, 100)}, expected a regular expression without assertions and backreferences; ${(error as Error).message}`,
      { cause: error },
    );
  }
  const constraint = lift(automaton, tokenBytes(tokenizer));
  const { accepts, after, start } = constraint;
  if (!accepts(start) && after(start).every((next) => next < 0)) {
    throw new RangeError(
      `${where} is ${source.slice(0, 100)}, expected one that matches a text of the tokenizer's tokens`,
    );
  }
  return constraint;
}

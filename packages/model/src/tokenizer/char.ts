import { describeCharacter, loneSurrogate, ordinaryTokens, padAndEnd } from './special.js';
import { tokenizerJson } from './tokenizer-json.js';
import type { Tokenizer } from './types.js';

/**
 * A tokenizer over the characters (code points) of an alphabet, in its order, and two special
 * tokens after them: pad, then end.
 *
 * @param alphabet - every character that texts may have, each once
 * @returns the tokenizer; its `encode` throws a RangeError that names an unknown character. Its
 *   `tokenizer.json` is a word-level model, for which Python throws there as well
 * @throws RangeError if the alphabet is empty, has a character twice or a surrogate without partner
 *
 * @example
 * ```ts
 * const tokenizer = charTokenizer('abc ');
 * tokenizer.encode('cab a'); // => [2, 0, 1, 3, 0]
 * [tokenizer.padToken, tokenizer.endToken, tokenizer.vocabSize]; // => [4, 5, 6]
 * ```
 */
export function charTokenizer(alphabet: string): Tokenizer {
  const characters = Array.from(alphabet);
  const ids = new Map(characters.map((character, id) => [character, id]));
  const size = characters.length;
  checkAlphabet(characters, ids);
  return {
    vocabSize: size + 2,
    padToken: size,
    endToken: size + 1,
    encode: (text) =>
      Array.from(text, (character, i) => {
        const id = ids.get(character);
        if (id !== undefined) return id;
        throw new RangeError(
          `encode: character ${i} of text is ${describeCharacter(character)}, expected one of the ${size} of the alphabet`,
        );
      }),
    decode: (tokens) =>
      ordinaryTokens(tokens, size)
        .map((token) => characters[token])
        .join(''),
    toJSON: () =>
      tokenizerJson({
        added_tokens: padAndEnd(size),
        pre_tokenizer: {
          type: 'Split',
          pattern: { Regex: '[\\s\\S]' },
          behavior: 'Isolated',
          invert: false,
        },
        decoder: { type: 'Fuse' },
        model: {
          type: 'WordLevel',
          vocab: Object.fromEntries(ids),
          unk_token: '<|unknown|>', // not in the vocabulary: an unknown character is an error
        },
      }),
  };
}

function checkAlphabet(characters: readonly string[], ids: ReadonlyMap<string, number>): void {
  if (characters.length === 0) {
    throw new RangeError('charTokenizer: alphabet is empty, expected at least one character');
  }
  const twice = characters.find((character, i) => ids.get(character) !== i);
  if (twice !== undefined) {
    throw new RangeError(
      `charTokenizer: alphabet has ${describeCharacter(twice)} twice, expected each character once`,
    );
  }
  const lone = characters.find(loneSurrogate);
  if (lone !== undefined) {
    throw new RangeError(
      `charTokenizer: alphabet has ${describeCharacter(lone)}, expected well-formed text; a surrogate stands alone`,
    );
  }
}

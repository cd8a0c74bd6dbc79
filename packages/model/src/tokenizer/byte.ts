import { byteLevel, bytePairs } from './byte-level.js';
import { characterBytes, lossyText, utf8 } from './pipeline/bytes.js';
import { checkWellFormed, ordinaryTokens, padAndEnd } from './special.js';
import { tokenizerJson } from './tokenizer-json.js';
import type { Tokenizer } from './types.js';

const BYTES = 256;

/**
 * A tokenizer over the 256 bytes of UTF-8, and two special tokens: 256 pads, 257 ends. It encodes
 * every well-formed text; a surrogate without its partner is an error, since UTF-8 has no bytes for
 * it. Decoding writes U+FFFD where sampled bytes are not UTF-8, as Python's `tokenizers` does.
 *
 * @returns the tokenizer; its `tokenizer.json` is a byte-level BPE without merges
 *
 * @example
 * ```ts
 * const tokenizer = byteTokenizer();
 * tokenizer.encode('né'); // => [110, 195, 169]
 * tokenizer.decode([110, 195, 169, tokenizer.endToken]); // => "né"
 * ```
 */
export function byteTokenizer(): Tokenizer {
  return {
    vocabSize: BYTES + 2,
    padToken: BYTES,
    endToken: BYTES + 1,
    encode: (text) => {
      checkWellFormed(text);
      return Array.from(utf8(text));
    },
    decode: (tokens) => lossyText(ordinaryTokens(tokens, BYTES)),
    toJSON: () =>
      tokenizerJson({
        added_tokens: padAndEnd(BYTES),
        pre_tokenizer: byteLevel({ words: false }),
        decoder: byteLevel({ words: true, prefixSpace: true }),
        model: bytePairs(Object.fromEntries(characterBytes), []),
      }),
  };
}

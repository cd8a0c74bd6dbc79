import { byteCharacters } from './pipeline/bytes.js';
import { describeCharacter, loneSurrogate, ordinaryTokens, tokenizerJson } from './special.js';
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
  const encoder = new TextEncoder();
  const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
  return {
    vocabSize: BYTES + 2,
    padToken: BYTES,
    endToken: BYTES + 1,
    encode: (text) => {
      const lone = loneSurrogate(text);
      if (lone) {
        throw new RangeError(
          `encode: text has ${describeCharacter(lone[0])} at ${lone.index}, expected well-formed text; a surrogate stands alone`,
        );
      }
      return Array.from(encoder.encode(text));
    },
    decode: (tokens) => decoder.decode(Uint8Array.from(ordinaryTokens(tokens, BYTES))),
    toJSON: () =>
      tokenizerJson(BYTES, {
        pre_tokenizer: {
          type: 'ByteLevel',
          add_prefix_space: false,
          trim_offsets: true,
          use_regex: false,
        },
        decoder: {
          type: 'ByteLevel',
          add_prefix_space: true,
          trim_offsets: true,
          use_regex: true,
        },
        model: {
          type: 'BPE',
          dropout: null,
          unk_token: null,
          continuing_subword_prefix: null,
          end_of_word_suffix: null,
          fuse_unk: false,
          byte_fallback: false,
          ignore_merges: false,
          vocab: Object.fromEntries(byteCharacters.map((character, byte) => [character, byte])),
          merges: [],
        },
      }),
  };
}

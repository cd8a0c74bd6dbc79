/** The parts of a `tokenizer.json` that byte-level BPE tokenizers share. */

export const NFC = { type: 'NFC' } as const;

/** Bytes as characters; cut into GPT-2's words if asked. */
export const byteLevel = ({
  words: cut,
  prefixSpace = false,
}: {
  readonly words: boolean;
  readonly prefixSpace?: boolean;
}): Readonly<Record<string, unknown>> => ({
  type: 'ByteLevel',
  add_prefix_space: prefixSpace,
  trim_offsets: true,
  use_regex: cut,
});

export const sequence = (...pretokenizers: object[]): object => ({
  type: 'Sequence',
  pretokenizers,
});

/** Cut by a pattern, and then into bytes. */
export const splitWords = (pattern: string, prefixSpace = false): object =>
  sequence(
    { type: 'Split', pattern: { Regex: pattern }, behavior: 'Isolated', invert: false },
    byteLevel({ words: false, prefixSpace }),
  );

/** Contractions, letters with one character before them, up to so many digits, the rest, white space. */
export const words = (digits: string): string =>
  "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|" +
  `${digits}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+`;

/** A BPE model without dropout, unknown tokens, affixes and byte fallback. */
export const bytePairs = (
  vocab: Readonly<Record<string, unknown>>,
  merges: readonly unknown[],
): Readonly<Record<string, unknown>> => ({
  type: 'BPE',
  dropout: null,
  unk_token: null,
  continuing_subword_prefix: null,
  end_of_word_suffix: null,
  fuse_unk: false,
  byte_fallback: false,
  ignore_merges: false,
  vocab,
  merges,
});

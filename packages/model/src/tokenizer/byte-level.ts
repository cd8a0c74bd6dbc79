/** The parts of a `tokenizer.json` that BPE tokenizers share. */

type Part = Readonly<Record<string, unknown>>;

export const NFC = { type: 'NFC' } as const;

/** Bytes as characters; cut into GPT-2's words if asked. */
export const byteLevel = ({
  words: cut,
  prefixSpace = false,
}: {
  readonly words: boolean;
  readonly prefixSpace?: boolean;
}): Part => ({
  type: 'ByteLevel',
  add_prefix_space: prefixSpace,
  trim_offsets: true,
  use_regex: cut,
});

export const sequence = (...pretokenizers: Part[]): Part => ({
  type: 'Sequence',
  pretokenizers,
});

/** Cut by a pattern, and then into bytes. */
export const splitWords = (pattern: string, prefixSpace = false): Part =>
  sequence(
    { type: 'Split', pattern: { Regex: pattern }, behavior: 'Isolated', invert: false },
    byteLevel({ words: false, prefixSpace }),
  );

/** Contractions, letters with one character before them, up to so many digits, the rest, white space. */
export const words = (digits: string): string =>
  "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|" +
  `${digits}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+`;

/** A BPE model; without dropout, unknown tokens, affixes and byte fallback unless `more` says so. */
export const bytePairs = (vocab: Part, merges: readonly unknown[], more: Part = {}): Part => ({
  type: 'BPE',
  dropout: null,
  unk_token: null,
  continuing_subword_prefix: null,
  end_of_word_suffix: null,
  fuse_unk: false,
  byte_fallback: false,
  ignore_merges: false,
  ...more,
  vocab,
  merges,
});

import { type Metadata, required } from './metadata.js';
import type { TokenizerParts, Vocabulary } from './tokenizer.js';

/** How a text is cut before its bytes are paired, and whether whole words skip the pairing. */
interface PreTokenizer {
  readonly normalizer?: object;
  readonly split: object;
  readonly ignoreMerges?: boolean;
  readonly begins?: boolean;
}

const byteLevel = (words: boolean): object => ({
  type: 'ByteLevel',
  add_prefix_space: false,
  trim_offsets: true,
  use_regex: words,
});

const sequence = (...pretokenizers: object[]): object => ({ type: 'Sequence', pretokenizers });

const split = (pattern: string): object =>
  sequence(
    { type: 'Split', pattern: { Regex: pattern }, behavior: 'Isolated', invert: false },
    byteLevel(false),
  );

/** Contractions, letters with one character before them, up to so many digits, the rest, white space. */
const words = (digits: string): string =>
  "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|" +
  `${digits}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+`;

const singleDigits: PreTokenizer = {
  split: sequence({ type: 'Digits', individual_digits: true }, byteLevel(true)),
};
const llama3: PreTokenizer = {
  split: split(words('\\p{N}{1,3}')),
  ignoreMerges: true,
  begins: true,
};
const qwen2: PreTokenizer = { normalizer: { type: 'NFC' }, split: split(words('\\p{N}')) };

/** By `tokenizer.ggml.pre`. */
const PRE_TOKENIZERS: Readonly<Record<string, PreTokenizer>> = {
  'gpt-2': { split: byteLevel(true) },
  smollm: singleDigits,
  starcoder: singleDigits,
  'llama-bpe': llama3,
  llama3,
  qwen2,
};

/** The pre-tokenizers that are known. */
export const preTokenizers = Object.keys(PRE_TOKENIZERS);

/** Byte-level BPE, the kind that llama.cpp calls `gpt2`. */
export function bytePairModel(metadata: Metadata, { tokens }: Vocabulary): TokenizerParts {
  const pre = required(metadata.text('tokenizer.ggml.pre'), 'tokenizer.ggml.pre');
  const known = Object.hasOwn(PRE_TOKENIZERS, pre) ? PRE_TOKENIZERS[pre] : undefined;
  if (known === undefined) {
    throw new RangeError(
      `loadPretrained: tokenizer.ggml.pre is '${pre}', expected one of ${preTokenizers.join(', ')}`,
    );
  }
  const merges = required(metadata.texts('tokenizer.ggml.merges'), 'tokenizer.ggml.merges');
  return {
    normalizer: known.normalizer ?? null,
    pre_tokenizer: known.split,
    decoder: { type: 'ByteLevel', add_prefix_space: true, trim_offsets: true, use_regex: true },
    model: {
      type: 'BPE',
      ...{ dropout: null, unk_token: null, fuse_unk: false, byte_fallback: false },
      ...{ continuing_subword_prefix: null, end_of_word_suffix: null },
      ignore_merges: known.ignoreMerges ?? false,
      vocab: Object.fromEntries(tokens.map((token, id) => [token, id])),
      merges,
    },
    begins: known.begins ?? false,
  };
}

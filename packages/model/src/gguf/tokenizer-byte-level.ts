import { NFC, byteLevel, bytePairs, sequence, splitWords, words } from '../tokenizer/byte-level.js';
import { type Metadata, required } from './metadata.js';
import { type TokenizerParts, type Vocabulary, idsByText } from './vocabulary.js';

type Part = Readonly<Record<string, unknown>>;

/** How a text is cut before its bytes are paired, and whether whole words skip the pairing. */
interface PreTokenizer {
  readonly normalizer?: Part;
  readonly split: Part;
  readonly ignoreMerges?: boolean;
  readonly begins?: boolean;
}

const singleDigits: PreTokenizer = {
  split: sequence({ type: 'Digits', individual_digits: true }, byteLevel({ words: true })),
};
const llama3: PreTokenizer = {
  split: splitWords(words('\\p{N}{1,3}')),
  ignoreMerges: true,
  begins: true,
};
const qwen2: PreTokenizer = { normalizer: NFC, split: splitWords(words('\\p{N}')) };

/** By `tokenizer.ggml.pre`. */
const PRE_TOKENIZERS: Readonly<Record<string, PreTokenizer>> = {
  'gpt-2': { split: byteLevel({ words: true }) },
  smollm: singleDigits,
  starcoder: singleDigits,
  'llama-bpe': llama3,
  llama3,
  qwen2,
};

export const preTokenizers = Object.keys(PRE_TOKENIZERS);

/** Byte-level BPE, the kind that llama.cpp calls `gpt2`. */
export function bytePairModel(metadata: Metadata, vocabulary: Vocabulary): TokenizerParts {
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
    decoder: byteLevel({ words: true, prefixSpace: true }),
    model: bytePairs(idsByText(vocabulary), merges, { ignore_merges: known.ignoreMerges ?? false }),
    begins: known.begins ?? false,
  };
}

import { type Metadata, required } from './metadata.js';

/** The part of a `tokenizer.json` that depends on the kind of tokenizer. */
export interface TokenizerParts {
  readonly normalizer: unknown;
  readonly pre_tokenizer: unknown;
  readonly decoder: unknown;
  readonly model: Readonly<Record<string, unknown>>;
  /** Whether a text begins with the begin token, where the file does not say. */
  readonly begins: boolean;
}

/** The vocabulary of a GGUF file, in the order of the ids. */
export interface Vocabulary {
  readonly tokens: readonly string[];
  /** Kind of each token; all are normal where the file does not say. */
  readonly types: ArrayLike<number>;
}

export const NORMAL = 1;
export const UNKNOWN = 2;
export const CONTROL = 3;
export const USER_DEFINED = 4;

export function vocabularyOf(metadata: Metadata): Vocabulary {
  const tokens = required(metadata.texts('tokenizer.ggml.tokens'), 'tokenizer.ggml.tokens');
  const types = metadata.numbers('tokenizer.ggml.token_type') ?? tokens.map(() => NORMAL);
  if (types.length !== tokens.length) {
    throw new RangeError(
      `loadPretrained: tokenizer.ggml.token_type has ${types.length} entries, expected ${tokens.length} (tokens)`,
    );
  }
  return { tokens, types };
}

/** A BPE model of `tokenizer.json`. */
export const bytePairs = (
  { tokens }: Vocabulary,
  merges: unknown,
  more: Readonly<Record<string, unknown>>,
): TokenizerParts['model'] => ({
  type: 'BPE',
  dropout: null,
  unk_token: null,
  fuse_unk: false,
  byte_fallback: false,
  continuing_subword_prefix: null,
  end_of_word_suffix: null,
  ignore_merges: false,
  ...more,
  vocab: Object.fromEntries(tokens.map((token, id) => [token, id])),
  merges,
});

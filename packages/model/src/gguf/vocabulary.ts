import type { TokenizerJson } from '../tokenizer/types.js';
import { type Metadata, required } from './metadata.js';

/** The parts of a `tokenizer.json` that depend on the kind of tokenizer. */
export interface TokenizerParts extends Pick<
  TokenizerJson,
  'normalizer' | 'pre_tokenizer' | 'decoder' | 'model'
> {
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

/** The vocabulary as `tokenizer.json` has it. */
export const idsByText = ({ tokens }: Vocabulary): Readonly<Record<string, number>> =>
  Object.fromEntries(tokens.map((token, id) => [token, id]));

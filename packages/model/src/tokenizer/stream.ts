import type { Tokenizer } from './types.js';

/** Decodes tokens as they come; see {@link decodeStream}. */
export interface DecodeStream {
  /** Takes the next token and returns the text that has become certain, often `''`. */
  readonly push: (token: number) => string;
  /** Returns what was held back; after it the stream begins anew. */
  readonly end: () => string;
}

/** Tokens that are decoded again with the next: enough for a decoder that looks at its neighbour. */
const CONTEXT = 8;

/**
 * Decodes tokens as they come: text is given out once no later token can change it. Amid a character of several bytes,
 * and, for tokenizers that fall back to bytes, amid a run of them, text is held back. The pieces joined are `decode` of all tokens.
 *
 * @param tokenizer - any tokenizer
 * @returns the stream, at its beginning
 *
 * @example
 * ```ts
 * const stream = decodeStream(byteTokenizer());
 * [0x61, 0xc3, 0xa9, 0x62].map(stream.push); // => ["a", "", "é", "b"]
 * ```
 */
export function decodeStream(tokenizer: Tokenizer): DecodeStream {
  let context: number[] = [];
  let pending: number[] = [];

  /** Text of the pending tokens, where they stand. */
  const read = (): string =>
    tokenizer.decode([...context, ...pending]).slice(tokenizer.decode(context).length);

  function settle(): void {
    const tokens = [...context, ...pending];
    // Tokens without text (special ones) say nothing about what is before the next.
    let keep = CONTEXT;
    while (keep < tokens.length && tokenizer.decode(tokens.slice(-keep)) === '') keep *= 2;
    context = tokens.slice(-keep);
    pending = [];
  }

  return {
    push: (token) => {
      pending.push(token);
      if (tokenizer.isComplete?.(pending) === false) return '';
      const text = read();
      if (tokenizer.isComplete === undefined && text.endsWith('\uFFFD')) return '';
      settle();
      return text;
    },
    end: () => {
      const text = read();
      context = [];
      pending = [];
      return text;
    },
  };
}

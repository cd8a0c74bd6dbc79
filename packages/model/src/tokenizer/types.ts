type Part = Readonly<Record<string, unknown>>;

/** A Hugging Face `tokenizer.json`. */
export interface TokenizerJson {
  readonly version: '1.0';
  readonly truncation: Part | null;
  readonly padding: Part | null;
  readonly added_tokens: readonly AddedToken[];
  readonly normalizer: Part | null;
  readonly pre_tokenizer: Part | null;
  readonly post_processor: Part | null;
  readonly decoder: Part | null;
  readonly model: Part;
}

/** A special token of a `tokenizer.json`. */
export interface AddedToken {
  readonly id: number;
  readonly content: string;
  readonly single_word: boolean;
  readonly lstrip: boolean;
  readonly rstrip: boolean;
  readonly normalized: boolean;
  readonly special: boolean;
}

/** How a text becomes tokens. */
export interface EncodeOptions {
  /** Adds the tokens that begin or end a text for this model. @defaultValue false */
  readonly addSpecialTokens?: boolean;
  /** Reads `<|end|>` and the like in the text as special tokens; else they are text as any other. @defaultValue false */
  readonly parseSpecialTokens?: boolean;
}

/** Text to tokens and back. Special tokens never come out of text: text is data. */
export interface Tokenizer {
  /** Tokens, the special ones included. */
  readonly vocabSize: number;
  /** Fills up short rows; never part of a text. */
  readonly padToken: number;
  /** Ends a text. */
  readonly endToken: number;
  /**
   * Tokens of a text: without special ones, or, on request, with those that this model's texts begin and end with, if there
   * are any. Throws RangeError for text it cannot represent.
   */
  readonly encode: (text: string, options?: Pick<EncodeOptions, 'addSpecialTokens'>) => number[];
  /**
   * Text of tokens; special tokens are left out, and so are ids that it does not have, which an embedding may have rows for. Throws
   * RangeError for what is no id.
   */
  readonly decode: (tokens: readonly number[]) => string;
  /**
   * Whether tokens that follow leave the text of these as it is: false amid a character of several bytes. Where it is
   * absent, a text that ends in U+FFFD may change.
   */
  readonly isComplete?: (tokens: readonly number[]) => boolean;
  /** The parsed `tokenizer.json`. */
  readonly toJSON: () => TokenizerJson;
}

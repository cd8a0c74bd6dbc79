/** One token: a word, a piece of one, or its number in a vocabulary. `1` and `'1'` are different tokens. */
export type Token = string | number;

/** A text to be cut into tokens, or the tokens themselves (an array or a typed array). */
export type Text = string | ArrayLike<Token>;

/** How a string becomes tokens. */
export type Tokenize = (text: string) => ArrayLike<Token>;

/** Options of functions that cut strings into tokens. */
export interface TokenizeOptions {
  /** Cuts a string into tokens; token lists are used as they are. @defaultValue splitting at whitespace */
  readonly tokenize?: Tokenize;
}

/**
 * The pieces between whitespace; none for an empty or blank text.
 *
 *     tokens = maximal runs of characters that are not whitespace
 *
 * Whitespace is what Python's `str.split()` takes for it. Misleads for languages without spaces.
 *
 * @see https://docs.python.org/3/library/stdtypes.html#str.split
 *
 * @example
 * ```ts
 * splitAtWhitespace(' so it is\t12.\n'); // => ['so', 'it', 'is', '12.']
 * ```
 */
export function splitAtWhitespace(text: string): string[] {
  return (
    text.match(/[^\t-\r\x1c-\x20\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]+/gu) ??
    []
  );
}

/** Arrays whose entries are integers, whatever was put into them. */
export type Integers = Int32Array | Uint32Array | Uint16Array | Uint8Array;

export function isIntegers(tokens: unknown): tokens is Integers {
  return (
    tokens instanceof Int32Array ||
    tokens instanceof Uint32Array ||
    tokens instanceof Uint16Array ||
    tokens instanceof Uint8Array
  );
}

/** The tokens of one text, checked. */
export function toTokens(
  where: string,
  name: string,
  text: Text,
  tokenize: Tokenize,
): ArrayLike<Token> {
  const tokens: ArrayLike<Token> = typeof text === 'string' ? tokenize(text) : text;
  if (typeof tokens?.length !== 'number') {
    throw new TypeError(
      `${where}: ${name} is ${typeof text}, expected a string or a list of tokens`,
    );
  }
  // Arrays of integers hold nothing else.
  if (isIntegers(tokens)) return tokens;
  for (let t = 0; t < tokens.length; t++) {
    const token = tokens[t];
    if (typeof token === 'string' || Number.isFinite(token)) continue;
    throw new RangeError(
      `${where}: ${name} has ${String(token)} at token ${t}, expected a string or a finite number`,
    );
  }
  return tokens;
}

/** The tokens of several texts, checked. */
export function toTokenLists(
  where: string,
  name: string,
  texts: readonly Text[],
  tokenize: Tokenize,
): readonly ArrayLike<Token>[] {
  if (!Array.isArray(texts)) {
    throw new TypeError(`${where}: ${name} is ${typeof texts}, expected an array of texts`);
  }
  // Arrays of integers need no check, and no name made for one.
  return texts.every(isIntegers)
    ? texts
    : texts.map((text: Text, i) => toTokens(where, `${name}[${i}]`, text, tokenize));
}

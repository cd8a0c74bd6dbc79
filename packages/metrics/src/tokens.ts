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

/** The pieces between whitespace; none for an empty or blank text. */
export function splitAtWhitespace(text: string): string[] {
  return text.match(/\S+/gu) ?? [];
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
): ArrayLike<Token>[] {
  if (!Array.isArray(texts)) {
    throw new TypeError(`${where}: ${name} is ${typeof texts}, expected an array of texts`);
  }
  return texts.map((text: Text, i) => toTokens(where, `${name}[${i}]`, text, tokenize));
}

/** The first token outside a vocabulary is an error. */
export function checkTokens(where: string, tokens: readonly number[], vocabSize = Infinity): void {
  tokens.forEach((token, i) => {
    if (!Number.isSafeInteger(token) || token < 0 || token >= vocabSize) {
      throw new RangeError(
        `${where}[${i}] is ${token}, expected a token in [0, ${vocabSize === Infinity ? 'V' : vocabSize})`,
      );
    }
  });
}

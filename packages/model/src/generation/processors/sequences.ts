import { checkPositiveInteger, checkTokens } from '@cfrl/engine';

import { type LogitsProcessor, type Written, keep } from './processor.js';

/** The last `count` tokens, or nothing if there are fewer. */
function lastTokens({ prompt, tokens }: Written, count: number): readonly number[] | undefined {
  if (count <= tokens.length) return tokens.slice(tokens.length - count);
  const missing = count - tokens.length;
  if (missing > prompt.length) return undefined;
  return [...prompt.slice(prompt.length - missing), ...tokens];
}

type Bias = readonly [sequence: readonly number[], bias: number];

/**
 * Adds to the logits of tokens that would complete a sequence of tokens.
 *
 * @param biases - sequences of at least one token, each with what is added (nats) to its last token where the others
 *   stand before; -Infinity forbids it
 * @throws RangeError if a sequence is empty, or a bias is NaN or Infinity; later, if a token is outside the vocabulary
 *
 * @example
 * ```ts
 * const { apply } = sequenceBias([[[2], 1], [[0, 1], -5]]);
 * Array.from(apply(Float64Array.of(0, 0, 0), { prompt: [0], tokens: [] })); // => [0, -5, 1]
 * ```
 */
export const sequenceBias = (biases: readonly Bias[]): LogitsProcessor =>
  biasing('sequenceBias: biases', biases);

function biasing(where: string, biases: readonly Bias[]): LogitsProcessor {
  biases.forEach((each: unknown, i) => {
    if (Array.isArray(each) && each.length === 2 && Array.isArray(each[0])) return;
    throw new TypeError(
      `${where}[${i}] is ${JSON.stringify(each)}, expected a pair of a list of tokens and its bias`,
    );
  });
  biases.forEach(([sequence, bias], i) => {
    if (sequence.length === 0) {
      throw new RangeError(`${where}[${i}] is empty, expected at least one token`);
    }
    checkTokens(`${where}[${i}]`, sequence);
    if (!(bias < Infinity)) {
      throw new RangeError(`${where}[${i}] has the bias ${bias}, expected a number or -Infinity`);
    }
  });
  return {
    name: where.split(':')[0]!,
    check: (vocabSize) =>
      biases.forEach(([sequence], i) => checkTokens(`${where}[${i}]`, sequence, vocabSize)),
    apply: (logits, written) => {
      const result = new Float64Array(logits);
      for (const [sequence, bias] of biases) {
        const before = lastTokens(written, sequence.length - 1);
        if (before?.every((token, i) => token === sequence[i])) result[sequence.at(-1)!]! += bias;
      }
      return result;
    },
  };
}

/**
 * Adds to the logits of single tokens.
 *
 * @param biases - by token, nats; -Infinity forbids it
 * @throws as {@link sequenceBias}
 *
 * @example
 * ```ts
 * Array.from(logitBias({ 1: -Infinity, 2: 1 }).apply(Float64Array.of(0, 0, 0), { prompt: [0], tokens: [] })); // => [0, -Infinity, 1]
 * ```
 */
export const logitBias = (biases: Readonly<Record<number, number>>): LogitsProcessor =>
  biasing(
    'logitBias: biases',
    Object.entries(biases).map(([token, bias]) => [[Number(token)], bias]),
  );

/**
 * Forbids sequences of tokens: the last token of one, where the others stand before.
 *
 * @param words - the sequences. A word is often several: with and without a space before it, a capital letter at its beginning
 * @throws as {@link sequenceBias}
 *
 * @example
 * ```ts
 * const { apply } = badWords([[2], [0, 1]]);
 * Array.from(apply(Float64Array.of(0, 0, 0), { prompt: [0], tokens: [] })); // => [0, -Infinity, -Infinity]
 * ```
 */
export const badWords = (words: readonly (readonly number[])[]): LogitsProcessor =>
  biasing(
    'badWords: words',
    words.map((word) => [word, -Infinity]),
  );

/**
 * Forbids to write any `n` tokens a second time, those of the prompt included.
 *
 * @param n - at least 1; with 1 no token occurs twice
 * @throws RangeError if it is not a positive integer
 * @see Paulus et al. 2018, section 2.5, https://arxiv.org/abs/1705.04304
 *
 * @example
 * ```ts
 * const { apply } = noRepeatNgrams(2);
 * Array.from(apply(Float64Array.of(0, 0, 0), { prompt: [0, 1], tokens: [0] })); // => [0, -Infinity, 0]
 * ```
 */
export function noRepeatNgrams(n: number): LogitsProcessor {
  checkPositiveInteger('noRepeatNgrams: n', n);
  return {
    name: 'noRepeatNgrams',
    apply: (logits, written) => {
      const latest = lastTokens(written, n - 1);
      if (latest === undefined) return logits;
      const all = [...written.prompt, ...written.tokens];
      const banned = new Set<number>();
      for (let at = 0; at + n <= all.length; at++) {
        if (latest.every((token, i) => token === all[at + i])) banned.add(all[at + n - 1]!);
      }
      return banned.size === 0 ? logits : keep(logits, (token) => !banned.has(token));
    },
  };
}

/**
 * Forbids stop tokens while a completion has fewer tokens than this; what the option `minNewTokens` of `generate` does before all
 * other processors.
 *
 * @param count - at least 1
 * @param stopTokens - what is forbidden
 * @throws RangeError if `count` is not a positive integer; later, if a token is outside the vocabulary
 *
 * @example
 * ```ts
 * const { apply } = minNewTokens(2, [1]);
 * const logits = Float64Array.of(0, 0);
 * [[], [0], [0, 0]].map((tokens) => apply(logits, { prompt: [0], tokens })[1]); // => [-Infinity, -Infinity, 0]
 * ```
 */
export function minNewTokens(count: number, stopTokens: readonly number[]): LogitsProcessor {
  checkPositiveInteger('minNewTokens: count', count);
  checkTokens('minNewTokens: stopTokens', stopTokens);
  const stops = new Set(stopTokens);
  return {
    name: 'minNewTokens',
    check: (vocabSize) => checkTokens('minNewTokens: stopTokens', stopTokens, vocabSize),
    apply: (logits, { tokens }) =>
      tokens.length >= count ? logits : keep(logits, (token) => !stops.has(token)),
  };
}

/** What stands before the token that is to be drawn. */
export interface Written {
  /** Tokens of the prompt. */
  readonly prompt: readonly number[];
  /** Tokens of the completion so far. */
  readonly tokens: readonly number[];
}

/**
 * Changes the distribution of the next token. Processors are applied one after the other, in any order; each is a pure
 * function, so one processor serves any number of completions.
 *
 * @example
 * ```ts
 * const onlyEven: LogitsProcessor = {
 *   name: 'onlyEven',
 *   apply: (logits) => logits.map((logit, token) => (token % 2 === 0 ? logit : -Infinity)),
 * };
 * Array.from(onlyEven.apply(Float64Array.of(1, 2, 3), { prompt: [0], tokens: [] })); // => [1, -Infinity, 3]
 * ```
 */
export interface LogitsProcessor {
  /** What messages call it. */
  readonly name: string;
  /** Throws RangeError if it does not fit a vocabulary of this size; called before anything is computed. */
  readonly check?: (vocabSize: number) => void;
  /**
   * @param logits - `[V]`, not to be changed; -Infinity for tokens that must not be drawn
   * @param written - what stands before
   * @returns `[V]`, finite or -Infinity; the same array if nothing changes
   */
  readonly apply: (logits: Float64Array, written: Written) => Float64Array;
}

export function largest(logits: Float64Array): number {
  let max = -Infinity;
  for (let i = 0; i < logits.length; i++) if (logits[i]! > max) max = logits[i]!;
  return max;
}

/** `exp(logit - max)`, and their sum; `max` is the largest of them. */
export function weightsOf(
  logits: Float64Array | Float32Array,
  max: number,
): { weights: Float64Array; sum: number } {
  const weights = new Float64Array(logits.length);
  let sum = 0;
  for (let i = 0; i < logits.length; i++) {
    if (logits[i]! > -Infinity) sum += weights[i] = Math.exp(logits[i]! - max);
  }
  return { weights, sum };
}

/** The same logits, with -Infinity where a token is not kept. */
export function keep(logits: Float64Array, kept: (token: number) => boolean): Float64Array {
  // Loops, here and in what is done for every token of the vocabulary: a typed array's own map takes several times as long.
  const result = new Float64Array(logits.length);
  for (let i = 0; i < logits.length; i++) result[i] = kept(i) ? logits[i]! : -Infinity;
  return result;
}

export function each(logits: Float64Array, change: (logit: number) => number): Float64Array {
  const result = new Float64Array(logits.length);
  for (let i = 0; i < logits.length; i++) result[i] = change(logits[i]!);
  return result;
}

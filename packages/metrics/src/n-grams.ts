import type { Token } from './tokens.js';

/** The n-grams of one order: every distinct one has a number below `size`. */
export interface NgramOrder {
  /** `[texts][T_i - n + 1]`: the number of the n-gram at each position; empty for a text below n tokens. */
  readonly ids: readonly Int32Array[];
  /** How many distinct n-grams all texts have together. */
  readonly size: number;
}

/**
 * Numbers the n-grams of all texts, for n = 1 to `maxN`, in time linear in the tokens.
 *
 * An n-gram is named by the pair (number of its first n - 1 tokens, number of its last token), so
 * equality is exact: nothing is hashed by us or joined to strings. A `Map` holds at most 2^24 entries,
 * hence a pair's key stays below 2^48, which a double holds exactly.
 */
export function ngramOrders(texts: readonly ArrayLike<Token>[], maxN: number): NgramOrder[] {
  const vocabulary = new Map<Token, number>();
  const words = texts.map((text) => Int32Array.from(text, (token) => numberOf(vocabulary, token)));
  const orders: NgramOrder[] = [{ ids: words, size: vocabulary.size }];
  for (let n = 2; n <= maxN; n++) {
    const prefixes = orders[n - 2]!.ids;
    const seen = new Map<number, number>();
    const ids = words.map((word, i) => {
      const prefix = prefixes[i]!;
      return Int32Array.from({ length: Math.max(0, word.length - n + 1) }, (_, t) =>
        numberOf(seen, prefix[t]! * vocabulary.size + word[t + n - 1]!),
      );
    });
    orders.push({ ids, size: seen.size });
  }
  return orders;
}

/** Calls `visit(id, count)` once for each distinct id. `zeros` is all zero before and after. */
export function forEachCount(
  ids: Int32Array,
  zeros: Int32Array,
  visit: (id: number, count: number) => void,
): void {
  for (const id of ids) zeros[id]!++;
  for (const id of ids) {
    const count = zeros[id]!;
    if (count === 0) continue;
    zeros[id] = 0;
    visit(id, count);
  }
}

function numberOf<K>(numbers: Map<K, number>, key: K): number {
  const known = numbers.get(key);
  if (known !== undefined) return known;
  numbers.set(key, numbers.size);
  return numbers.size - 1;
}

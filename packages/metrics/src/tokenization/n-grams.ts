import type { Token } from './tokens.js';

/** Texts end to end, every token a number. */
interface Corpus {
  /** `[tokens of all texts]`: equal tokens have equal numbers, below `size`. */
  readonly ids: Int32Array;
  /** `[texts + 1]`: where each text begins, and where the last one ends. */
  readonly starts: Int32Array;
  /** How many different tokens there are. */
  readonly size: number;
}

/** The n-grams of one order. */
export interface NgramOrder {
  /** The number of the n-gram that begins at each position, below `size`; -1 where none does. */
  readonly ids: Int32Array;
  /** How many different ones there are. */
  readonly size: number;
}

/** Whole numbers below this are looked up in an array instead of a `Map`. */
export const TABLE = 1 << 20;

/** Numbers the tokens of all texts. */
export function numberTokens(texts: readonly ArrayLike<Token>[]): Corpus {
  const starts = startsOf(texts);
  const ids = new Int32Array(starts[texts.length]!);
  const rest = new Map<Token, number>();
  let table = new Int32Array(128);
  let size = 0;
  let at = 0;
  for (const text of texts) {
    for (let t = 0; t < text.length; t++) {
      const token = text[t]!;
      if (typeof token === 'number' && token >= 0 && token < TABLE && token % 1 === 0) {
        if (token >= table.length) table = grown(table, token + 1);
        ids[at++] = (table[token] ||= ++size) - 1;
      } else {
        let id = rest.get(token);
        if (id === undefined) rest.set(token, (id = size++));
        ids[at++] = id;
      }
    }
  }
  return { ids, starts, size };
}

/** The n-grams of one order, from the tokens on. */
export function ngramsOf(corpus: Corpus, n: number): NgramOrder {
  let order: NgramOrder = corpus;
  for (let k = 2; k <= n; k++) order = extendNgrams(corpus, order.ids, k);
  return order;
}

/**
 * The n-grams of order `n` from those of order `n - 1`, in time linear in the positions. One exists where both
 * its first and its last `n - 1` tokens have a number, and is named by that pair: equality is exact, nothing
 * is joined to strings, and what was marked -1 is not looked at again.
 */
export function extendNgrams({ starts }: Corpus, previous: Int32Array, n: number): NgramOrder {
  const ids = new Int32Array(previous.length).fill(-1);
  let first = new Int32Array(32);
  let last = new Int32Array(32);
  // Open addressing: the number of a pair plus 1, at most half of the slots taken.
  let slots = new Int32Array(64);
  let size = 0;
  for (let i = 0; i + 1 < starts.length; i++) {
    for (let t = starts[i]!, end = starts[i + 1]! - n; t <= end; t++) {
      const a = previous[t]!;
      const b = previous[t + 1]!;
      if (a < 0 || b < 0) continue;
      const mask = slots.length - 1;
      let slot = hash(a, b) & mask;
      let id = slots[slot]! - 1;
      while (id >= 0 && (first[id] !== a || last[id] !== b)) {
        slot = (slot + 1) & mask;
        id = slots[slot]! - 1;
      }
      if (id < 0) {
        id = size++;
        if (id === first.length) [first, last] = [grown(first, id + 1), grown(last, id + 1)];
        first[id] = a;
        last[id] = b;
        slots[slot] = size;
        if (2 * size > slots.length) slots = rehashed(first, last, size);
      }
      ids[t] = id;
    }
  }
  return { ids, size };
}

function startsOf(texts: readonly ArrayLike<Token>[]): Int32Array {
  const starts = new Int32Array(texts.length + 1);
  texts.forEach((text, i) => (starts[i + 1] = starts[i]! + text.length));
  return starts;
}

/** Multiplies by odd numbers and folds the high bits, which mix best, onto the low ones. */
function hash(a: number, b: number): number {
  const h = Math.imul(a, 0x9e3779b1) ^ Math.imul(b, 0x85ebca6b);
  return h ^ (h >>> 15);
}

function rehashed(first: Int32Array, last: Int32Array, size: number): Int32Array<ArrayBuffer> {
  let capacity = 64;
  while (capacity < 4 * size) capacity *= 2;
  const slots = new Int32Array(capacity);
  for (let id = 0; id < size; id++) {
    let slot = hash(first[id]!, last[id]!) & (capacity - 1);
    while (slots[slot] !== 0) slot = (slot + 1) & (capacity - 1);
    slots[slot] = id + 1;
  }
  return slots;
}

function grown(array: Int32Array, atLeast: number): Int32Array<ArrayBuffer> {
  const larger = new Int32Array(Math.max(atLeast, 2 * array.length));
  larger.set(array);
  return larger;
}

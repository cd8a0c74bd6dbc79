import type { Integers, Token } from './tokens.js';
import { isIntegers } from './tokens.js';

/** Texts end to end, every token a number. */
export interface Corpus {
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
const TABLE = 1 << 20;

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

/** How many different n-grams occur how often: `spectrum.get(3)` of them occur 3 times. */
export type Spectrum = ReadonlyMap<number, number>;

/**
 * The spectrum of all texts together. Arrays of small integers are not numbered first.
 *
 * @param tokens - how many the texts have
 */
export function ngramSpectrum(
  texts: readonly ArrayLike<Token>[],
  n: number,
  tokens: number,
): Spectrum {
  const integers = n <= 2 ? countIntegers(texts, tokens) : undefined;
  if (integers) return n === 1 ? tally(integers) : tallyPairs(texts as Integers[], integers);
  const corpus = numberTokens(texts);
  if (n === 1) return tally(countIds(corpus));
  const order = ngramsOf(corpus, n - 1);
  const lists = texts.map((text, i) => {
    const start = corpus.starts[i]!;
    return order.ids.subarray(start, start + Math.max(0, text.length - n + 2));
  });
  return tallyPairs(lists, countIds(order));
}

/** The counts of integers; `undefined` where one is negative or too large for a table, or a text no such array. */
function countIntegers(texts: readonly ArrayLike<Token>[], tokens: number): Int32Array | undefined {
  // Few tokens are no reason to walk through a large table.
  const counts = new Int32Array(Math.min(TABLE, 4 * tokens + 1024));
  let bits = 0;
  for (const text of texts) {
    if (!isIntegers(text)) return undefined;
    bits |= addCounts(text, counts);
    if (bits < 0 || bits >= counts.length) return undefined;
  }
  return counts.subarray(0, bits + 1);
}

/** Reads each token once. @returns the bits that any has: at least the largest, negative from 2^31 on */
function addCounts(text: Integers, counts: Int32Array): number {
  const { length } = text;
  let bits = 0;
  let t = 0;
  // Four at once wait for memory together. What is outside of the table is not stored.
  for (; t + 3 < length; t += 4) {
    const a = text[t]!;
    const b = text[t + 1]!;
    const c = text[t + 2]!;
    const d = text[t + 3]!;
    bits |= a | b | c | d;
    counts[a]!++;
    counts[b]!++;
    counts[c]!++;
    counts[d]!++;
  }
  for (; t < length; t++) {
    bits |= text[t]!;
    counts[text[t]!]!++;
  }
  return bits;
}

function startsOf(texts: readonly ArrayLike<Token>[]): Int32Array {
  const starts = new Int32Array(texts.length + 1);
  texts.forEach((text, i) => (starts[i + 1] = starts[i]! + text.length));
  return starts;
}

function countIds({ ids, size }: NgramOrder): Int32Array {
  const counts = new Int32Array(size);
  for (let t = 0; t < ids.length; t++) if (ids[t]! >= 0) counts[ids[t]!]!++;
  return counts;
}

/** Counts below this are tallied in an array. */
const SMALL = 4096;

/** The spectrum of counts; those of 0 are left out. */
function tally(counts: Int32Array): Spectrum {
  const small = new Int32Array(SMALL);
  const spectrum = new Map<number, number>();
  for (let id = 0; id < counts.length; id++) {
    const count = counts[id]!;
    if (count < SMALL) small[count]!++;
    else add(spectrum, count, 1);
  }
  return withSmall(spectrum, small);
}

/**
 * The spectrum of pairs of neighbours: a counting sort brings the second numbers of the pairs with the same first
 * number together, and a table counts them. Quicker than looking each pair up in a table of pairs, which no cache
 * holds; and nothing branches on whether a pair is new, which nothing could foretell.
 *
 * @param lists - Numbers, in order.
 * @param sizes - How often each number occurs in them.
 */
function tallyPairs(lists: readonly Integers[], sizes: Int32Array): Spectrum {
  // Where the next second number goes; in the end, where each group ends.
  const ends = new Int32Array(sizes.length);
  let total = 0;
  for (let a = 0; a < sizes.length; a++) {
    ends[a] = total;
    total += sizes[a]!;
  }
  // Half the memory to bring in, where that is enough.
  const seconds = sizes.length <= 1 << 16 ? new Uint16Array(total) : new Int32Array(total);
  for (const list of lists) group(list, ends, seconds);
  const small = new Int32Array(SMALL);
  const spectrum = new Map<number, number>();
  const counts = new Int32Array(sizes.length);
  for (let a = 0, start = 0; a < sizes.length; start += sizes[a++]!) {
    const end = ends[a]!;
    for (let at = start; at < end; at++) counts[seconds[at]!]!++;
    for (let at = start; at < end; at++) {
      const b = seconds[at]!;
      const count = counts[b]!;
      // Where b comes again it finds 0, which is left out.
      counts[b] = 0;
      if (count < SMALL) small[count]!++;
      else add(spectrum, count, 1);
    }
  }
  return withSmall(spectrum, small);
}

/** Puts the second number of each pair of neighbours to those with the same first. */
function group(list: Integers, ends: Int32Array, seconds: Int32Array | Uint16Array): void {
  const { length } = list;
  let a = list[0]!;
  for (let t = 1; t < length; t++) {
    const b = list[t]!;
    seconds[ends[a]!++] = b;
    a = b;
  }
}

function withSmall(spectrum: Map<number, number>, small: Int32Array): Spectrum {
  for (let count = 1; count < SMALL; count++) {
    if (small[count] !== 0) add(spectrum, count, small[count]!);
  }
  return spectrum;
}

function add(spectrum: Map<number, number>, count: number, ngrams: number): void {
  spectrum.set(count, (spectrum.get(count) ?? 0) + ngrams);
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

/** The n-grams of one order, from the tokens on. */
export function ngramsOf(corpus: Corpus, n: number): NgramOrder {
  let order: NgramOrder = corpus;
  for (let k = 2; k <= n; k++) order = extendNgrams(corpus, order.ids, k);
  return order;
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

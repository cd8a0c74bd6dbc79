import { type NgramOrder, ngramsOf, numberTokens, TABLE } from './n-grams.js';
import { type Integers, isIntegers, type Token } from './tokens.js';

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

import { byteTokens, utf8 } from './bytes.js';
import { type ModelOf, type WordModel, type WordTokens, readVocabulary } from './model.js';

/** Symbols of a word, in a list of which merges take items out. */
interface Symbols {
  readonly ids: number[];
  readonly starts: number[];
  readonly ends: number[];
}

/** Merges by pair: `ranks` has left * size + right, and `merged` the id that a rank makes. */
interface Merges {
  readonly size: number;
  readonly ranks: ReadonlyMap<number, number>;
  readonly merged: Int32Array;
}

function pairOf(merge: unknown): readonly [string, string] {
  const parts: unknown = typeof merge === 'string' ? merge.split(' ') : merge;
  if (Array.isArray(parts) && parts.length === 2) {
    const [left, right] = parts as [unknown, unknown];
    if (typeof left === 'string' && typeof right === 'string') return [left, right];
  }
  throw new RangeError(
    `model.merges has ${JSON.stringify(merge)?.slice(0, 80)}, expected two tokens, with a space between or in a list`,
  );
}

function readMerges(config: ModelOf<'BPE'>, ids: ReadonlyMap<string, number>): Merges {
  const merges = config.merges.filter(
    (merge) => typeof merge !== 'string' || !merge.startsWith('#version'),
  );
  let size = 1;
  for (const id of ids.values()) size = Math.max(size, id + 1);
  const ranks = new Map<number, number>();
  const merged = new Int32Array(merges.length);
  const idOf = (token: string): number => {
    const id = ids.get(token);
    if (id === undefined) {
      throw new RangeError(
        `model.merges needs ${JSON.stringify(token)}, expected a token of model.vocab`,
      );
    }
    return id;
  };
  const prefix = config.continuing_subword_prefix?.length ?? 0;
  merges.forEach((merge, rank) => {
    const [left, right] = pairOf(merge);
    ranks.set(idOf(left) * size + idOf(right), rank);
    merged[rank] = idOf(left + right.slice(prefix));
  });
  return { size, ranks, merged };
}

/** A heap of numbers, smallest first. */
class Heap {
  readonly #items: number[] = [];

  push(item: number): void {
    const items = this.#items;
    let at = items.push(item) - 1;
    while (at > 0) {
      const above = (at - 1) >> 1;
      if (items[above]! <= item) break;
      items[at] = items[above]!;
      at = above;
    }
    items[at] = item;
  }

  pop(): number | undefined {
    const items = this.#items;
    const smallest = items[0];
    const item = items.pop();
    if (item === undefined || items.length === 0) return smallest;
    let at = 0;
    for (let below = 1; below < items.length; below = 2 * at + 1) {
      if (below + 1 < items.length && items[below + 1]! < items[below]!) below++;
      if (items[below]! >= item) break;
      items[at] = items[below]!;
      at = below;
    }
    items[at] = item;
    return smallest;
  }
}

/** A place in a word fits below this, so that rank and place make one number whose order is theirs. */
const PLACES = 2 ** 30;

/** Merges pairs, that of the lowest rank first and the leftmost of several. */
function mergeSymbols(symbols: Symbols, { size, ranks, merged }: Merges): WordTokens {
  const { ids, starts, ends } = symbols;
  const count = ids.length;
  const next = Int32Array.from({ length: count }, (_, i) => i + 1);
  const previous = Int32Array.from({ length: count }, (_, i) => i - 1);
  const heap = new Heap();
  const rankAt = (left: number): number | undefined => {
    const right = next[left]!;
    return right < count ? ranks.get(ids[left]! * size + ids[right]!) : undefined;
  };
  const offer = (left: number): void => {
    const rank = rankAt(left);
    if (rank !== undefined) heap.push(rank * PLACES + left);
  };
  for (let i = 0; i + 1 < count; i++) offer(i);
  for (let item = heap.pop(); item !== undefined; item = heap.pop()) {
    const left = item % PLACES;
    const rank = Math.floor(item / PLACES);
    // The pair may have been merged meanwhile, its left item with what is before it as well.
    if (ids[left]! < 0 || rankAt(left) !== rank) continue;
    const right = next[left]!;
    ids[left] = merged[rank]!;
    ends[left] = ends[right]!;
    ids[right] = -1;
    next[left] = next[right]!;
    if (next[left]! < count) previous[next[left]!] = left;
    if (previous[left]! >= 0) offer(previous[left]!);
    offer(left);
  }
  const left: Symbols = { ids: [], starts: [], ends: [] };
  for (let i = 0; i < count; i = next[i]!) {
    left.ids.push(ids[i]!);
    left.starts.push(starts[i]!);
    left.ends.push(ends[i]!);
  }
  return left;
}

/**
 * Byte-pair encoding: characters are tokens, and pairs of them merge in the order of training.
 *
 * @see Sennrich et al. 2016, https://arxiv.org/abs/1508.07909
 */
export function createBpe(config: ModelOf<'BPE'>): WordModel {
  const { fuse_unk: fuse, byte_fallback: fallback, ignore_merges: whole } = config;
  const prefix = config.continuing_subword_prefix ?? '';
  const suffix = config.end_of_word_suffix ?? '';
  if (config.dropout) {
    throw new RangeError(
      `model.dropout is ${config.dropout}, expected null or 0; with dropout a text has no certain tokens`,
    );
  }
  const ids = readVocabulary(config.vocab);
  const merges = readMerges(config, ids);
  const unknown = config.unk_token ?? undefined;
  const unknownId = unknown === undefined ? undefined : ids.get(unknown);
  const bytes = fallback ? byteTokens.map((token) => ids.get(token)) : [];

  const missing = (character: string): never => {
    throw new RangeError(
      `encode: text has ${JSON.stringify(character)}, which no token has, expected the unknown token ${JSON.stringify(unknown)} in model.vocab`,
    );
  };

  function symbolsOf(word: string): Symbols {
    const symbols: Symbols = { ids: [], starts: [], ends: [] };
    const add = (id: number, start: number, end: number): void => {
      symbols.ids.push(id);
      symbols.starts.push(start);
      symbols.ends.push(end);
    };
    let pending: { start: number; end: number } | undefined;
    const flush = (): void => {
      if (pending) add(unknownId!, pending.start, pending.end);
      pending = undefined;
    };
    let start = 0;
    for (const character of word) {
      const end = start + character.length;
      const text = (start > 0 ? prefix : '') + character + (end === word.length ? suffix : '');
      const id = ids.get(text);
      if (id !== undefined) {
        flush();
        add(id, start, end);
      } else if (fallback) {
        const parts = Array.from(utf8(text), (byte) => bytes[byte]);
        if (parts.every((part) => part !== undefined)) {
          for (const part of parts) add(part, start, end);
        } else if (unknown !== undefined) {
          unknownAt(text, start, end);
        }
      } else if (unknown !== undefined) {
        unknownAt(text, start, end);
      }
      start = end;
    }
    function unknownAt(text: string, from: number, to: number): void {
      if (unknownId === undefined) missing(text);
      if (pending && fuse) pending.end = to;
      else {
        flush();
        pending = { start: from, end: to };
      }
    }
    flush();
    return symbols;
  }

  return {
    ids,
    size: ids.size,
    tokenize: (word) => {
      const id = whole ? ids.get(word) : undefined;
      if (id !== undefined) return { ids: [id], starts: [0], ends: [word.length] };
      return mergeSymbols(symbolsOf(word), merges);
    },
  };
}

import { z } from 'zod';

import {
  type WordModel,
  WordTokens,
  byteFallback,
  listSchema,
  readVocabulary,
  vocabularySchema,
  wholeWord,
} from './word.js';

export const bpeSchema = z.object({
  type: z.literal('BPE'),
  vocab: vocabularySchema,
  merges: listSchema,
  dropout: z.number().nullish(),
  unk_token: z.string().nullish(),
  continuing_subword_prefix: z.string().nullish(),
  end_of_word_suffix: z.string().nullish(),
  fuse_unk: z.boolean().default(false),
  byte_fallback: z.boolean().default(false),
  ignore_merges: z.boolean().default(false),
});

type BpeConfig = z.infer<typeof bpeSchema>;

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

function readMerges(config: BpeConfig, ids: ReadonlyMap<string, number>): Merges {
  const merges = config.merges.filter(
    (merge) => typeof merge !== 'string' || !merge.startsWith('#version'),
  );
  let size = 1;
  for (const id of ids.values()) size = Math.max(size, id + 1);
  const ranks = new Map<number, number>();
  const merged = new Int32Array(merges.length);
  const idOf = (token: string): number => {
    const id = ids.get(token);
    if (id !== undefined) return id;
    throw new RangeError(
      `model.merges needs ${JSON.stringify(token)}, expected a token of model.vocab`,
    );
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

/** More than any place in a word: `rank * PLACES + place` sorts by rank, then by place. */
const PLACES = 2 ** 30;

/** Merges pairs of a word's tokens, that of the lowest rank first and the leftmost of several. The tokens given are used up. */
function mergePairs(
  { ids, starts, ends }: WordTokens,
  { size, ranks, merged }: Merges,
): WordTokens {
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
    // The pair may be gone: each of its tokens may have been merged with another neighbour.
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
  const left = new WordTokens();
  for (let i = 0; i < count; i = next[i]!) left.add(ids[i]!, starts[i]!, ends[i]!);
  return left;
}

/**
 * Byte-pair encoding: characters are tokens, and pairs of them merge in the order of training.
 *
 * @see Sennrich et al. 2016, https://arxiv.org/abs/1508.07909
 */
export function createBpe(config: BpeConfig): WordModel {
  const { fuse_unk: fuse, ignore_merges: whole } = config;
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
  const bytesOf = byteFallback(ids, config.byte_fallback);

  /** The tokens of a word's characters, before any merge. */
  function charactersOf(word: string): WordTokens {
    const tokens = new WordTokens();
    let pending: { start: number; end: number } | undefined;
    const flush = (): void => {
      if (pending) tokens.add(unknownId!, pending.start, pending.end);
      pending = undefined;
    };
    const unknownAt = (text: string, start: number, end: number): void => {
      if (unknownId === undefined) {
        throw new RangeError(
          `encode: text has ${JSON.stringify(text)}, which no token has, expected the unknown token ${JSON.stringify(unknown)} in model.vocab`,
        );
      }
      if (pending && fuse) pending.end = end;
      else {
        flush();
        pending = { start, end };
      }
    };
    let start = 0;
    for (const character of word) {
      const end = start + character.length;
      const text = (start > 0 ? prefix : '') + character + (end === word.length ? suffix : '');
      const id = ids.get(text);
      const bytes = id === undefined ? bytesOf(text) : undefined;
      if (id !== undefined) {
        flush();
        tokens.add(id, start, end);
      } else if (bytes !== undefined) {
        for (const byte of bytes) tokens.add(byte, start, end);
      } else if (unknown !== undefined) unknownAt(text, start, end);
      start = end;
    }
    flush();
    return tokens;
  }

  return {
    ids,
    size: ids.size,
    tokenize: (word) => {
      const id = whole ? ids.get(word) : undefined;
      return id === undefined ? mergePairs(charactersOf(word), merges) : wholeWord(id, word);
    },
  };
}

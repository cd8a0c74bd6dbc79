import { z } from 'zod';

import { type WordModel, WordTokens, byteFallback, listSchema } from './word.js';

export const unigramSchema = z.object({
  type: z.literal('Unigram'),
  vocab: listSchema,
  unk_id: z.int().nonnegative().nullish(),
  byte_fallback: z.boolean().default(false),
});

/** How much less likely than the least likely token an unknown character is, nats. */
const UNKNOWN_PENALTY = 10;

/** Texts by their beginnings: `steps` has node * 2^16 + UTF-16 unit, and `ends` the token of a node. */
interface Trie {
  readonly steps: ReadonlyMap<number, number>;
  readonly ends: readonly (number | undefined)[];
}

const UNITS = 2 ** 16;

function buildTrie(ids: ReadonlyMap<string, number>): Trie {
  const steps = new Map<number, number>();
  const ends: (number | undefined)[] = [undefined];
  for (const [text, id] of ids) {
    let node = 0;
    for (let i = 0; i < text.length; i++) {
      const step = node * UNITS + text.charCodeAt(i);
      let next = steps.get(step);
      if (next === undefined) {
        next = ends.push(undefined) - 1;
        steps.set(step, next);
      }
      node = next;
    }
    ends[node] = id;
  }
  return { steps, ends };
}

function scoredToken(entry: unknown, i: number): readonly [string, number] {
  if (Array.isArray(entry) && entry.length === 2) {
    const [text, score] = entry as [unknown, unknown];
    if (typeof text === 'string' && typeof score === 'number') return [text, score];
  }
  throw new RangeError(
    `model.vocab[${i}] is ${JSON.stringify(entry)?.slice(0, 80)}, expected a text and its log-probability`,
  );
}

const UNREACHED = -1;

/**
 * A unigram language model: of all ways to cut a word into tokens, the one whose log-probabilities sum highest.
 *
 * @see Kudo 2018, https://arxiv.org/abs/1804.10959
 */
export function createUnigram(config: z.infer<typeof unigramSchema>): WordModel {
  const vocab = config.vocab.map(scoredToken);
  const unknown = config.unk_id ?? undefined;
  if (unknown !== undefined && unknown >= vocab.length) {
    throw new RangeError(
      `model.unk_id is ${unknown}, expected an index of the ${vocab.length} tokens of model.vocab`,
    );
  }
  const ids = new Map(vocab.map(([text], id) => [text, id]));
  const { steps, ends } = buildTrie(ids);
  const scores = Float64Array.from(vocab, ([, score]) => score);
  const unknownScore =
    scores.reduce((least, score) => Math.min(least, score), Infinity) - UNKNOWN_PENALTY;
  const bytesOf = byteFallback(ids, config.byte_fallback);

  /** For each end of a token on the best way there, its beginning and whether it is unknown. */
  function bestWay(word: string): { from: Int32Array; known: Uint8Array } {
    const size = word.length;
    const best = new Float64Array(size + 1);
    const from = new Int32Array(size + 1).fill(UNREACHED);
    const known = new Uint8Array(size + 1);
    const offer = (start: number, end: number, score: number, token: boolean): void => {
      const candidate = best[start]! + score;
      if (from[end] !== UNREACHED && !(candidate > best[end]!)) return;
      best[end] = candidate;
      from[end] = start;
      known[end] = token ? 1 : 0;
    };
    for (let start = 0; start < size;) {
      const character = start + (word.codePointAt(start)! > 0xffff ? 2 : 1);
      let single = false;
      let node: number | undefined = 0;
      for (let i = start; i < size; i++) {
        node = steps.get(node * UNITS + word.charCodeAt(i));
        if (node === undefined) break;
        const id = ends[node];
        if (id === undefined) continue;
        offer(start, i + 1, scores[id]!, id !== unknown);
        if (i + 1 === character) single = true;
      }
      if (!single) {
        if (unknown === undefined) {
          throw new RangeError(
            `encode: text has ${JSON.stringify(word.slice(start, character))}, which no token has, expected a model.unk_id`,
          );
        }
        offer(start, character, unknownScore, false);
      }
      start = character;
    }
    return { from, known };
  }

  /** The cuts of the best way; neighbouring unknown characters are one token. */
  function cut(word: string): [number, number][] {
    const { from, known } = bestWay(word);
    const cuts: [number, number][] = [];
    let fused = false;
    for (let end = word.length; end > 0; end = from[end]!) {
      const start = from[end]!;
      const last = cuts.at(-1);
      const isUnknown = known[end] === 0 && unknown !== undefined;
      if (fused && isUnknown && last) last[0] = start;
      else cuts.push([start, end]);
      fused = isUnknown;
    }
    return cuts.reverse();
  }

  return {
    ids,
    size: vocab.length,
    tokenize: (word) => {
      const tokens = new WordTokens();
      for (const [start, end] of cut(word)) {
        const text = word.slice(start, end);
        const id = ids.get(text);
        const parts = id === undefined ? (bytesOf(text) ?? [unknown!]) : [id];
        for (const part of parts) tokens.add(part, start, end);
      }
      return tokens;
    },
  };
}

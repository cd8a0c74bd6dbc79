import { byteTokenizer } from '@cfrl/model';
import type { TokenizerJson } from '@cfrl/model';

/** The words of GPT-2. */
const WORDS =
  /'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\p{White_Space}\p{L}\p{N}]+|\p{White_Space}+(?!\P{White_Space})|\p{White_Space}+/gu;

/** Words as symbols, with how often they occur, and for each pair of symbols where and how often. */
interface Counts {
  readonly words: { symbols: string[]; readonly times: number }[];
  readonly pairs: Map<string, { times: number; readonly words: Set<number> }>;
}

const key = (left: string, right: string): string => `${left} ${right}`;

function countPairs({ words, pairs }: Counts, word: number, sign: 1 | -1): void {
  const { symbols, times } = words[word]!;
  for (let i = 0; i + 1 < symbols.length; i++) {
    const pair = key(symbols[i]!, symbols[i + 1]!);
    const known = pairs.get(pair) ?? { times: 0, words: new Set() };
    known.times += sign * times;
    known.words.add(word);
    pairs.set(pair, known);
  }
}

function merge(symbols: readonly string[], left: string, right: string): string[] {
  const merged: string[] = [];
  for (let i = 0; i < symbols.length; i++) {
    const both = symbols[i] === left && symbols[i + 1] === right;
    merged.push(both ? left + right : symbols[i]!);
    if (both) i++;
  }
  return merged;
}

/**
 * A byte-level BPE of a text, as GPT-2's: its `tokenizer.json`.
 *
 * @param text - what it is trained on
 * @param merges - tokens beyond the bytes; fewer if no pair occurs twice
 */
export function trainBpe(text: string, merges: number): TokenizerJson {
  const bytes = byteTokenizer();
  const json = bytes.toJSON();
  const byId = Object.entries((json.model as { vocab: Record<string, number> }).vocab);
  const characters = byId.sort(([, a], [, b]) => a - b).map(([character]) => character);
  const counted = new Map<string, number>();
  for (const [word] of text.matchAll(WORDS)) counted.set(word, (counted.get(word) ?? 0) + 1);
  const counts: Counts = {
    words: Array.from(counted, ([word, times]) => ({
      symbols: bytes.encode(word).map((byte) => characters[byte]!),
      times,
    })),
    pairs: new Map(),
  };
  counts.words.forEach((_, i) => countPairs(counts, i, 1));

  const vocab = new Map(characters.map((character, id) => [character, id]));
  const made: [string, string][] = [];
  while (made.length < merges) {
    let best = '';
    let most = 1;
    for (const [pair, { times }] of counts.pairs) if (times > most) [best, most] = [pair, times];
    if (best === '') break;
    const [left, right] = best.split(' ') as [string, string];
    made.push([left, right]);
    if (!vocab.has(left + right)) vocab.set(left + right, vocab.size);
    for (const i of counts.pairs.get(best)!.words) {
      countPairs(counts, i, -1);
      counts.words[i]!.symbols = merge(counts.words[i]!.symbols, left, right);
      countPairs(counts, i, 1);
    }
    counts.pairs.delete(best);
  }
  return {
    ...json,
    added_tokens: json.added_tokens.map((token, i) => ({ ...token, id: vocab.size + i })),
    pre_tokenizer: { ...json.pre_tokenizer, use_regex: true },
    model: { ...json.model, vocab: Object.fromEntries(vocab), merges: made },
  };
}

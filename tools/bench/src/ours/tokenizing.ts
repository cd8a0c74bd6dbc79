import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { type TokenizerJson, byteTokenizer, tokenizerFromFiles } from '@cfrl/model';

import { type Program, jobOf } from './job.js';

/** The repository's root, from the sources as from what is built of them. */
const rootFrom = (folder: string): string =>
  existsSync(join(folder, 'pnpm-workspace.yaml')) ? folder : rootFrom(dirname(folder));

/** Prose and code to be read: this repository's own, again and again until it is long enough. */
function repositoryText(characters: number): string {
  const root = rootFrom(dirname(fileURLToPath(import.meta.url)));
  const files = ['packages', 'docs', 'tools'].flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
      .filter((path) => /\.(ts|md|py)$/.test(path))
      .filter((path) => !/(^|[/\\])(node_modules|dist|fixtures|runs|\.[^/\\]*)[/\\]/.test(path))
      .sort()
      .map((path) => readFileSync(join(root, folder, path), 'utf8')),
  );
  const text = files.join('\n');
  return text.repeat(Math.ceil(characters / text.length)).slice(0, characters);
}

/** The words of GPT-2. */
const WORDS =
  /'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\p{White_Space}\p{L}\p{N}]+|\p{White_Space}+(?!\P{White_Space})|\p{White_Space}+/gu;

/**
 * A byte-level BPE of a text, as GPT-2's: its `tokenizer.json`.
 *
 * @param text - what it is trained on
 * @param merges - tokens beyond the bytes; fewer if no pair occurs twice
 */
function trainBpe(text: string, merges: number): TokenizerJson {
  const bytes = byteTokenizer();
  const json = bytes.toJSON();
  const vocab = new Map(Object.entries((json.model as { vocab: Record<string, number> }).vocab));
  const characters = [...vocab.keys()].sort((a, b) => vocab.get(a)! - vocab.get(b)!);
  const counted = new Map<string, number>();
  for (const [word] of text.matchAll(WORDS)) counted.set(word, (counted.get(word) ?? 0) + 1);
  const words = Array.from(counted, ([word, times]) => ({
    symbols: bytes.encode(word).map((byte) => characters[byte]!),
    times,
  }));
  /** For each pair of symbols, how often it occurs, and in which words. */
  const pairs = new Map<string, { times: number; readonly words: Set<number> }>();
  const count = (at: number, sign: 1 | -1): void => {
    const { symbols, times } = words[at]!;
    symbols.slice(1).forEach((right, i) => {
      const pair = `${symbols[i]} ${right}`;
      const known = pairs.get(pair) ?? { times: 0, words: new Set() };
      known.times += sign * times;
      pairs.set(pair, { ...known, words: known.words.add(at) });
    });
  };
  words.forEach((_, at) => count(at, 1));
  const made: string[][] = [];
  while (made.length < merges) {
    let best = '';
    let most = 1;
    for (const [pair, { times }] of pairs) if (times > most) [best, most] = [pair, times];
    if (best === '') break;
    made.push(best.split(' '));
    const joined = best.replace(' ', '');
    if (!vocab.has(joined)) vocab.set(joined, vocab.size);
    for (const at of pairs.get(best)!.words) {
      count(at, -1);
      // Two spaces between symbols, so that two pairs side by side do not share one.
      const merged = ` ${words[at]!.symbols.join('  ')} `
        .replaceAll(` ${best.replace(' ', '  ')} `, () => ` ${joined} `)
        .trim();
      words[at]!.symbols = merged.split('  ');
      count(at, 1);
    }
    pairs.delete(best);
  }
  return {
    ...json,
    added_tokens: json.added_tokens.map((token, i) => ({ ...token, id: vocab.size + i })),
    pre_tokenizer: { ...json.pre_tokenizer, use_regex: true },
    model: { ...json.model, vocab: Object.fromEntries(vocab), merges: made },
  };
}

/** Text to tokens, by a byte-level BPE that was trained on it. */
export const prepareTokenizing: Program = async (_, folder) => {
  const text = repositoryText(1_000_000);
  const json = JSON.stringify(trainBpe(text, 8000));
  const tokenizer = tokenizerFromFiles({
    tokenizer: JSON.parse(json) as unknown,
    config: { eos_token: '<|end|>', pad_token: '<|pad|>' },
  });
  await writeFile(join(folder, 'tokenizer.json'), json);
  await writeFile(join(folder, 'text.txt'), text);
  /** A number that changes with any of the tokens. */
  const checksum = (tokens: readonly number[]): number =>
    tokens.reduce((sum, token) => (sum * 31 + token + 1) % 1_000_003, 0);
  return jobOf(
    () => tokenizer.encode(text),
    (tokens) => ({
      check: { tokens: [tokens.length], checksum: [checksum(tokens)] },
      handoff: { folder },
    }),
  );
};

import { readFileSync, readdirSync } from 'node:fs';

import { type PretrainedTokenizer, tokenizerFromFiles } from '@cfrl/model';

/** What Python's `tokenizers` makes of a text; see tools/fixtures/tokenizer/make.py. */
interface Expected {
  readonly ids: readonly number[];
  /** Code points, start and end of each. */
  readonly offsets: readonly number[];
  /** Where they differ from what is without special tokens. */
  readonly special?: readonly number[];
  readonly specialOffsets?: readonly number[];
  /** Where special tokens in texts are text. */
  readonly asText?: readonly number[];
  /** Where it differs from the text, and without special tokens where it differs from that. */
  readonly decoded?: string;
  readonly skipped?: string;
}

interface TokenizerFixture {
  readonly tokenizer: unknown;
  readonly expected: readonly Expected[];
  readonly long: readonly { readonly count: number; readonly checksum: number }[];
  readonly random: readonly {
    readonly ids: readonly number[];
    readonly decoded: string;
    readonly skipped?: string;
  }[];
}

const folder = new URL('fixtures/tokenizer/', import.meta.url);
const read = (name: string): unknown => JSON.parse(readFileSync(new URL(name, folder), 'utf8'));

export const { texts, long } = read('texts.json') as {
  readonly texts: readonly string[];
  readonly long: readonly { readonly part: string; readonly times: number }[];
};

/** Those that hold no tokenizer. */
const OTHERS: ReadonlySet<string> = new Set(['texts.json', 'chat.json', 'jinja_values.json']);

export const KINDS = readdirSync(folder)
  .filter((name) => name.endsWith('.json') && !OTHERS.has(name))
  .map((name) => name.replace('.json', ''));

export const readKind = (kind: string): TokenizerFixture =>
  read(`${kind}.json`) as TokenizerFixture;

/** The tokenizer of a fixture, with the token that all of them have to end a text. */
export const tokenizerOf = (kind: string): PretrainedTokenizer =>
  tokenizerFromFiles({ tokenizer: readKind(kind).tokenizer, config: { eos_token: '<|end|>' } });

/** Offsets in code points, which Python counts. */
export function inCodePoints(
  text: string,
  offsets: readonly (readonly [number, number])[],
): number[] {
  const points = new Int32Array(text.length + 1);
  let count = 0;
  for (let i = 0; i < text.length; i++) {
    points[i] = count;
    if (!/[\uD800-\uDBFF]/.test(text[i]!)) count++;
  }
  points[text.length] = count;
  return offsets.flatMap(([start, end]) => [points[start]!, points[end]!]);
}

/**
 * Mutated tokenizer files and chat templates. Each is refused with an error of ours or works; nothing hangs, crashes, makes
 * far more than it was given, or runs code. `fuzz-tokenizer.test.ts` runs a slice; by hand:
 *
 *     npx tsx --conditions=@cfrl/source test/fuzz-tokenizer.ts 100000 [tokenizer|template] [seed]
 */
import { readFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';

import { type Rng, fold, randomInt, rng } from '@cfrl/engine';
import { applyChatTemplate, tokenizerFromFiles } from '@cfrl/model';
import type { ChatMessage, PretrainedTokenizer } from '@cfrl/model';

import { KINDS as TOKENIZERS, readKind, texts, tokenizerOf } from './tokenizer-fixture.js';

/** What is mutated. */
export const KINDS = ['tokenizer', 'template'] as const;
export type Kind = (typeof KINDS)[number];

/** What became of the mutated files. */
export interface Outcome {
  readonly worked: number;
  readonly refused: number;
  /** What should not have happened, with the seed that makes it happen again. */
  readonly failures: readonly string[];
}

const OURS = /^(tokenizerFromFiles|encode|decode|applyChatTemplate): /;
const SECONDS = 5;
/** Characters or tokens that may come of one character of the file or the text. */
const GROWTH = 100;

const pick = <T>(source: Rng, values: readonly T[]): T => values[randomInt(source, values.length)]!;

/** A part of a text removed, doubled, moved or replaced by one of `snippets`, a few times. */
function mutateText(source: Rng, text: string, snippets: readonly string[]): string {
  let result = text;
  for (let rounds = 1 + randomInt(source, 3); rounds > 0 && result.length > 0; rounds--) {
    const at = randomInt(source, result.length);
    const end = at + 1 + randomInt(source, 24);
    const [before, part, after] = [result.slice(0, at), result.slice(at, end), result.slice(end)];
    const other = randomInt(source, result.length);
    result = [
      before + after,
      before + part + part + after,
      before + pick(source, snippets) + after,
      before + pick(source, snippets) + part + after,
      before + result.slice(other, other + part.length) + after,
      before,
    ][randomInt(source, 40) === 0 ? 5 : randomInt(source, 5)]!;
  }
  return result;
}

/** Whole tags and texts of a template removed, doubled or put elsewhere, a few times. */
function mutateTags(source: Rng, template: string): string {
  const parts = template.split(/(\{\{.*?\}\}|\{%.*?%\})/s);
  for (let rounds = 1 + randomInt(source, 3); rounds > 0; rounds--) {
    const at = randomInt(source, parts.length);
    const removed = randomInt(source, 2);
    const added = randomInt(source, 3) === 0 ? [] : [pick(source, parts)];
    parts.splice(at, removed, ...added);
  }
  return parts.join('');
}

const WORDS = [
  ...[
    '',
    ' ',
    'a',
    '▁',
    'Ġ',
    '\u0000',
    '\uD83D',
    '<0x41>',
    '__proto__',
    'constructor',
    'BPE',
    'Unigram',
  ],
  ...[
    'WordPiece',
    'WordLevel',
    'NFC',
    'Sequence',
    'ByteLevel',
    'Metaspace',
    'Removed',
    'MergedWithNext',
    'first',
  ],
  ...[
    '(a+)+$',
    '(',
    '\\p{L}+',
    '[^\\s]*x',
    '.*.*.*=',
    '\\1',
    '(?<=a)',
    ' {2,}',
    '$&',
    'a{1,1000000000}',
  ],
];
const VALUES: readonly unknown[] = [
  ...[
    null,
    true,
    false,
    0,
    1,
    -1,
    2,
    255,
    0.5,
    1e9,
    2 ** 31,
    2 ** 53,
    1e308,
    [],
    {},
    [[]],
    { a: [] },
  ],
  ...[{ Regex: '(a|a)*b' }, { Regex: '' }, { String: '' }, ['a', 'b'], ...WORDS],
];

/** A value somewhere in parsed JSON replaced, removed, renamed, added or put in another place. */
function mutateJson(source: Rng, json: unknown, whole: unknown): unknown {
  if (typeof json !== 'object' || json === null || randomInt(source, 16) === 0) {
    return randomInt(source, 8) === 0 ? whole : pick(source, VALUES);
  }
  const entries = Object.entries(json as Record<string, unknown>);
  if (entries.length === 0) return pick(source, VALUES);
  const at = randomInt(source, entries.length);
  const [key, value] = entries[at]!;
  const change = randomInt(source, 10);
  if (change === 0) entries.splice(at, 1);
  else if (change === 1) entries[at] = [pick(source, WORDS), value];
  else if (change === 2) entries.push([pick(source, WORDS), pick(source, VALUES)]);
  else if (change === 3) entries[at] = [key, entries[randomInt(source, entries.length)]![1]];
  else entries[at] = [key, mutateJson(source, value, whole)];
  return Array.isArray(json) ? entries.map(([, each]) => each) : Object.fromEntries(entries);
}

const files = TOKENIZERS.map((kind) => readKind(kind).tokenizer as Record<string, unknown>);
const config = {
  ...{
    eos_token: '<|end|>',
    pad_token: { content: '<|tool|>' },
    add_bos_token: true,
    bos_token: '<s>',
  },
  ...{ clean_up_tokenization_spaces: true, additional_special_tokens: ['<extra>'] },
  added_tokens_decoder: {},
};
const samples = [
  '',
  ...texts.slice(4, 60).filter((_, i) => i % 5 === 0),
  'a '.repeat(300),
  'é'.repeat(300),
];

/** Uses a tokenizer in every way; what comes out must be of the kind and size that it is said to be. */
function exercise(tokenizer: PretrainedTokenizer, size: number): void {
  for (const text of samples) {
    const options = { addSpecialTokens: true, parseSpecialTokens: true };
    const tokens = tokenizer.encode(text, options);
    const aligned = tokenizer.encodeWithOffsets(text, options);
    if (String(aligned.tokens) !== String(tokens)) throw new Error('offsets change the tokens');
    const wrong = tokens.find((id) => !Number.isInteger(id) || id < 0 || id >= tokenizer.vocabSize);
    if (wrong !== undefined) throw new Error(`the token ${wrong} is not of the vocabulary`);
    if (tokens.length > GROWTH * (text.length + size)) throw new Error(`${tokens.length} tokens`);
    const back = tokenizer.decode(tokens);
    if (back.length > GROWTH * (tokens.length + 1) * (size + 1)) throw new Error('a huge text');
  }
}

function useTokenizer(source: Rng): void {
  let json: unknown = pick(source, files);
  let settings: unknown = config;
  for (let rounds = 1 + randomInt(source, 3); rounds > 0; rounds--) {
    if (randomInt(source, 5) === 0) settings = mutateJson(source, settings, json);
    else json = mutateJson(source, json, pick(source, files)['model']);
  }
  const text = JSON.stringify(json) ?? 'null';
  exercise(
    tokenizerFromFiles({ tokenizer: JSON.parse(text) as unknown, config: settings }),
    text.length,
  );
}

interface ChatFixture {
  readonly templates: Readonly<Record<string, string>>;
  readonly chats: Readonly<Record<string, readonly ChatMessage[]>>;
  readonly options: readonly { readonly tools?: readonly Record<string, unknown>[] }[];
  readonly values: readonly { readonly template: string }[];
  readonly data: Readonly<Record<string, unknown>>;
}
const chat = JSON.parse(
  readFileSync(new URL('fixtures/tokenizer/chat.json', import.meta.url), 'utf8'),
) as ChatFixture;
const templates = [
  ...Object.values(chat.templates),
  ...chat.values.map(({ template }) => template),
];
const SNIPPETS = [
  ...[
    '{{',
    '}}',
    '{%',
    '%}',
    '-%}',
    '{#',
    '#}',
    '(',
    ')',
    '[',
    ']',
    '|',
    '~',
    '**',
    ' if ',
    ' else ',
    '.',
    ',',
  ],
  ...[
    '{% for x in messages %}',
    '{% endfor %}',
    '{% endif %}',
    '{% set x = x ~ x %}',
    '{% generation %}',
  ],
  ...[
    '{% endgeneration %}',
    '{% macro m() %}{{ m() }}{% endmacro %}',
    'range(99999999)',
    'range(9999)',
    'm()',
  ],
  ...[
    '.constructor',
    ".constructor('canary()')()",
    '.__proto__',
    "['__proto__']",
    '{{ canary() }}',
    'canary()',
  ],
  ...[
    ' | indent(9999999)',
    ' | tojson(indent=999999)',
    ".replace('', 'xxxxxxxxxx')",
    ' | join',
    '{% break %}',
  ],
  ...[
    ' * 9999999',
    '[::0]',
    '[::-1]',
    '.items()',
    'namespace(',
    'messages',
    'raise_exception("no")',
    '\u0000',
  ],
];
const anyTokenizer = tokenizerOf('qwen');
const conversation = chat.chats['tools']!;

function useTemplate(source: Rng): void {
  const original = pick(source, templates);
  const template =
    randomInt(source, 2) === 0
      ? mutateTags(source, original)
      : mutateText(source, original, SNIPPETS);
  const tools =
    randomInt(source, 2) === 0 ? chat.options.find((each) => each.tools)?.tools : undefined;
  const { text } = applyChatTemplate(anyTokenizer, conversation, {
    template,
    variables: chat.data,
    assistantMask: template.includes('endgeneration') && randomInt(source, 4) === 0,
    ...(tools && { tools }),
  });
  if (typeof text !== 'string') throw new Error('it renders no text');
  if (/\[native code\]|=>/.test(text)) throw new Error('it prints a function of JavaScript');
}

const USES: Readonly<Record<Kind, (source: Rng) => void>> = {
  tokenizer: useTokenizer,
  template: useTemplate,
};

/**
 * Mutates one kind of file again and again.
 *
 * @param count - how many mutated files
 * @param seed - the first one's; the others' follow
 */
export function fuzz(kind: Kind, count: number, seed = 0): Outcome {
  const failures: string[] = [];
  let [worked, refused] = [0, 0];
  const scope = globalThis as { canary?: () => void };
  scope.canary = () => void failures.push('a template has run code');
  try {
    for (let i = 0; i < count; i++) {
      const start = performance.now();
      const fail = (what: string): void => void failures.push(`seed ${seed + i}: ${what}`);
      try {
        USES[kind](rng(fold(seed + i, kind)));
        worked += 1;
      } catch (error) {
        if (error instanceof Error && OURS.test(error.message)) refused += 1;
        else fail(error instanceof Error ? (error.stack ?? error.message) : String(error));
      }
      const seconds = (performance.now() - start) / 1000;
      if (seconds > SECONDS) fail(`it took ${seconds.toFixed(1)} s`);
    }
  } finally {
    delete scope.canary;
  }
  return { worked, refused, failures };
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const [count = '1000', kind, seed = '0'] = process.argv.slice(2);
  for (const each of kind === undefined ? KINDS : [kind as Kind]) {
    const { worked, refused, failures } = fuzz(each, Number(count), Number(seed));
    process.stdout.write(
      `${each}: ${worked} work, ${refused} refused, ${failures.length} failed\n`,
    );
    failures.slice(0, 5).forEach((failure) => process.stdout.write(`  ${failure}\n`));
    if (failures.length > 0) process.exitCode = 1;
  }
}

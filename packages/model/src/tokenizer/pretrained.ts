import { checkTokens } from '@cfrl/engine';
import { z } from 'zod';

import { addedTokenSchema } from './pipeline/added-tokens.js';
import { cleanUp } from './pipeline/decoders.js';
import { type TokenizerFile, readTokenizerFile } from './pipeline/file.js';
import { createModel } from './pipeline/model.js';
import { createPipeline, nextId } from './pipeline/pipeline.js';
import type { WordModel } from './pipeline/word.js';
import { addedToken } from './tokenizer-json.js';
import type { AddedToken, EncodeOptions, Tokenizer, TokenizerJson } from './types.js';

/** The parsed files of a tokenizer's folder. */
export interface TokenizerFiles {
  /** `tokenizer.json` */
  readonly tokenizer: unknown;
  /** `tokenizer_config.json` */
  readonly config?: unknown;
  /** `special_tokens_map.json`, which older folders have. */
  readonly specialTokensMap?: unknown;
  /** `chat_template.jinja`, or several templates by name. */
  readonly chatTemplate?: ChatTemplate;
}

/** A Jinja template, or several by name. */
export type ChatTemplate = string | Readonly<Record<string, string>>;

/** How tokens become text. */
export interface DecodeOptions {
  /** @defaultValue true */
  readonly skipSpecialTokens?: boolean;
  /** Takes spaces before punctuation out. @defaultValue what the tokenizer's files say, as transformers reads them */
  readonly cleanUp?: boolean;
}

/** Tokens, and for each the characters (UTF-16 units) `[start, end)` of the text that it stands for. */
export interface Encoding {
  readonly tokens: number[];
  /** `[0, 0]` for tokens that were added. */
  readonly offsets: [number, number][];
}

/** A tokenizer that was read from Hugging Face files. */
export interface PretrainedTokenizer extends Tokenizer {
  readonly encode: (text: string, options?: EncodeOptions) => number[];
  /** As `encode`, with offsets. */
  readonly encodeWithOffsets: (text: string, options?: EncodeOptions) => Encoding;
  readonly decode: (tokens: readonly number[], options?: DecodeOptions) => string;
  readonly isComplete: (tokens: readonly number[]) => boolean;
  /** The id of a token's text, which is not always what it decodes to. */
  readonly tokenId: (text: string) => number | undefined;
  /** The text of an id, as the vocabulary writes it. */
  readonly tokenText: (token: number) => string | undefined;
  /** The special tokens by their names, such as `eos_token`; chat templates read them. */
  readonly specialTokens: Readonly<Record<string, string>>;
  readonly chatTemplate?: ChatTemplate;
  /** The side that a batch is padded on. */
  readonly paddingSide: 'left' | 'right';
  /** What it was read from. */
  readonly files: TokenizerFiles;
}

const tokenText = z.union([z.string(), z.object({ content: z.string() })]);
const contentOf = (token: z.infer<typeof tokenText>): string =>
  typeof token === 'string' ? token : token.content;

const NAMED = ['bos', 'eos', 'unk', 'sep', 'pad', 'cls', 'mask'].map((name) => `${name}_token`);

const extra = z.union([z.array(tokenText), z.record(z.string(), tokenText)]).nullish();

const configSchema = z.looseObject({
  added_tokens_decoder: z
    .record(
      z.string().regex(/^\d+$/),
      addedTokenSchema.omit({ id: true }).partial().required({ content: true }),
    )
    .optional(),
  extra_special_tokens: extra,
  additional_special_tokens: extra,
  add_bos_token: z.boolean().nullish(),
  add_eos_token: z.boolean().nullish(),
  clean_up_tokenization_spaces: z.boolean().nullish(),
  clean_up_tokenization_spaces_for_bpe_even_though_it_will_corrupt_output: z.boolean().nullish(),
  padding_side: z.enum(['left', 'right']).nullish(),
  chat_template: z
    .union([
      z.string(),
      z.array(z.object({ name: z.string(), template: z.string() })),
      z.record(z.string(), z.string()),
    ])
    .nullish(),
});

type Config = z.infer<typeof configSchema>;

function readConfig(files: TokenizerFiles): Config {
  const read = (name: string, json: unknown): Config => {
    const parsed = configSchema.safeParse(json ?? {});
    if (parsed.success) return parsed.data;
    throw new RangeError(
      `tokenizerFromFiles: ${name} does not fit, expected a file of transformers: ${parsed.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`).join('; ')}`,
    );
  };
  const config = read('tokenizer_config.json', files.config);
  // As transformers does: the map is read where the config is of the older kind.
  return config.added_tokens_decoder === undefined
    ? { ...config, ...read('special_tokens_map.json', files.specialTokensMap) }
    : config;
}

type Named = Readonly<Record<string, string>>;

/** The special tokens: by name, and all of them, named or not. */
function specialTokensOf(config: Config): { named: Named; contents: readonly string[] } {
  const named: Record<string, string> = {};
  for (const [name, value] of Object.entries(config)) {
    const token = tokenText.safeParse(value);
    if (name.endsWith('_token') && token.success) named[name] = contentOf(token.data);
  }
  const more = config.extra_special_tokens ?? config.additional_special_tokens ?? [];
  if (!Array.isArray(more)) {
    for (const [name, token] of Object.entries(more)) named[name] = contentOf(token);
  }
  const listed = Array.isArray(more) ? more.map(contentOf) : [];
  const standard = NAMED.flatMap((name) => (named[name] === undefined ? [] : [named[name]]));
  return { named, contents: [...standard, ...Object.values(named), ...listed] };
}

/** The added tokens of all files; new ones get the ids that follow. */
function addedTokens(
  file: TokenizerFile,
  config: Config,
  contents: readonly string[],
  model: WordModel,
): AddedToken[] {
  const byContent = new Map<string, AddedToken>();
  for (const token of file.added_tokens) byContent.set(token.content, token);
  const add = (content: string, flags: Partial<AddedToken>, id?: number): void => {
    if (content === '' || byContent.has(content)) return;
    let last = -1;
    for (const token of byContent.values()) last = Math.max(last, token.id);
    const next = model.ids.get(content) ?? nextId(model, last);
    if (id !== undefined && id !== next) {
      throw new RangeError(
        `tokenizerFromFiles: tokenizer_config.json gives ${JSON.stringify(content)} the id ${id}, expected ${next}: the model's id, or the next`,
      );
    }
    byContent.set(content, addedToken(next, content, flags));
  };
  const listed = Object.entries(config.added_tokens_decoder ?? {}).sort(
    ([a], [b]) => Number(a) - Number(b),
  );
  for (const [id, { content, ...flags }] of listed) {
    const given = Object.entries(flags).filter(([, flag]) => flag !== undefined);
    add(content, { normalized: flags.special !== true, ...Object.fromEntries(given) }, Number(id));
  }
  for (const content of contents) {
    add(content, { special: true });
    const token = byContent.get(content);
    if (token) byContent.set(content, { ...token, special: true });
  }
  return Array.from(byContent.values());
}

/** The template that `add_bos_token` and `add_eos_token` stand for, where a config has them. */
function postProcessor(
  file: TokenizerFile,
  config: Config,
  named: Named,
  idOf: (content: string) => number | undefined,
): TokenizerFile['post_processor'] {
  if (config.add_bos_token === undefined && config.add_eos_token === undefined)
    return file.post_processor;
  const token = (asked: boolean | null | undefined, name: string): string[] =>
    asked && named[name] !== undefined ? [named[name]] : [];
  const before = token(config.add_bos_token, 'bos_token');
  const after = token(config.add_eos_token, 'eos_token');
  const place = (id: string) => ({ SpecialToken: { id } });
  return {
    type: 'TemplateProcessing',
    single: [...before.map(place), { Sequence: { id: 'A' } }, ...after.map(place)],
    special_tokens: Object.fromEntries(
      [...before, ...after].map((content) => [content, { ids: [idOf(content)!] }]),
    ),
  };
}

/** Settings of {@link tokenizerFromFiles}. */
export interface TokenizerOptions {
  /**
   * The number of tokens that `generate` may draw, where the embedding has more rows than the tokenizer has tokens. The extra
   * ids decode to nothing. A model whose embedding is padded does not need it. @defaultValue one more than the largest id
   */
  readonly vocabSize?: number;
}

/**
 * The tokenizer that a folder's parsed files describe: BPE (of bytes, with Metaspace, with byte fallback), Unigram,
 * WordPiece or WordLevel, with added and special tokens, normalisation and clean-up as Python's `tokenizers` and
 * `transformers` do them. Texts are data: unless asked, special tokens are neither added nor found in them.
 *
 * @param files - parsed JSON; borrowed
 * @returns the tokenizer. Its `endToken` is `eos_token` or else `sep_token`, its `padToken` is `pad_token` or else the end token
 * @throws RangeError if a file does not fit, if it needs what is not there, or if no token ends a text
 * @see https://huggingface.co/docs/tokenizers
 *
 * @example
 * ```ts
 * const vocab = { 'a': 0, 'b': 1, 'ab': 2, '▁': 3, '</s>': 4 };
 * const tokenizer = tokenizerFromFiles({
 *   tokenizer: {
 *     added_tokens: [],
 *     pre_tokenizer: { type: 'Metaspace', replacement: '▁', prepend_scheme: 'never' },
 *     decoder: { type: 'Metaspace', replacement: '▁', prepend_scheme: 'never' },
 *     model: { type: 'BPE', vocab, merges: [['a', 'b']] },
 *   },
 *   config: { eos_token: '</s>' },
 * });
 * tokenizer.encode('ab ba'); // => [2, 3, 1, 0]
 * tokenizer.decode([2, 3, 1, 0, tokenizer.endToken]); // => "ab ba"
 * ```
 */
export function tokenizerFromFiles(
  files: TokenizerFiles,
  { vocabSize }: TokenizerOptions = {},
): PretrainedTokenizer {
  const where = 'tokenizerFromFiles';
  const file = readTokenizerFile(where, files.tokenizer);
  const config = readConfig(files);
  const { named, contents } = specialTokensOf(config);
  const model = located(where, () => createModel(file.model));
  const added = addedTokens(file, config, contents, model);
  const idOf = (content: string): number | undefined =>
    added.find((token) => token.content === content)?.id;
  const parts = { ...file, post_processor: postProcessor(file, config, named, idOf) };
  const pipeline = located(where, () => createPipeline(parts, model, added));

  const end = named['eos_token'] ?? named['sep_token'];
  const endToken = end === undefined ? undefined : pipeline.idOf(end);
  if (endToken === undefined) {
    throw new RangeError(
      `${where}: tokenizer_config.json has no eos_token, expected the token that ends a text; add it to the file`,
    );
  }
  const size = vocabSize ?? pipeline.size;
  if (!Number.isInteger(size) || size < pipeline.size) {
    throw new RangeError(
      `${where}: vocabSize is ${size}, expected an integer of at least ${pipeline.size}, the tokenizer's`,
    );
  }
  const cleans =
    config.clean_up_tokenization_spaces === true &&
    (file.model.type !== 'BPE' ||
      config.clean_up_tokenization_spaces_for_bpe_even_though_it_will_corrupt_output === true);
  const template = files.chatTemplate ?? templateOf(config);

  return {
    vocabSize: size,
    endToken,
    padToken: pipeline.idOf(named['pad_token'] ?? end!)!,
    paddingSide: config.padding_side ?? 'right',
    specialTokens: named,
    ...(template !== undefined && { chatTemplate: template }),
    files,
    encode: (text, options) => pipeline.encode(text, options, false).ids,
    encodeWithOffsets: (text, options) => {
      const { ids, offsets } = pipeline.encode(text, options, true);
      return { tokens: ids, offsets };
    },
    decode: (tokens, { skipSpecialTokens = true, cleanUp: cleaned = cleans } = {}) => {
      checkTokens('decode: tokens', tokens);
      const text = pipeline.decode(tokens, skipSpecialTokens);
      return cleaned ? cleanUp(text) : text;
    },
    isComplete: (tokens) => !cleans && pipeline.isComplete(tokens),
    tokenId: pipeline.idOf,
    tokenText: pipeline.textOf,
    toJSON: () => files.tokenizer as TokenizerJson,
  };
}

/** Names the file in the errors of what reads its parts. */
function located<T>(where: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    throw new RangeError(`${where}: tokenizer.json: ${error.message}`, { cause: error });
  }
}

function templateOf({ chat_template: template }: Config): ChatTemplate | undefined {
  if (template === undefined || template === null) return undefined;
  return Array.isArray(template)
    ? Object.fromEntries(template.map(({ name, template: text }) => [name, text]))
    : template;
}

import { join } from 'node:path';

import {
  type ChatTemplate,
  type PretrainedTokenizer,
  type TokenizerOptions,
  tokenizerFromFiles,
} from '../tokenizer/pretrained.js';
import { fromBytePairFiles } from '../tokenizer/byte-pair-files.js';
import { withSpecialDefaults } from '../tokenizer/special-defaults.js';
import { END_TEXT, PAD_TEXT } from '../tokenizer/special.js';
import type { Tokenizer } from '../tokenizer/types.js';
import { json, namesIn, readJson, readText } from './json-files.js';
import { writeFolderAtomically } from './write-files.js';

const WHERE = 'loadTokenizer';
const TEMPLATES = 'additional_chat_templates';

/** The templates that have files of their own. */
async function readTemplates(folder: string): Promise<ChatTemplate | undefined> {
  const single = await readText(WHERE, folder, 'chat_template.jinja');
  const templates = join(folder, TEMPLATES);
  const names = (await namesIn(WHERE, templates)).filter((name) => name.endsWith('.jinja'));
  const more = await Promise.all(
    names.map(async (name) => [
      name.slice(0, -'.jinja'.length),
      (await readText(WHERE, templates, name)) ?? '',
    ]),
  );
  if (more.length === 0) return single;
  return Object.fromEntries([...(single === undefined ? [] : [['default', single]]), ...more]);
}

/** What the older pair of files says, or nothing where a folder has not both. */
async function bytePairFiles(folder: string, config: unknown) {
  const merges = await readText(WHERE, folder, 'merges.txt');
  const vocab = await readJson(WHERE, folder, 'vocab.json');
  if (merges === undefined || vocab === undefined) return undefined;
  return fromBytePairFiles({
    vocab,
    merges,
    config,
    added: await readJson(WHERE, folder, 'added_tokens.json'),
  });
}

type Json = Readonly<Record<string, unknown>>;

const hasEnd = (json: Json | undefined): boolean =>
  (json?.['eos_token'] ?? undefined) !== undefined;

/** The special tokens that a folder's other files stand for. */
async function withDefaults(folder: string, config: Json, tokenizer: Json): Promise<Json> {
  const names = ['generation_config.json', 'config.json'];
  const models = await Promise.all(names.map((name) => readJson(WHERE, folder, name)));
  return withSpecialDefaults(
    config,
    tokenizer,
    models.filter((json) => json !== undefined),
  );
}

/**
 * Loads the tokenizer of a Hugging Face folder: `tokenizer.json`, or the older `vocab.json` and `merges.txt`, and where they are there `tokenizer_config.json`,
 * `special_tokens_map.json`, `chat_template.jinja` and the templates of `additional_chat_templates`. Special tokens
 * that they do not name are those of transformers' class for `config.json`, and the end is its `eos_token_id`.
 *
 * @param folder - where the files are
 * @returns the tokenizer
 * @throws RangeError as {@link tokenizerFromFiles}, or if a file is no JSON or `tokenizer.json` is missing
 *
 * @example
 * ```ts
 * import { byteTokenizer } from '@cfrl/model';
 * import { loadTokenizer, saveTokenizer } from '@cfrl/model/node';
 * import { mkdtemp } from 'node:fs/promises';
 * import { tmpdir } from 'node:os';
 * const folder = await mkdtemp(`${tmpdir()}/cfrl-`);
 * await saveTokenizer(folder, byteTokenizer());
 * (await loadTokenizer(folder)).encode('né'); // => [110, 195, 169]
 * ```
 */
export async function loadTokenizer(
  folder: string,
  options: TokenizerOptions = {},
): Promise<PretrainedTokenizer> {
  const given = await readJson(WHERE, folder, 'tokenizer_config.json');
  const specialTokensMap = await readJson(WHERE, folder, 'special_tokens_map.json');
  const whole = await readJson(WHERE, folder, 'tokenizer.json');
  const found =
    whole === undefined ? await bytePairFiles(folder, given) : { tokenizer: whole, config: given };
  if (found === undefined) {
    throw new RangeError(
      `loadTokenizer: ${folder} has no tokenizer.json, nor vocab.json and merges.txt, expected one of them; AutoTokenizer.from_pretrained(...).save_pretrained(...) of transformers writes it`,
    );
  }
  const { tokenizer, config } = found;
  const chatTemplate = await readTemplates(folder);
  const named = hasEnd(config) || hasEnd(specialTokensMap);
  const filled = named ? config : await withDefaults(folder, config ?? {}, tokenizer);
  const files = {
    tokenizer,
    ...(filled !== undefined && { config: filled }),
    ...(specialTokensMap !== undefined && { specialTokensMap }),
    ...(chatTemplate !== undefined && { chatTemplate }),
  };
  return tokenizerFromFiles(files, options);
}

const isPretrained = (tokenizer: Tokenizer): tokenizer is PretrainedTokenizer =>
  'files' in tokenizer;

/** Files that say something of a folder's tokenizer: what another one left would be read with the new one. */
export const isOfTokenizer = (name: string): boolean =>
  name === TEMPLATES ||
  name === 'chat_template.jinja' ||
  /^(tokenizer|tokenizer_config|special_tokens_map|added_tokens|vocab)\.json$|^merges\.txt$/.test(
    name,
  );

/**
 * Texts of the files that a tokenizer is saved as, by their names.
 *
 * @param maxLength - tokens that the model can read; one that was loaded says so itself
 */
export function tokenizerTexts(tokenizer: Tokenizer, maxLength?: number): Record<string, string> {
  if (!isPretrained(tokenizer)) {
    return {
      'tokenizer.json': json(tokenizer),
      'tokenizer_config.json': json({
        tokenizer_class: 'PreTrainedTokenizerFast',
        pad_token: PAD_TEXT,
        eos_token: END_TEXT,
        model_max_length: maxLength,
        clean_up_tokenization_spaces: false,
        split_special_tokens: true, // text is data: "<|end|>" in a text is seven characters
      }),
    };
  }
  const { files } = tokenizer;
  const { chatTemplate: template, specialTokensMap } = files;
  const several = typeof template === 'object' && {
    chat_template: Object.entries(template).map(([name, text]) => ({ name, template: text })),
  };
  return {
    'tokenizer.json': json(files.tokenizer),
    'tokenizer_config.json': json({
      tokenizer_class: 'PreTrainedTokenizerFast',
      ...(files.config as object | undefined),
      ...several,
    }),
    ...(specialTokensMap !== undefined && { 'special_tokens_map.json': json(specialTokensMap) }),
    ...(typeof template === 'string' && { 'chat_template.jinja': template }),
  };
}

/**
 * Saves a tokenizer as a Hugging Face folder that transformers' `AutoTokenizer` loads. A new folder appears complete
 * or not at all; in an existing one each file is replaced at once, those of another tokenizer are removed, and other files stay.
 *
 * @param folder - where to save; folders on the way are created
 * @param tokenizer - any tokenizer; one that was loaded is saved as it was
 *
 * @example
 * ```ts
 * import { charTokenizer } from '@cfrl/model';
 * import { saveTokenizer } from '@cfrl/model/node';
 * import { mkdtemp, readdir } from 'node:fs/promises';
 * import { tmpdir } from 'node:os';
 * const folder = await mkdtemp(`${tmpdir()}/cfrl-`);
 * await saveTokenizer(folder, charTokenizer('ab'));
 * (await readdir(folder)).sort(); // => ["tokenizer.json", "tokenizer_config.json"]
 * ```
 */
export async function saveTokenizer(folder: string, tokenizer: Tokenizer): Promise<void> {
  await writeFolderAtomically('saveTokenizer', folder, tokenizerTexts(tokenizer), isOfTokenizer);
}

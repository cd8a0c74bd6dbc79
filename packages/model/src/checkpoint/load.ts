import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

import type { LanguageModel } from '../generation/options.js';
import { fromHuggingFaceConfig } from '../huggingface-config.js';
import { paramShapes } from '../init.js';
import { entryTensor, readEntries } from '../safetensors/decode.js';
import { tokenizerFromJson } from '../tokenizer/from-json.js';
import { checkModel } from './check-model.js';
import { nameOfStored } from './stored-names.js';

async function readPart(folder: string, name: string): Promise<Uint8Array> {
  try {
    return await readFile(join(folder, name));
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'ENOENT') throw cause;
    throw new RangeError(
      `loadPretrained: '${folder}' has no ${name}, expected a folder of a saved model`,
      { cause },
    );
  }
}

async function readJson(folder: string, name: string): Promise<unknown> {
  const text = new TextDecoder().decode(await readPart(folder, name));
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new RangeError(
      `loadPretrained: ${name} in '${folder}' is not JSON, expected a JSON object`,
      {
        cause,
      },
    );
  }
}

/**
 * Loads a Hugging Face folder: `config.json`, `model.safetensors` and `tokenizer.json`.
 *
 * @param folder - as {@link savePretrained} or transformers wrote it
 * @returns configuration, parameters in the order of `paramShapes`, and tokenizer; the caller owns
 *   the parameters
 * @throws RangeError if a file is missing or malformed, names or shapes do not fit the
 *   configuration (one error lists all of them), a number is not finite, or the tokenizer does not
 *   fit; no tensor exists then
 *
 * @example
 * ```ts
 * import { charTokenizer, initParams, modelConfig } from '@cfrl/model';
 * import { loadPretrained, savePretrained } from '@cfrl/model/node';
 * import { mkdtemp } from 'node:fs/promises';
 * import { tmpdir } from 'node:os';
 * const config = modelConfig({
 *   architecture: 'llama', vocabSize: 4, hiddenSize: 8, layers: 1, heads: 2, maxPositions: 8,
 * });
 * const folder = await mkdtemp(`${tmpdir()}/cfrl-`);
 * await savePretrained(folder, {
 *   config, params: initParams(config, 0), tokenizer: charTokenizer('ab'),
 * });
 * (await loadPretrained(folder)).tokenizer.encode('ba'); // => [1, 0]
 * ```
 */
export async function loadPretrained(folder: string): Promise<LanguageModel> {
  const config = fromHuggingFaceConfig(
    (await readJson(folder, 'config.json')) as Record<string, unknown>,
  );
  const tokenizer = tokenizerFromJson(await readJson(folder, 'tokenizer.json'));
  const { entries: stored } = readEntries(await readPart(folder, 'model.safetensors'));
  const entries = stored.map((entry) => ({
    ...entry,
    name: nameOfStored(config.architecture, entry.name),
  }));
  const byName = new Map(entries.map((entry) => [entry.name, entry]));
  const infos = entries.map(({ name, shape, values }) => [
    name,
    { shape, float: values instanceof Float32Array, values: () => values },
  ]);
  checkModel('loadPretrained', config, Object.fromEntries(infos), tokenizer);
  const params = Object.fromEntries(
    Object.keys(paramShapes(config)).map((name) => [name, entryTensor(byName.get(name)!)]),
  );
  return { config, params, tokenizer };
}

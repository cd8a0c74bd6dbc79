import { readdir } from 'node:fs/promises';

import { type Params, checkPositiveInteger, yieldToEventLoop } from '@cfrl/engine';

import { checkValue } from '../check-value.js';
import type { ModelConfig } from '../config/types.js';
import { toHuggingFaceConfig } from '../huggingface/config-json.js';
import { type Numbers, allFinite } from '../tensor-files/number-format.js';
import type { StoredDtype } from '../safetensors/encode.js';
import type { Tokenizer } from '../tokenizer/types.js';
import { checkParams, infosOf } from './check-params.js';
import { storedName } from './names.js';
import { isWeights, weightFiles } from './shards.js';
import { json } from './json-files.js';
import { isOfTokenizer, tokenizerTexts } from './tokenizer-folder.js';
import { writeFolderAtomically } from './write-files.js';

/** Options of {@link savePretrained}. */
export interface SaveOptions {
  /** How the numbers are stored, rounded to the nearest. @defaultValue 'float32' */
  readonly dtype?: StoredDtype;
  /** Bytes of tensors a file; what is larger is split over several. @defaultValue 5e9 */
  readonly maxShardSize?: number;
  /** Stops between two tensors; the call throws the signal's reason, and nothing has been written then. */
  readonly signal?: AbortSignal;
}

/** What {@link savePretrained} saves. */
export interface SavedModel {
  readonly config: ModelConfig;
  readonly params: Params;
  /** Absent for a model without one; tokenizer files that are there stay then. */
  readonly tokenizer?: Tokenizer;
  /** The contents of `generation_config.json`. @defaultValue sampling at temperature 1 */
  readonly generationConfig?: Readonly<Record<string, unknown>>;
}

const DTYPES: readonly StoredDtype[] = ['float32', 'float16', 'bfloat16'];

async function checkModel({ config, params }: SavedModel, signal?: AbortSignal): Promise<void> {
  checkParams('savePretrained', config, infosOf(params));
  for (const [name, tensor] of Object.entries(params)) {
    await yieldToEventLoop(signal);
    if (!allFinite(tensor.dataSync() as Numbers)) {
      throw new RangeError(
        `savePretrained: '${name}' has NaN or infinite numbers, expected finite ones`,
      );
    }
  }
}

/**
 * Saves a model as a Hugging Face folder that transformers loads: `model.safetensors` (or shards
 * with their index), `tokenizer.json`, `tokenizer_config.json`, `generation_config.json` and
 * `config.json`. A new folder appears complete or not at all; in an existing one each file is replaced
 * at once, `config.json` last, weights that were saved otherwise and files of another tokenizer are removed after it, and other files
 * stay. One tensor at a time is held twice.
 *
 * @param folder - where to save; folders on the way are created
 * @param model - configuration, parameters and tokenizer; borrowed
 * @param options - how the numbers are stored
 * @throws RangeError if the parameters do not fit the configuration, a number is not finite, or an option is
 *   invalid; nothing is written then
 *
 * @example
 * ```ts
 * import { charTokenizer, initParams, modelConfig } from '@cfrl/model';
 * import { savePretrained } from '@cfrl/model/node';
 * import { mkdtemp, readdir } from 'node:fs/promises';
 * import { tmpdir } from 'node:os';
 * const tokenizer = charTokenizer('ab');
 * const config = modelConfig({
 *   architecture: 'gpt2', vocabSize: 4, hiddenSize: 8, layers: 1, heads: 2, maxPositions: 8,
 * });
 * const folder = await mkdtemp(`${tmpdir()}/cfrl-`);
 * await savePretrained(folder, { config, params: initParams(config, 0), tokenizer });
 * (await readdir(folder)).length; // => 5
 * ```
 */
export async function savePretrained(
  folder: string,
  model: SavedModel,
  { dtype = 'float32', maxShardSize = 5e9, signal }: SaveOptions = {},
): Promise<void> {
  const expected = `one of ${DTYPES.join(', ')}`;
  checkValue('savePretrained: dtype', dtype, DTYPES.includes(dtype), expected);
  checkPositiveInteger('savePretrained: maxShardSize', maxShardSize);
  const there = await readdir(folder).catch((): string[] => []);
  if (there.includes('adapter_config.json')) {
    throw new RangeError(
      `savePretrained: '${folder}' has an adapter, expected a folder without: transformers would load the adapter and the model that it names, not this one; choose another folder`,
    );
  }
  await checkModel(model, signal);
  const { config, params, tokenizer, generationConfig } = model;
  const tokens =
    tokenizer === undefined
      ? {}
      : { eos_token_id: tokenizer.endToken, pad_token_id: tokenizer.padToken };
  const sampling = { ...tokens, do_sample: true, temperature: 1, top_k: 0, top_p: 1 };
  const stored = Object.fromEntries(
    Object.entries(params).map(([name, tensor]) => [storedName(config.architecture, name), tensor]),
  );
  const files = {
    ...weightFiles(stored, dtype, maxShardSize),
    ...(tokenizer !== undefined && tokenizerTexts(tokenizer, config.maxPositions)),
    'generation_config.json': json(generationConfig ?? sampling),
    'config.json': json({ ...toHuggingFaceConfig(config), ...tokens, torch_dtype: dtype }),
  };
  const outdated = (name: string): boolean =>
    isWeights(name) || (tokenizer !== undefined && isOfTokenizer(name));
  await writeFolderAtomically('savePretrained', folder, files, outdated, signal);
}

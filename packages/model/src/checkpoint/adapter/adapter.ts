import { join } from 'node:path';

import { checkOptions, cloneParams, disposeParams } from '@cfrl/engine';

import { blueprints } from '../../architecture/blueprints.js';
import { CLASSIFIER } from '../../architecture/param-specs.js';
import { validateConfig } from '../../config/config.js';
import type { Changed, Model } from '../../config/types.js';
import { isLora } from '../../lora/factors.js';
import { adapterParams, factorShapes } from '../../lora/modules.js';
import { encodeSafetensors } from '../../safetensors/encode.js';
import { readTensors } from '../../safetensors/file.js';
import { inFile } from '../../tensor-files/reading.js';
import { paramShapes } from '../../transformer/init-params.js';
import { json, namesIn, readJson } from '../json-files.js';
import { writeFolderAtomically } from '../write-files.js';
import { PEFT_PREFIX, fromPeftConfig, toPeftConfig } from './peft-config.js';
import { readAdapter } from './read.js';
import { refuse, tensorProblems } from './tensors.js';

const CONFIG = 'adapter_config.json';
const TENSORS = 'adapter_model.safetensors';

/** Options of {@link saveAdapter}. */
export interface SaveAdapterOptions {
  /** Where Python finds the model without the adapter: a folder or a name on the hub. @defaultValue none is named */
  readonly baseModel?: string;
}

/**
 * Saves the adapters of a model as PEFT does, `adapter_config.json` and `adapter_model.safetensors`, so that
 * `PeftModel.from_pretrained(model, folder)` loads them. The model itself is not saved.
 *
 * @param folder - where to save; files appear as with `savePretrained`
 * @param model - with `config.lora` and the factors; borrowed
 * @param options - what to say of the model
 * @throws RangeError if the model has no adapters, a factor is missing, misshapen or not finite; nothing is written then
 * @see https://huggingface.co/docs/peft/developer_guides/checkpoint
 *
 * @example
 * ```ts
 * import { addLora, initParams, modelConfig } from '@cfrl/model';
 * import { loadAdapter, saveAdapter } from '@cfrl/model/node';
 * import { mkdtemp } from 'node:fs/promises';
 * import { tmpdir } from 'node:os';
 * const config = modelConfig({
 *   architecture: 'llama', vocabSize: 4, hiddenSize: 8, layers: 1, heads: 2, maxPositions: 8,
 * });
 * const model = { config, params: initParams(config, 0) };
 * const folder = await mkdtemp(`${tmpdir()}/cfrl-`);
 * await saveAdapter(folder, addLora(model, { rank: 2, targets: ['q_proj'] }, 0));
 * (await loadAdapter(folder, model)).config.lora!.modules; // => ['model.layers.0.self_attn.q_proj']
 * ```
 */
export async function saveAdapter(
  folder: string,
  { config, params }: Model,
  { baseModel }: SaveAdapterOptions = {},
): Promise<void> {
  validateConfig(config);
  const { lora } = config;
  if (lora === undefined) {
    throw new RangeError('saveAdapter: config.lora is undefined, expected a model with adapters');
  }
  const shapes = { ...paramShapes(config), ...factorShapes(config) };
  const vocabulary = [blueprints[config.architecture].embedding, CLASSIFIER];
  const names = [...adapterParams(config), ...(lora.savesEmbeddings ? vocabulary : [])].filter(
    (name) => name in shapes,
  );
  const own = Object.fromEntries(names.map((name) => [name, shapes[name]!]));
  refuse('saveAdapter', tensorProblems(own, params));
  // What is beside an adapter is a part of its own.
  const stored = (name: string): string =>
    isLora(name) || !lora.modules.includes(name.replace(/\.[^.]*$/, ''))
      ? name
      : name.replace(/\.([^.]*)$/, '.base_layer.$1');
  const tensors = Object.fromEntries(
    names.map((name) => [`${PEFT_PREFIX}${stored(name)}`, params[name]!]),
  );
  await writeFolderAtomically('saveAdapter', folder, {
    [TENSORS]: encodeSafetensors(tensors, { format: 'pt' }),
    [CONFIG]: json(toPeftConfig(config, lora, baseModel ?? null)),
  });
}

/** Refuses a folder that has not both files, and says what it has instead. */
function checkFiles(folder: string, names: readonly string[]): void {
  const missing = [CONFIG, TENSORS].find((name) => !names.includes(name));
  if (missing === undefined) return;
  const fail = (problem: string): never => {
    throw new RangeError(`loadAdapter: '${folder}' has ${problem}`);
  };
  const pickled = names.find((name) => /^adapter_model\.(bin|pth?)$/.test(name));
  if (pickled !== undefined && missing === TENSORS) {
    const [from, to] = [join(folder, pickled), join(folder, TENSORS)].map((path) =>
      JSON.stringify(path).replaceAll("'", '\\u0027'),
    );
    fail(
      `${pickled}, which may run any code when it is read, expected ${TENSORS}; convert it by python -c 'import torch; from safetensors.torch import save_file; t = torch.load(${from}, map_location="cpu", weights_only=True); save_file({n: x.clone().contiguous() for n, x in t.items()}, ${to}, {"format": "pt"})'`,
    );
  }
  fail(
    `no ${missing}, expected a folder of PEFT's` +
      (missing === CONFIG && names.includes('config.json')
        ? '; it holds a whole model, which loadPretrained loads'
        : '; save with safe_serialization=True'),
  );
}

/** Options of {@link loadAdapter}. */
export interface LoadAdapterOptions {
  /** Told, a sentence each, what the files say and is not done, and what the model is changed in. @defaultValue `process.emitWarning`, a line each */
  readonly onNotice?: (notice: string) => void;
}

/**
 * Loads adapters that PEFT or {@link saveAdapter} saved, for a model that is there.
 *
 * What PEFT computes is computed here: ranks and scales by module, DoRA, trained biases and whole modules, an embedding with other
 * rows. Modules that `target_modules` does not name are left out. Dropout acts in Python's training only.
 *
 * @param folder - with `adapter_config.json` and `adapter_model.safetensors`
 * @param model - what the adapters were made for, without adapters; anything else in it is passed on
 * @param options - who is told what is done otherwise than the files say
 * @returns the model with `config.lora` and the factors, as of `addLora`, and with the adapter's own biases and modules in the
 *   place of the model's; the caller owns its tensors
 * @throws RangeError if a file is missing or malformed, the adapters are of a kind that is not supported (other types than LoRA,
 *   starts that change the weights), or names, shapes or numbers do not fit the model: one error lists all that do not
 * @see https://huggingface.co/docs/peft/developer_guides/checkpoint
 *
 * @example
 * ```ts
 * import { addLora, initParams, isLora, modelConfig } from '@cfrl/model';
 * import { loadAdapter, saveAdapter } from '@cfrl/model/node';
 * import { mkdtemp } from 'node:fs/promises';
 * import { tmpdir } from 'node:os';
 * const config = modelConfig({
 *   architecture: 'gpt2', vocabSize: 4, hiddenSize: 8, layers: 1, heads: 2, maxPositions: 8,
 * });
 * const model = { config, params: initParams(config, 0) };
 * const folder = await mkdtemp(`${tmpdir()}/cfrl-`);
 * await saveAdapter(folder, addLora(model, { rank: 2 }, 0));
 * Object.keys((await loadAdapter(folder, model)).params).filter(isLora).length; // => 8
 * ```
 */
export async function loadAdapter<M extends Model>(
  folder: string,
  model: M,
  options: LoadAdapterOptions = {},
): Promise<Changed<M>> {
  checkOptions('loadAdapter', options, ['onNotice']);
  const { onNotice = (notice) => process.emitWarning(notice) } = options;
  const { config } = model;
  validateConfig(config);
  if (config.lora !== undefined) {
    throw new RangeError(
      'loadAdapter: model has adapters, expected one without; call mergeLora first',
    );
  }
  checkFiles(folder, await namesIn('loadAdapter', folder));
  const given = await readJson('loadAdapter', folder, CONFIG);
  const peft = await inFile(join(folder, CONFIG), async () => fromPeftConfig('loadAdapter', given));
  const { tensors } = await readTensors(join(folder, TENSORS), 'loadAdapter');
  try {
    const { notices, ...read } = readAdapter(model, peft, tensors);
    const loaded = { ...model, config: read.config, params: cloneParams(read.params) };
    notices.forEach((notice) => onNotice(`loadAdapter: ${notice}`));
    return loaded;
  } finally {
    disposeParams(tensors);
  }
}

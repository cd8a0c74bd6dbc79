import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

import { type Params, cloneParams, disposeParams } from '@cfrl/engine';
import type * as tf from '@tensorflow/tfjs-core';

import { type ModelConfig, validateConfig } from '../config.js';
import { type LoraConfig, factorNames } from '../lora/factors.js';
import { adaptableModules, factorShapes } from '../lora/modules.js';
import { PEFT_PREFIX, fromPeftConfig, toPeftConfig } from '../lora/peft.js';
import { decodeSafetensors } from '../safetensors/decode.js';
import { encodeSafetensors } from '../safetensors/encode.js';
import { writeFolder } from './write-files.js';

const CONFIG = 'adapter_config.json';
const TENSORS = 'adapter_model.safetensors';

type Model = { readonly config: ModelConfig; readonly params: Params };

/** What does not fit, in one error. */
function refuse(where: string, problems: readonly string[]): void {
  if (problems.length === 0) return;
  throw new RangeError(
    `${where}: the adapter has ${problems.length} entries that do not fit the model: ${problems.join('; ')}`,
  );
}

const sizes = (shape: readonly number[]): string => `[${shape.join(', ')}]`;

/** What is wrong with factors, by the names that `shapes` gives. */
const factorProblems = (
  shapes: Readonly<Record<string, readonly number[]>>,
  factors: Params,
): string[] =>
  Object.entries(shapes).flatMap(([name, shape]) => {
    const tensor = factors[name];
    if (tensor === undefined) return [`'${name}' is missing`];
    if (sizes(tensor.shape) !== sizes(shape)) {
      return [`'${name}' has shape ${sizes(tensor.shape)}, expected ${sizes(shape)}`];
    }
    if (tensor.dtype !== 'float32') return [`'${name}' is ${tensor.dtype}, expected float32`];
    return tensor.dataSync().every(Number.isFinite)
      ? []
      : [`'${name}' has NaN or infinite numbers`];
  });

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
  const shapes = factorShapes(config);
  refuse('saveAdapter', factorProblems(shapes, params));
  const named = Object.keys(shapes).map((name) => [`${PEFT_PREFIX}${name}`, params[name]!]);
  const json = toPeftConfig(config, lora, baseModel ?? null);
  await writeFolder('saveAdapter', folder, {
    [TENSORS]: encodeSafetensors(Object.fromEntries(named) as Params, { format: 'pt' }),
    [CONFIG]: `${JSON.stringify(json, undefined, 2)}\n`,
  });
}

async function readPart(folder: string, name: string): Promise<Uint8Array> {
  try {
    return await readFile(join(folder, name));
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'ENOENT') throw cause;
    throw new RangeError(
      `loadAdapter: '${folder}' has no ${name}, expected a folder of PEFT's; save with safe_serialization=True`,
      { cause },
    );
  }
}

function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(bytes));
  } catch (cause) {
    throw new RangeError(`loadAdapter: ${CONFIG} is not JSON, expected a JSON object`, { cause });
  }
}

const BASE = '.base_layer.weight';

const equal = (a: tf.Tensor, b: tf.Tensor): boolean => {
  const [x, y] = [a.dataSync(), b.dataSync()];
  return x.length === y.length && x.every((value, i) => value === y[i]);
};

/** The adapters of a file: which modules, and their factors under this package's names. */
function readFactors(
  { config, params }: Model,
  scale: Omit<LoraConfig, 'modules'>,
  tensors: Params,
): { lora: LoraConfig; factors: Params } {
  const own = Object.fromEntries(
    Object.entries(tensors).map(([name, tensor]) => [
      name.startsWith(PEFT_PREFIX) ? name.slice(PEFT_PREFIX.length) : name,
      tensor,
    ]),
  );
  const modules = adaptableModules(config)
    .filter(({ name, kind }) => Object.values(factorNames(name, kind)).some((each) => each in own))
    .map(({ name }) => name);
  const lora = { ...scale, modules };
  const shapes = factorShapes({ ...config, lora });
  // PEFT saves adapted embeddings and classifiers whole, beside their factors.
  const isBase = (name: string): boolean => {
    const base = params[`${name.slice(0, -BASE.length)}.weight`];
    return name.endsWith(BASE) && base !== undefined && equal(base, own[name]!);
  };
  const others = Object.keys(own).filter((name) => !(name in shapes) && !isBase(name));
  refuse('loadAdapter', [
    ...factorProblems(shapes, own),
    ...others.map((name) =>
      name.endsWith(BASE)
        ? `'${name}' is not the model's weight`
        : `'${name}' is unexpected${config.tiedEmbeddings && /embed|lm_head|wte/.test(name) ? ' in a tied model: load into untie(model)' : ''}`,
    ),
    ...(modules.length === 0 ? ['there is no factor at all'] : []),
  ]);
  const ordered = Object.keys(shapes).map((name) => [name, own[name]!]);
  return { lora, factors: Object.fromEntries(ordered) as Params };
}

/**
 * Loads adapters that PEFT or {@link saveAdapter} saved, for a model that is there.
 *
 * @param folder - with `adapter_config.json` and `adapter_model.safetensors`
 * @param model - what the adapters were made for, without adapters; anything else in it is passed on
 * @returns the model with `config.lora` and the factors, as of `addLora`; the caller owns its tensors
 * @throws RangeError if a file is missing or malformed, the adapters are of a kind that is not supported (dropout, DoRA, trained
 *   biases or modules, different ranks), or names, shapes or numbers do not fit the model: one error lists all that do not
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
): Promise<Omit<M, 'config' | 'params'> & Model> {
  const { config, params } = model;
  validateConfig(config);
  if (config.lora !== undefined) {
    throw new RangeError(
      'loadAdapter: model has adapters, expected one without; call mergeLora first',
    );
  }
  const scale = fromPeftConfig('loadAdapter', parseJson(await readPart(folder, CONFIG)));
  const { tensors } = decodeSafetensors(await readPart(folder, TENSORS));
  try {
    const { lora, factors } = readFactors(model, scale, tensors);
    return {
      ...model,
      config: { ...config, lora },
      params: { ...cloneParams(params), ...cloneParams(factors) },
    };
  } finally {
    disposeParams(tensors);
  }
}

import { VARIATIONS, hasRotary } from '../architecture/variations.js';
import { ARCHITECTURES } from '../config/types.js';
import { modelConfig, validateConfig } from '../config/config.js';
import type { Activation, Architecture, ModelConfig } from '../config/types.js';
import { ACTIVATION_KEYS, ACTIVATION_NAMES, FORMATS, type HuggingFaceConfig } from './formats.js';
import { readLayers, writeLayers } from './layer-types.js';
import { readRope, writeRope } from './rope-scaling.js';
import { unknownKeys } from './unknown-keys.js';

export type { HuggingFaceConfig } from './formats.js';

/**
 * A configuration as the `config.json` that transformers reads, in versions 4 and 5.
 *
 * @param config - the configuration
 * @returns the parsed JSON; token ids are null, since they belong to a tokenizer
 * @throws RangeError if the configuration is invalid
 *
 * @example
 * ```ts
 * const config = modelConfig({
 *   architecture: 'llama', vocabSize: 30, hiddenSize: 64, layers: 2, heads: 4, maxPositions: 32,
 * });
 * toHuggingFaceConfig(config).num_hidden_layers; // => 2
 * ```
 */
export function toHuggingFaceConfig(config: ModelConfig): HuggingFaceConfig {
  validateConfig(config);
  const { architecture } = config;
  const { className, names, fixed } = FORMATS[architecture];
  const renamed = Object.entries(names).map(([ours, theirs]): [string, unknown] => [
    theirs,
    valueOf(config, ours as keyof ModelConfig),
  ]);
  const first = Object.entries(fixed)
    .filter(([, values]) => values.length > 0)
    .map(([name, values]): [string, unknown] => [name, values[0]]);
  const activationKey = ACTIVATION_KEYS[architecture];
  const activation = valueOf(config, 'activation') as Activation;
  return {
    architectures: [className],
    model_type: architecture,
    ...Object.fromEntries([...renamed, ...first]),
    ...(activationKey && { [activationKey]: ACTIVATION_NAMES[activation][0] }),
    ...(hasRotary(architecture) && writeRope(config)),
    ...writeLayers(config),
    bos_token_id: null,
    eos_token_id: null,
    pad_token_id: null,
    torch_dtype: 'float32',
  };
}

/** What a field means, if it is absent also; null is transformers' way of saying none. */
function valueOf(config: ModelConfig, name: keyof ModelConfig): unknown {
  const given = config[name];
  if (given !== undefined) return given;
  const width = config.headDim ?? config.hiddenSize / config.heads;
  if (name === 'headDim' || name === 'queryScalar') return width;
  const usual: Partial<Record<keyof ModelConfig, unknown>> = VARIATIONS[config.architecture];
  return usual[name] ?? null;
}

const fail = (problem: string): never => {
  throw new RangeError(`fromHuggingFaceConfig: ${problem}`);
};

const list = (values: readonly unknown[]): string =>
  values.length === 0 ? 'null' : values.map((value) => JSON.stringify(value)).join(' or ');

function architectureOf({ model_type: type }: HuggingFaceConfig): Architecture {
  const found = ARCHITECTURES.find((architecture) => architecture === type);
  const known = ARCHITECTURES.join(', ');
  return found ?? fail(`model_type is ${JSON.stringify(type)}, expected one of ${known}`);
}

/** Refuses what the decoder does not compute. */
function checkFeatures(architecture: Architecture, json: HuggingFaceConfig): void {
  for (const [name, values] of Object.entries(FORMATS[architecture].fixed)) {
    const value = json[name];
    if (value !== undefined && value !== null && !values.includes(value)) {
      fail(`${name} is ${JSON.stringify(value)}, expected ${list(values)}`);
    }
  }
  const [unknown] = unknownKeys(architecture, json);
  if (unknown !== undefined) {
    fail(
      `${unknown} is ${JSON.stringify(json[unknown])}, expected none: ${architecture} has no such key, and it may change what the model computes; remove it if it does not`,
    );
  }
}

function activationOf(architecture: Architecture, json: HuggingFaceConfig): Activation | undefined {
  const key = ACTIVATION_KEYS[architecture];
  const value = key && (json[key] as string | null | undefined);
  if (value === undefined || value === null) return undefined;
  const activations = Object.entries(ACTIVATION_NAMES) as [Activation, readonly string[]][];
  const found = activations.find(([, names]) => names.includes(value));
  if (found !== undefined) return found[0];
  const names = list(activations.flatMap(([, each]) => each));
  return fail(`${key} is ${JSON.stringify(value)}, expected ${names}`);
}

/** Fields whose null means none, and not the default. */
const NULLABLE = ['slidingWindow', 'attentionSoftCap', 'logitSoftCap', 'headDim', 'keyValueHeads'];

/** The fields that have a key of their own, with transformers' defaults. */
function readFields(architecture: Architecture, json: HuggingFaceConfig): Record<string, unknown> {
  const { names, defaults, aliases = {} } = FORMATS[architecture];
  const found: Record<string, unknown> = {};
  const alias = (theirs: string): string | undefined =>
    Object.keys(aliases).find((other) => aliases[other] === theirs && json[other] !== undefined);
  for (const [ours, theirs] of Object.entries(names)) {
    const value = json[theirs] ?? json[alias(theirs) ?? theirs];
    if (value === null && NULLABLE.includes(ours)) continue;
    found[ours] = value ?? defaults[ours as keyof ModelConfig];
  }
  return found;
}

/**
 * Reads a `config.json` of transformers, version 4 or 5.
 *
 * @param json - the parsed file
 * @returns the configuration
 * @throws RangeError if the architecture is not one of {@link ARCHITECTURES}, a size is missing or
 *   invalid, or the file asks for something that the decoder does not compute, by a key that it knows or
 *   by one that it does not
 *
 * @example
 * ```ts
 * fromHuggingFaceConfig({
 *   model_type: 'gpt2', vocab_size: 30, n_embd: 64, n_layer: 2, n_head: 4, n_positions: 32,
 * }).intermediateSize; // => 256
 * ```
 */
export function fromHuggingFaceConfig(json: HuggingFaceConfig): ModelConfig {
  if (typeof json !== 'object' || json === null) {
    throw new TypeError(`fromHuggingFaceConfig: json is ${String(json)}, expected an object`);
  }
  const architecture = architectureOf(json);
  checkFeatures(architecture, json);
  const { names, defaults } = FORMATS[architecture];
  const found = readFields(architecture, json);
  const sizes = ['vocabSize', 'hiddenSize', 'layers', 'heads', 'maxPositions'] as const;
  for (const ours of architecture === 'gpt2' ? sizes : [...sizes, 'intermediateSize' as const]) {
    if (found[ours] === undefined) fail(`${names[ours]} is absent, expected a positive integer`);
  }
  if (architecture === 'opt') {
    found['normEpsilon'] = defaults.normEpsilon; // no key of its own
    const width = json['word_embed_proj_dim'] ?? found['hiddenSize'];
    if (width !== found['hiddenSize']) {
      const expected = JSON.stringify(found['hiddenSize']);
      fail(`word_embed_proj_dim is ${JSON.stringify(width)}, expected ${expected} (hidden_size)`);
    }
  }
  const activation = activationOf(architecture, json);
  const all = {
    ...found,
    ...(activation && { activation }),
    ...(hasRotary(architecture) && readRope(architecture, json, fail)),
    ...readLayers(architecture, json, found['layers'] as number, fail),
    architecture,
  };
  const given = Object.entries(all).filter(([, value]) => value !== undefined);
  return modelConfig(Object.fromEntries(given) as unknown as ModelConfig);
}

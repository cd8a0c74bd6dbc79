import type { ModelConfig } from '../../config/types.js';
import { BIASES, type LoraConfig } from '../../lora/factors.js';
import { adaptableModules } from '../../lora/modules.js';
import { pythonPattern } from './python-pattern.js';

/** What PEFT puts before the names of a model's modules. */
export const PEFT_PREFIX = 'base_model.model.';

type Json = Readonly<Record<string, unknown>>;

const lastPart = (module: string): string => module.slice(module.lastIndexOf('.') + 1);

/** The shortest `target_modules` that mean these modules: their last parts, if no other module has one of them. */
function targetModules(config: ModelConfig, modules: readonly string[]): string[] {
  const parts = new Set(modules.map(lastPart));
  const meant = adaptableModules(config).filter(({ name }) => parts.has(lastPart(name)));
  return meant.length === modules.length ? [...parts] : [...modules];
}

export function toPeftConfig(
  config: ModelConfig,
  lora: LoraConfig,
  baseModel: string | null,
): Json {
  return {
    peft_type: 'LORA',
    task_type: 'CAUSAL_LM',
    base_model_name_or_path: baseModel,
    revision: null,
    inference_mode: true,
    r: lora.rank,
    lora_alpha: lora.alpha,
    lora_dropout: lora.dropout ?? 0,
    use_rslora: lora.rankStabilized,
    use_dora: lora.dora ?? false,
    bias: lora.bias ?? 'none',
    fan_in_fan_out: config.architecture === 'gpt2',
    init_lora_weights: true,
    target_modules: targetModules(config, lora.modules),
    modules_to_save: lora.wholeModules ?? null,
    layers_to_transform: null,
    layers_pattern: null,
    rank_pattern: lora.ranks ?? {},
    alpha_pattern: lora.alphas ?? {},
  };
}

type Check = (value: unknown) => boolean;
const isPositive: Check = (value) => Number.isSafeInteger(value) && (value as number) >= 1;
const isBoolean: Check = (value) => typeof value === 'boolean';
const isTexts: Check = (value) =>
  Array.isArray(value) && value.every((each) => typeof each === 'string');
const isTextOrTexts: Check = (value) => typeof value === 'string' || isTexts(value);
const isNumbers =
  (check: Check): Check =>
  (value) =>
    typeof value === 'object' && !Array.isArray(value) && Object.values(value!).every(check);

const isBias: Check = (value) => (BIASES as readonly unknown[]).includes(value);
const isDropout: Check = (value) =>
  Number.isFinite(value) && (value as number) >= 0 && (value as number) < 1;
const isLayers: Check = (value) => [value].flat().every(Number.isSafeInteger);

/** What a field must be, that in words, and its value where it is absent or null; without one it has to be there. */
type Field = readonly [is: Check, expected: string, otherwise?: unknown];

const FLAG: Field = [isBoolean, 'a boolean', false];
const TEXTS: Field = [isTextOrTexts, 'a text or a list of them', []];

const FIELDS = {
  r: [isPositive, 'a positive integer'],
  lora_alpha: [Number.isFinite, 'a finite number'],
  use_rslora: FLAG,
  use_dora: FLAG,
  bias: [isBias, BIASES.map((each) => JSON.stringify(each)).join(' or '), 'none'],
  lora_dropout: [isDropout, 'a number in [0, 1)', 0],
  rank_pattern: [isNumbers(isPositive), 'positive integers by name', {}],
  alpha_pattern: [isNumbers(Number.isFinite), 'finite numbers by name', {}],
  target_modules: [isTextOrTexts, 'a text or a list of them', undefined],
  exclude_modules: TEXTS,
  layers_to_transform: [isLayers, 'an integer or a list of them', []],
  layers_pattern: TEXTS,
  modules_to_save: [isTexts, 'a list of texts', []],
  ensure_weight_tying: FLAG,
} satisfies Readonly<Record<string, Field>>;

/** Those, and fields that say where an adapter comes from or how it was started. */
const KNOWN = new Set([
  ...Object.keys(FIELDS),
  ...(
    'peft_type peft_version task_type auto_mapping base_model_name_or_path revision inference_mode fan_in_fan_out ' +
    'init_lora_weights loftq_config eva_config corda_config lora_ga_config megatron_core megatron_config qalora_group_size ' +
    'runtime_config'
  ).split(' '),
]);

/** Ways to start that leave the weights as they are. Any other changes them. */
const STARTS: readonly unknown[] = [true, false, undefined, 'gaussian', 'orthogonal', 'eva'];

const MERGE = 'merge it in Python (merge_and_unload, save_pretrained) and load the whole model';

const isNothing = (value: unknown): boolean =>
  value === undefined ||
  value === null ||
  value === false ||
  (typeof value === 'object' && Object.keys(value).length === 0);

/** What an `adapter_config.json` says; which of the targeted modules there are is left to the tensors. */
export interface PeftConfig {
  /** A pattern of whole names, ends of names, or undefined: whatever the file holds. */
  readonly targets: string | readonly string[] | undefined;
  readonly excluded: string | readonly string[];
  readonly layers: readonly number[];
  readonly layersPattern: readonly string[];
  readonly modulesToSave: readonly string[];
  readonly scale: Pick<
    LoraConfig,
    'rank' | 'alpha' | 'rankStabilized' | 'dora' | 'bias' | 'dropout'
  >;
  readonly ranks: Readonly<Record<string, number>>;
  readonly alphas: Readonly<Record<string, number>>;
  /** Whether a module without factors in the file would have random ones. */
  readonly startsRandom: boolean;
  /** Whether whole embedding and classifier stay one. */
  readonly keepsTied: boolean;
}

export function fromPeftConfig(where: string, json: unknown): PeftConfig {
  const fail = (problem: string): never => {
    throw new RangeError(`${where}: adapter_config.json ${problem}`);
  };
  if (typeof json !== 'object' || json === null || Array.isArray(json)) {
    return fail('is no object, expected one');
  }
  const fields = json as Json;
  const shown = (name: string): string => `has ${name} ${JSON.stringify(fields[name])}`;
  /** A field that fits, or its value where there is none. */
  const read = <T>(name: keyof typeof FIELDS): T => {
    const value = fields[name] ?? undefined;
    const field: Field = FIELDS[name];
    const [is, expected, otherwise] = field;
    if (value === undefined && field.length === 3) return otherwise as T;
    return is(value) ? (value as T) : fail(`${shown(name)}, expected ${expected}`);
  };

  if (fields['peft_type'] !== 'LORA') {
    fail(`${shown('peft_type')}, expected "LORA"; adapters of other types are not read: ${MERGE}`);
  }
  const start = fields['init_lora_weights'] ?? undefined;
  if (!STARTS.includes(start)) {
    const starts = STARTS.filter((each) => each !== undefined).map((each) => JSON.stringify(each));
    fail(
      `${shown('init_lora_weights')}, expected ${starts.join(' or ')}: it starts by changing the model's weights; ` +
        `save it as plain LoRA (save_pretrained with path_initial_model_for_weight_conversion), or ${MERGE}`,
    );
  }
  for (const name of Object.keys(fields)) {
    if (KNOWN.has(name) || isNothing(fields[name])) continue;
    fail(`${shown(name)}, expected null; such adapters are not supported: ${MERGE}`);
  }
  const dora = read<boolean>('use_dora');
  const bias = read<NonNullable<LoraConfig['bias']>>('bias');
  const dropout = read<number>('lora_dropout');
  const layersPattern = read<string | readonly string[]>('layers_pattern');
  const config: PeftConfig = {
    scale: {
      rank: read('r'),
      alpha: read('lora_alpha'),
      rankStabilized: read('use_rslora'),
      ...(dora && { dora }),
      ...(bias !== 'none' && { bias }),
      ...(dropout !== 0 && { dropout }),
    },
    ranks: read('rank_pattern'),
    alphas: read('alpha_pattern'),
    targets: read('target_modules'),
    excluded: read('exclude_modules'),
    layers: [read<number | number[]>('layers_to_transform')].flat(),
    layersPattern:
      typeof layersPattern === 'string' ? [layersPattern].filter(Boolean) : layersPattern,
    modulesToSave: read('modules_to_save'),
    startsRandom: start === false,
    keepsTied: read('ensure_weight_tying'),
  };
  const { targets, excluded } = config;
  const patterns: Readonly<Record<string, readonly string[]>> = {
    target_modules: typeof targets === 'string' ? [targets] : [],
    exclude_modules: typeof excluded === 'string' ? [excluded] : [],
    layers_pattern: config.layersPattern,
    rank_pattern: Object.keys(config.ranks),
    alpha_pattern: Object.keys(config.alphas),
    modules_to_save: config.modulesToSave,
  };
  for (const [name, texts] of Object.entries(patterns)) {
    for (const text of texts) {
      try {
        pythonPattern(text);
      } catch {
        fail(`has ${name} '${text}', expected a regular expression that JavaScript has too`);
      }
    }
  }
  return config;
}

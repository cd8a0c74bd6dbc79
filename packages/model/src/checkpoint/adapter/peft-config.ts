import type { ModelConfig } from '../../config/types.js';
import { BIASES, type LoraConfig } from '../../lora/factors.js';
import { adaptableModules } from '../../lora/modules.js';
import { pythonPattern } from './python-pattern.js';
import type { PeftTargets } from './targets.js';

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

/** The `adapter_config.json` of a model's adapters. */
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

/** Fields that say where an adapter comes from or how it was started, and those that are read below. */
const KNOWN = new Set([
  ...['task_type', 'auto_mapping', 'base_model_name_or_path', 'revision', 'inference_mode'],
  ...['peft_version', 'target_modules', 'exclude_modules', 'layers_to_transform', 'layers_pattern'],
  ...['fan_in_fan_out', 'megatron_core', 'megatron_config', 'qalora_group_size', 'runtime_config'],
  ...['loftq_config', 'eva_config', 'corda_config', 'lora_ga_config', 'ensure_weight_tying'],
  ...['r', 'lora_alpha', 'use_rslora', 'use_dora', 'lora_dropout', 'bias', 'modules_to_save'],
  ...['rank_pattern', 'alpha_pattern', 'peft_type', 'init_lora_weights'],
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
export interface PeftConfig extends PeftTargets {
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

type Check = (value: unknown) => boolean;
const isPositive: Check = (value) => Number.isSafeInteger(value) && (value as number) >= 1;
const isBoolean: Check = (value) => typeof value === 'boolean';
const isTexts: Check = (value) =>
  Array.isArray(value) && value.every((each) => typeof each === 'string');
const isTextOrTexts: Check = (value) => typeof value === 'string' || isTexts(value);
const isLayer: Check = (value) => Number.isSafeInteger(value);
const isNumbers =
  (check: Check): Check =>
  (value) =>
    typeof value === 'object' && !Array.isArray(value) && Object.values(value!).every(check);

/** Reads an `adapter_config.json`. */
export function fromPeftConfig(where: string, json: unknown): PeftConfig {
  const fail = (problem: string): never => {
    throw new RangeError(`${where}: adapter_config.json ${problem}`);
  };
  if (typeof json !== 'object' || json === null || Array.isArray(json)) {
    return fail('is no object, expected one');
  }
  const fields = json as Json;
  const shown = (name: string): string => `has ${name} ${JSON.stringify(fields[name])}`;
  /** A field that fits, or the value for one that is absent or null. */
  const read = <T>(name: string, check: Check, expected: string, otherwise?: T): T => {
    const value = fields[name];
    if (otherwise !== undefined && (value === undefined || value === null)) return otherwise;
    return check(value) ? (value as T) : fail(`${shown(name)}, expected ${expected}`);
  };
  const pattern = (name: string, text: string): void => {
    try {
      pythonPattern(text);
    } catch {
      fail(`has ${name} '${text}', expected a regular expression that JavaScript has too`);
    }
  };

  if (fields['peft_type'] !== 'LORA') {
    fail(`${shown('peft_type')}, expected "LORA"; adapters of other types are not read: ${MERGE}`);
  }
  const start = fields['init_lora_weights'] ?? undefined;
  if (!STARTS.includes(start)) {
    fail(
      `${shown('init_lora_weights')}, expected ${STARTS.filter((each) => each !== undefined)
        .map((each) => JSON.stringify(each))
        .join(' or ')}: it starts by changing the model's weights; save it as plain LoRA ` +
        `(save_pretrained with path_initial_model_for_weight_conversion), or ${MERGE}`,
    );
  }
  for (const name of Object.keys(fields)) {
    if (KNOWN.has(name) || isNothing(fields[name])) continue;
    fail(`${shown(name)}, expected null; such adapters are not supported: ${MERGE}`);
  }
  const dora = read<boolean>('use_dora', isBoolean, 'a boolean', false);
  const bias = read<NonNullable<LoraConfig['bias']>>(
    'bias',
    (value) => (BIASES as readonly unknown[]).includes(value),
    BIASES.map((each) => JSON.stringify(each)).join(' or '),
    'none',
  );
  const dropout = read<number>(
    'lora_dropout',
    (value) => Number.isFinite(value) && (value as number) >= 0 && (value as number) < 1,
    'a number in [0, 1)',
    0,
  );
  const layers = read<number | readonly number[]>(
    'layers_to_transform',
    (value) => isLayer(value) || (Array.isArray(value) && value.every(isLayer)),
    'an integer or a list of them',
    [],
  );
  const layersPattern = read<string | readonly string[]>(
    'layers_pattern',
    isTextOrTexts,
    'a text or a list of them',
    [],
  );
  const targets =
    (fields['target_modules'] ?? undefined) === undefined
      ? undefined
      : read<string | readonly string[]>(
          'target_modules',
          isTextOrTexts,
          'a text or a list of them',
        );
  const config: PeftConfig = {
    scale: {
      rank: read<number>('r', isPositive, 'a positive integer'),
      alpha: read<number>('lora_alpha', Number.isFinite, 'a finite number'),
      rankStabilized: read<boolean>('use_rslora', isBoolean, 'a boolean', false),
      ...(dora && { dora }),
      ...(bias !== 'none' && { bias }),
      ...(dropout !== 0 && { dropout }),
    },
    ranks: read('rank_pattern', isNumbers(isPositive), 'positive integers by name', {}),
    alphas: read('alpha_pattern', isNumbers(Number.isFinite), 'finite numbers by name', {}),
    targets,
    excluded: read<string | readonly string[]>(
      'exclude_modules',
      isTextOrTexts,
      'a text or a list of them',
      [],
    ),
    layers: typeof layers === 'number' ? [layers] : layers,
    layersPattern:
      typeof layersPattern === 'string' ? [layersPattern].filter(Boolean) : layersPattern,
    modulesToSave: read('modules_to_save', isTexts, 'a list of texts', [] as string[]),
    startsRandom: start === false,
    keepsTied: read<boolean>('ensure_weight_tying', isBoolean, 'a boolean', false),
  };
  const patterns: Readonly<Record<string, readonly string[]>> = {
    target_modules: typeof targets === 'string' ? [targets] : [],
    exclude_modules: typeof config.excluded === 'string' ? [config.excluded] : [],
    layers_pattern: config.layersPattern,
    rank_pattern: Object.keys(config.ranks),
    alpha_pattern: Object.keys(config.alphas),
    modules_to_save: config.modulesToSave,
  };
  Object.entries(patterns).forEach(([name, texts]) => texts.forEach((text) => pattern(name, text)));
  return config;
}

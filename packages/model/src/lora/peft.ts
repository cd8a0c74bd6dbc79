import type { ModelConfig } from '../config.js';
import type { LoraConfig } from './factors.js';
import { adaptableModules } from './modules.js';

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
    lora_dropout: 0,
    use_rslora: lora.rankStabilized,
    use_dora: false,
    bias: 'none',
    fan_in_fan_out: config.architecture === 'gpt2',
    init_lora_weights: true,
    target_modules: targetModules(config, lora.modules),
    modules_to_save: null,
    layers_to_transform: null,
    layers_pattern: null,
    rank_pattern: {},
    alpha_pattern: {},
  };
}

/** Fields that say where an adapter comes from, or which modules it has: its tensors say that too. */
const DESCRIPTIVE = new Set([
  ...['task_type', 'auto_mapping', 'base_model_name_or_path', 'revision', 'inference_mode'],
  ...['peft_version', 'target_modules', 'exclude_modules', 'layers_to_transform', 'layers_pattern'],
  ...['fan_in_fan_out', 'megatron_core', 'qalora_group_size', 'loftq_config', 'r', 'lora_alpha'],
  'use_rslora',
]);

/** Fields that change what is computed or trained, with the values that mean what is computed and trained here. */
const SUPPORTED: Readonly<Record<string, readonly unknown[]>> = {
  peft_type: ['LORA'],
  bias: ['none'],
  lora_dropout: [0],
  // Others change the base weights too.
  init_lora_weights: [true, false, 'gaussian', 'orthogonal'],
};

const isNothing = (value: unknown): boolean =>
  value === null ||
  value === false ||
  (typeof value === 'object' && value !== null && Object.keys(value).length === 0);

/** Reads an `adapter_config.json`; which modules are adapted is left to the tensors. */
export function fromPeftConfig(where: string, json: unknown): Omit<LoraConfig, 'modules'> {
  const fail = (problem: string): never => {
    throw new RangeError(`${where}: adapter_config.json ${problem}`);
  };
  if (typeof json !== 'object' || json === null) return fail('is no object, expected one');
  const fields = { peft_type: undefined, ...json } as Json;
  for (const [name, value] of Object.entries(fields)) {
    const supported = SUPPORTED[name];
    if (supported?.includes(value) || DESCRIPTIVE.has(name) || (!supported && isNothing(value)))
      continue;
    const shown = JSON.stringify(value);
    if (name === 'lora_dropout') {
      fail(
        `has lora_dropout ${shown}, expected 0: adapters are trained without dropout; it changes no result, so set it to 0 there`,
      );
    }
    const expected = supported?.map((each) => JSON.stringify(each)).join(' or ') ?? 'null';
    fail(`has ${name} ${shown}, expected ${expected}; such adapters are not supported`);
  }
  const { r, lora_alpha: alpha, use_rslora: rankStabilized = false } = fields;
  if (!Number.isSafeInteger(r) || (r as number) < 1)
    fail(`has r ${String(r)}, expected a positive integer`);
  if (!Number.isFinite(alpha)) fail(`has lora_alpha ${String(alpha)}, expected a finite number`);
  if (typeof rankStabilized !== 'boolean') {
    fail(`has use_rslora ${String(rankStabilized)}, expected a boolean`);
  }
  return {
    rank: r as number,
    alpha: alpha as number,
    rankStabilized: rankStabilized as boolean,
  };
}

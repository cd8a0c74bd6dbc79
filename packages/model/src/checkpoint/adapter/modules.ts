import type { Params } from '@cfrl/engine';

import { blueprints } from '../../architecture/blueprints.js';
import type { ModelConfig } from '../../config/types.js';
import { factorNames } from '../../lora/factors.js';
import {
  type AdaptableModule,
  adaptableModules,
  isEnd,
  moduleNames,
  moduleOf,
} from '../../lora/modules.js';
import { nameOfStored, prefixed, storedName } from '../names.js';
import { PEFT_PREFIX, type PeftConfig } from './peft-config.js';
import { pythonPattern } from './python-pattern.js';

/** What wrappers of PyTorch and PEFT put into names; an adapter's own name, as `default`, may follow. */
const WRAPPERS: readonly (readonly [RegExp, string])[] = [
  [/(^|\.)(?:_orig_mod|_fsdp_wrapped_module)\./g, '$1'],
  [/\.(lora_[AB])\.[^.]+\.weight$/, '.$1.weight'],
  [/\.(lora_embedding_[AB])\.[^.]+$/, '.$1'],
  [/\.(lora_magnitude_vector)(?:\.[^.]+){1,2}$/, '.$1'],
  [/\.modules_to_save(?:\.[^.]+)?\.(weight|bias)$/, '.$1'],
  [/\.base_layer\.(weight|bias)$/, '.$1'],
];

/** The part of a tensor's name below its module. */
const PART = /\.(?:lora_[AB]\.weight|lora_embedding_[AB]|lora_magnitude_vector|weight|bias)$/;

/** The name of a module in transformers' models, where files call it otherwise. */
export const storedModule = (config: ModelConfig, module: string): string =>
  moduleOf(storedName(config.architecture, `${module}.weight`));

/**
 * The names of an adapter's tensors under which the model knows them: without what PEFT and wrappers put there, and with the
 * prefix of the base model where it was saved without.
 */
export function adapterNames(config: ModelConfig): (name: string) => string {
  const { architecture } = config;
  const modules = new Set(moduleNames({ ...config, tiedEmbeddings: false }));
  return (name) => {
    const below = name.startsWith(PEFT_PREFIX) ? name.slice(PEFT_PREFIX.length) : name;
    const bare = WRAPPERS.reduce((text, [wrapper, plain]) => text.replace(wrapper, plain), below);
    const part = PART.exec(bare)?.[0];
    if (part === undefined) return bare;
    const stored = bare.slice(0, -part.length);
    const module = moduleOf(nameOfStored(architecture, `${stored}.weight`));
    return `${prefixed(architecture, module, (each) => modules.has(each))}${part}`;
  };
}

const selects = (what: string | readonly string[], name: string): boolean =>
  typeof what === 'string' ? pythonPattern(what).test(name) : what.some((end) => isEnd(name, end));

/** The first index of a layer in a name. */
function layerOf(name: string, patterns: readonly string[]): number | undefined {
  const all =
    patterns.length === 0
      ? [/^.*?\.[^.]*\.(?<index>\d+)\./]
      : patterns.map((each) => pythonPattern(`(?:.*?\\.)?(?:${each})\\.(?P<index>\\d+)\\..*`));
  const found = all.map((each) => each.exec(name)?.groups?.['index']).find((each) => each);
  return found === undefined ? undefined : Number(found);
}

/**
 * Whether PEFT adapts a module.
 *
 * @param isLinearOfLayers - what `all-linear` means
 * @see `check_target_module_exists` of PEFT's tuners_utils.py
 */
function isTargeted(
  { targets, excluded, layers, layersPattern, modulesToSave }: PeftConfig,
  name: string,
  isLinearOfLayers: boolean,
): boolean {
  if (excluded.length > 0 && selects(excluded, name)) return false;
  if (modulesToSave.some((m) => pythonPattern(`(?:.*\\.)?(?:${m})(?:\\..*)?`).test(name)))
    return false;
  if (targets === undefined) return true;
  if (typeof targets === 'string') {
    return targets.toLowerCase() === 'all-linear' ? isLinearOfLayers : selects(targets, name);
  }
  if (targets.includes(name)) return true;
  if (!selects(targets, name)) return false;
  if (layers.length === 0) return true;
  const layer = layerOf(name, layersPattern);
  return layer !== undefined && layers.includes(layer);
}

/** Whether PEFT adapts a module; files may call it otherwise than the model. */
export const isTarget = (config: ModelConfig, peft: PeftConfig, name: string): boolean => {
  const inLayers = name.startsWith(`${blueprints[config.architecture].layers}.`);
  return [name, storedModule(config, name)].some((each) => isTargeted(peft, each, inLayers));
};

export const isHeld = ({ name, kind }: AdaptableModule, own: Params): boolean =>
  Object.values(factorNames(name, kind)).some((each) => each in own);

/**
 * The ranks or scales of modules that differ from the adapter's own: of a `rank_pattern` or `alpha_pattern`, that of the first key
 * which is the end of a module's name.
 *
 * @see `get_pattern_key` of PEFT's utils/other.py
 */
export function differing(
  patterns: Readonly<Record<string, number>>,
  modules: readonly string[],
  usual: number,
): Readonly<Record<string, number>> | undefined {
  const all = Object.entries(patterns).map(
    ([key, value]) => [pythonPattern(`(?:.*\\.)?(?:${key})`), value] as const,
  );
  const found = modules
    .map((module) => [module, all.find(([pattern]) => pattern.test(module))?.[1]] as const)
    .filter(([, value]) => value !== undefined && value !== usual);
  return found.length === 0 ? undefined : (Object.fromEntries(found) as Record<string, number>);
}

/** Which modules PEFT adapts, which of them the file has, and which it has beside them. */
export function sortModules(config: ModelConfig, peft: PeftConfig, own: Params) {
  const names = (held: boolean, target: boolean): string[] =>
    adaptableModules(config)
      .filter((each) => isHeld(each, own) === held && isTarget(config, peft, each.name) === target)
      .map(({ name }) => name);
  return { modules: names(true, true), ignored: names(true, false), absent: names(false, true) };
}

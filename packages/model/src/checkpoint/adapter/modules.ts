import type { Params } from '@cfrl/engine';

import { blueprints } from '../../architecture/blueprints.js';
import type { ModelConfig } from '../../config/types.js';
import { factorNames } from '../../lora/factors.js';
import { type AdaptableModule, adaptableModules } from '../../lora/modules.js';
import type { PeftConfig } from './peft-config.js';
import { isTargeted, patternValue } from './targets.js';
import { storedModule } from './names.js';

/** Whether PEFT adapts a module; files may call it otherwise than the model. */
export const isTarget = (config: ModelConfig, peft: PeftConfig, name: string): boolean => {
  const inLayers = name.startsWith(`${blueprints[config.architecture].layers}.`);
  return [name, storedModule(config, name)].some((each) => isTargeted(peft, each, inLayers));
};

export const isHeld = ({ name, kind }: AdaptableModule, own: Params): boolean =>
  Object.values(factorNames(name, kind)).some((each) => each in own);

/** The ranks or scales of modules that differ from the adapter's own. */
export function differing(
  patterns: Readonly<Record<string, number>>,
  modules: readonly string[],
  usual: number,
): Readonly<Record<string, number>> | undefined {
  const found = modules
    .map((module) => [module, patternValue(patterns, module) ?? usual] as const)
    .filter(([, value]) => value !== usual);
  return found.length === 0 ? undefined : Object.fromEntries(found);
}

/** Which modules PEFT adapts, which of them the file has, and which it has beside them. */
export function sortModules(config: ModelConfig, peft: PeftConfig, own: Params) {
  const names = (held: boolean, target: boolean): string[] =>
    adaptableModules(config)
      .filter((each) => isHeld(each, own) === held && isTarget(config, peft, each.name) === target)
      .map(({ name }) => name);
  return { modules: names(true, true), ignored: names(true, false), absent: names(false, true) };
}

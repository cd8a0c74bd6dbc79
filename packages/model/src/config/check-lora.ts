import { checkFinite, checkInRange, checkPositiveInteger } from '@cfrl/engine';

import { BIASES, type LoraConfig } from '../lora/factors.js';
import { adaptableModules, isInside, moduleNames } from '../lora/modules.js';
import type { ModelConfig } from './types.js';

export function checkLora(config: ModelConfig, lora: LoraConfig): void {
  const { modules, bias = 'none', wholeModules = [] } = lora;
  const fail = (problem: string): never => {
    throw new RangeError(`validateConfig: lora.${problem}`);
  };
  checkPositiveInteger('validateConfig: lora.rank', lora.rank);
  checkFinite('validateConfig: lora.alpha', lora.alpha);
  const known = adaptableModules(config).map(({ name }) => name);
  const unknown = modules.find((name) => !known.includes(name));
  if (unknown !== undefined) {
    const how = '; embedding and classifier can have one after untie(model)';
    fail(
      `modules has '${unknown}', expected only ${known.join(', ')}${config.tiedEmbeddings ? how : ''}`,
    );
  }
  for (const [field, check] of [
    ['ranks', checkPositiveInteger],
    ['alphas', checkFinite],
  ] as const) {
    for (const [name, value] of Object.entries(lora[field] ?? {})) {
      if (!modules.includes(name)) {
        fail(`${field} has '${name}', expected only modules of lora.modules`);
      }
      check(`validateConfig: lora.${field}['${name}']`, value);
    }
  }
  checkInRange('validateConfig: lora.dropout', lora.dropout ?? 0, 0, 1);
  if (!BIASES.includes(bias)) {
    const biases = BIASES.map((each) => `'${each}'`).join(' or ');
    fail(`bias is ${JSON.stringify(bias)}, expected ${biases}`);
  }
  const all = wholeModules.length > 0 ? moduleNames(config) : [];
  for (const module of wholeModules) {
    if (!all.includes(module)) {
      fail(`wholeModules has '${module}', expected modules of the model`);
    }
    const twice = modules.find((name) => isInside(name, [module]));
    if (twice !== undefined) {
      fail(
        `modules has '${twice}', which is in lora.wholeModules, expected each module in one of them`,
      );
    }
  }
}

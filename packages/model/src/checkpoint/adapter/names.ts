import type { ModelConfig } from '../../config/types.js';
import { moduleNames, moduleOf } from '../../lora/modules.js';
import { PEFT_PREFIX } from './peft-config.js';
import { nameOfStored, prefixed, storedName } from '../stored-names.js';

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
 *
 * @returns a name for each; weights that an adapter or a copy stands beside have their own name
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

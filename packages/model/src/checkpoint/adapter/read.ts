import type { Params } from '@cfrl/engine';
import type * as tf from '@tensorflow/tfjs-core';

import { blueprints } from '../../architecture/blueprints.js';
import type { Model, ModelConfig } from '../../config/types.js';
import { paramShapes } from '../../transformer/init-params.js';
import type { LoraConfig } from '../../lora/factors.js';
import { factorShapes, isInside, moduleNames, wholeParams } from '../../lora/modules.js';
import type { PeftConfig } from './peft-config.js';
import { CLASSIFIER } from '../../architecture/param-specs.js';
import { adapterNames, differing, sortModules, storedModule } from './modules.js';
import { equal, pick, refuse, tensorProblems } from './tensors.js';
import { withVocabulary } from './vocabulary.js';

/** What says which modules are adapted, where it is more than `target_modules`. */
const selectors = ({ excluded, layers }: PeftConfig): string =>
  [
    'target_modules',
    ...(layers.length > 0 ? ['layers_to_transform'] : []),
    ...(excluded.length > 0 ? ['exclude_modules'] : []),
  ].join(' with ');

const listed = (names: readonly string[]): string =>
  names.slice(0, 3).join(', ') + (names.length > 3 ? ` and ${names.length - 3} more` : '');

const about = (names: readonly string[], sentence: string): string[] =>
  names.length === 0 ? [] : [`${sentence}: ${listed(names)}`];

function byOwnNames(config: ModelConfig, tensors: Params): Params {
  const nameOf = adapterNames(config);
  const own: Record<string, tf.Tensor> = {};
  for (const [stored, tensor] of Object.entries(tensors)) {
    // The weights that a copy of PEFT's took the place of.
    if (stored.includes('.original_module.')) continue;
    const name = nameOf(stored);
    if (name in own) {
      throw new RangeError(
        `loadAdapter: '${name}' is there twice, expected each tensor once; save one adapter a folder`,
      );
    }
    own[name] = tensor;
  }
  return own;
}

/**
 * What an adapter's configuration and tensors make of a model, as PEFT loads them; all tensors are borrowed. `notices` say, a
 * sentence each, what is not as the files or the model say.
 */
export function readAdapter(
  model: Model,
  peft: PeftConfig,
  tensors: Params,
): Model & { readonly notices: readonly string[] } {
  const own = byOwnNames(model.config, tensors);
  // PEFT compares ends of names, whatever comes before them.
  const named = moduleNames({ ...model.config, tiedEmbeddings: false }).filter((name) =>
    [name, storedModule(model.config, name)].some((each) =>
      peft.modulesToSave.some((end) => each.endsWith(end)),
    ),
  );
  const { config, params, notices } = withVocabulary(model, peft, own, named);
  const existing = new Set(moduleNames(config));
  const wholeModules = named.filter((name) => existing.has(name));
  const { modules, ignored, absent } = sortModules(config, peft, own);
  const { embedding } = blueprints[config.architecture];
  const shapes = paramShapes(config);
  const { rank, alpha } = peft.scale;
  const ranks = differing(peft.ranks, modules, rank);
  const alphas = differing(peft.alphas, modules, alpha);
  const partial: LoraConfig = {
    ...peft.scale,
    modules,
    ...(ranks && { ranks }),
    ...(alphas && { alphas }),
    ...(wholeModules.length > 0 && { wholeModules }),
  };
  const wholes = wholeParams({ ...config, lora: partial });
  const vocabulary = [embedding, CLASSIFIER].filter((name) => name in own);
  const savesEmbeddings = vocabulary.some(
    (name) =>
      name in shapes &&
      !wholes.includes(name) &&
      !equal(own[name], model.params[name] ?? model.params[embedding]),
  );
  const lora: LoraConfig = { ...partial, ...(savesEmbeddings && { savesEmbeddings }) };
  const adapted = { ...config, lora };
  const factors = factorShapes(adapted);

  const isBias = (name: string): boolean => name.endsWith('.bias') && !isInside(name, wholeModules);
  const lostBiases = wholes.filter((name) => !(name in own) && isBias(name));
  const expected = [...wholes, ...vocabulary].filter(
    (name) => name in shapes && !lostBiases.includes(name),
  );
  const isIgnored = (name: string): boolean =>
    ignored.some((module) => name.startsWith(`${module}.lora_`));
  const known = new Set([...Object.keys(factors), ...expected, ...vocabulary]);
  const others = Object.keys(own).filter(
    (name) => !known.has(name) && !isIgnored(name) && !equal(own[name], model.params[name]),
  );
  const why = (name: string): string => {
    if (name in shapes) return ': adapter_config.json does not name it in modules_to_save or bias';
    if (name.endsWith('magnitude_vector') && !lora.dora) return ': use_dora is false';
    return model.config.tiedEmbeddings && /embed|lm_head|wte/.test(name)
      ? ' in a tied model: load into untie(model)'
      : '';
  };
  // PEFT has copies of these; where the model has none, the file must have been of another model.
  const unknown = peft.modulesToSave.filter(
    (end) => !wholeModules.some((name) => name.endsWith(end)),
  );
  const startless = peft.startsRandom && modules.length > 0 ? absent : [];
  const nothing =
    ignored.length > 0
      ? `${selectors(peft)} names none of the modules that the file has, as ${listed(ignored)}`
      : 'there is no factor at all';
  refuse('loadAdapter', [
    ...tensorProblems(factors, own),
    ...tensorProblems(Object.fromEntries(expected.map((name) => [name, shapes[name]!])), own),
    ...others.map((name) => `'${name}' is unexpected${why(name)}`),
    ...startless.map((name) => `'${name}' has no factors, and init_lora_weights is false`),
    ...(modules.length > 0 ? [] : [nothing]),
  ]);
  const dropout = `lora_dropout is ${lora.dropout}: it acts in training only, so what is computed is the same; training here is without it`;
  return {
    config: adapted,
    params: { ...params, ...pick(expected, own), ...pick(Object.keys(factors), own) },
    notices: [
      ...(lora.dropout === undefined ? [] : [dropout]),
      ...about(
        ignored,
        `the file has adapters of ${ignored.length} modules that ${selectors(peft)} does not name, which are left out`,
      ),
      ...about(
        absent,
        `the file has no adapters of ${absent.length} modules that target_modules names, which stay as they are`,
      ),
      ...about(
        unknown,
        'modules_to_save names what neither the model nor the file has, which is left out',
      ),
      ...about(
        lostBiases,
        `the file has no biases for bias ${JSON.stringify(lora.bias)}, the model's stay`,
      ),
      ...notices,
    ],
  };
}

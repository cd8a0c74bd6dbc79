import type { Params } from '@cfrl/engine';
import type * as tf from '@tensorflow/tfjs-core';

import { blueprints } from '../architecture/index.js';
import type { ModelConfig } from '../config.js';
import { paramShapes } from '../init.js';
import { type LoraConfig, factorNames } from '../lora/factors.js';
import {
  type AdaptableModule,
  adaptableModules,
  factorShapes,
  moduleNames,
  wholeParams,
} from '../lora/modules.js';
import type { PeftConfig } from '../lora/peft.js';
import { isTargeted, patternValue } from '../lora/targets.js';
import { CLASSIFIER } from '../partition.js';
import { adapterNames, storedModule } from './adapter-names.js';

type Model = { readonly config: ModelConfig; readonly params: Params };

/** What an adapter's files make of a model; all tensors are borrowed. */
export interface AdapterReading {
  readonly config: ModelConfig;
  readonly params: Params;
  /** What is not as the files or the model say, a sentence each. */
  readonly notices: readonly string[];
}

/** What does not fit, in one error. */
export function refuse(where: string, problems: readonly string[]): void {
  if (problems.length === 0) return;
  throw new RangeError(
    `${where}: the adapter has ${problems.length} entries that do not fit the model: ${problems.join('; ')}`,
  );
}

const sizes = (shape: readonly number[]): string => `[${shape.join(', ')}]`;

/** What is wrong with tensors, by the names that `shapes` gives. */
export const tensorProblems = (
  shapes: Readonly<Record<string, readonly number[]>>,
  tensors: Params,
): string[] =>
  Object.entries(shapes).flatMap(([name, shape]) => {
    const tensor = tensors[name];
    if (tensor === undefined) return [`'${name}' is missing`];
    if (sizes(tensor.shape) !== sizes(shape)) {
      return [`'${name}' has shape ${sizes(tensor.shape)}, expected ${sizes(shape)}`];
    }
    if (tensor.dtype !== 'float32') return [`'${name}' is ${tensor.dtype}, expected float32`];
    return tensor.dataSync().every(Number.isFinite)
      ? []
      : [`'${name}' has NaN or infinite numbers`];
  });

const equal = (a: tf.Tensor | undefined, b: tf.Tensor | undefined): boolean => {
  if (a === undefined || b === undefined || sizes(a.shape) !== sizes(b.shape)) return false;
  const [x, y] = [a.dataSync(), b.dataSync()];
  return x.every((value, i) => value === y[i]);
};

const pick = (names: readonly string[], from: Params): Params =>
  Object.fromEntries(names.filter((name) => name in from).map((name) => [name, from[name]!]));

/** A few names of many. */
const listed = (names: readonly string[]): string =>
  names.slice(0, 3).join(', ') + (names.length > 3 ? ` and ${names.length - 3} more` : '');

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

/** Whether PEFT adapts a module; files may call it otherwise than the model. */
const isTarget = (config: ModelConfig, peft: PeftConfig, name: string): boolean => {
  const inLayers = name.startsWith(`${blueprints[config.architecture].layers}.`);
  return [name, storedModule(config, name)].some((each) => isTargeted(peft, each, inLayers));
};

const isHeld = ({ name, kind }: AdaptableModule, own: Params): boolean =>
  Object.values(factorNames(name, kind)).some((each) => each in own);

/** Whether the adapter makes two of a tied model's embedding and classifier, by factors of one of them. */
function adaptsTied(config: ModelConfig, peft: PeftConfig, own: Params): boolean {
  if (!config.tiedEmbeddings) return false;
  const parts = [blueprints[config.architecture].embedding, CLASSIFIER];
  return adaptableModules({ ...config, tiedEmbeddings: false }).some(
    (module) =>
      parts.includes(`${module.name}.weight`) &&
      isHeld(module, own) &&
      isTarget(config, peft, module.name),
  );
}

/** The model with the adapter's embedding and classifier, whose rows and tie may differ from the model's. */
function withVocabulary(
  { config, params }: Model,
  peft: PeftConfig,
  own: Params,
  whole: readonly string[],
): { config: ModelConfig; params: Params; notices: string[] } {
  const { embedding } = blueprints[config.architecture];
  const given = pick([embedding, CLASSIFIER], own);
  const apart = adaptsTied(config, peft, own);
  const [first] = Object.entries(given);
  if (first === undefined && !apart) return { config, params, notices: [] };
  const isWhole = (name: string): boolean =>
    whole.some((module) => name.startsWith(`${module}.`)) && !peft.keepsTied;
  const both = embedding in given && CLASSIFIER in given;
  const staysTied =
    config.tiedEmbeddings &&
    !apart &&
    (both ? equal(given[embedding], given[CLASSIFIER]) : embedding in given && !isWhole(embedding));
  // What a copy does not take the place of is still one tensor in a tied model.
  const shared = Object.keys(given).find((name) => !isWhole(name));
  const tied = shared === undefined ? params[embedding]! : given[shared]!;
  const before = config.tiedEmbeddings
    ? { ...params, [embedding]: tied, ...(!staysTied && { [CLASSIFIER]: tied }) }
    : params;
  const after = { ...before, ...(staysTied ? pick([embedding], given) : given) };
  const rows = first === undefined ? config.vocabSize : first[1].shape[0]!;
  const resized = rows !== config.vocabSize;
  const short = [embedding, CLASSIFIER].find(
    (name) => name in after && !(name in given) && after[name]!.shape[0] !== rows,
  );
  if (short !== undefined) {
    throw new RangeError(
      `loadAdapter: '${first![0]}' has shape ${sizes(first![1].shape)}, expected ${config.vocabSize} rows: the adapter has ` +
        `other tokens than the model, and no '${short}' for them; save it with save_embedding_layers=True`,
    );
  }
  const differs = Object.keys(given).some(
    (name) =>
      name in after && !isWhole(name) && !equal(after[name], params[name] ?? params[embedding]),
  );
  const notices = [
    ...(resized
      ? [
          `the adapter's embedding has ${rows} rows and the model's ${config.vocabSize}: the model has ${rows} now; ` +
            "its tokens are those of the adapter's tokenizer, loadTokenizer(folder) loads it",
        ]
      : []),
    ...(!resized && differs
      ? ["the adapter has an embedding or classifier of its own, which takes the model's place"]
      : []),
    ...(config.tiedEmbeddings && !staysTied
      ? ['embedding and classifier are one in the model and two with the adapter: it is untied now']
      : []),
  ];
  return {
    config: { ...config, vocabSize: rows, tiedEmbeddings: staysTied },
    params: after,
    notices,
  };
}

/** The ranks or scales of modules that differ from the adapter's own. */
function differing(
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
function sortModules(config: ModelConfig, peft: PeftConfig, own: Params) {
  const names = (held: boolean, target: boolean): string[] =>
    adaptableModules(config)
      .filter((each) => isHeld(each, own) === held && isTarget(config, peft, each.name) === target)
      .map(({ name }) => name);
  return { modules: names(true, true), ignored: names(true, false), absent: names(false, true) };
}

/**
 * What an adapter's configuration and tensors make of a model, as PEFT loads them.
 *
 * @throws RangeError if names, shapes or numbers do not fit the model: one error lists all that do not
 */
export function readAdapter(model: Model, peft: PeftConfig, tensors: Params): AdapterReading {
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

  const isBias = (name: string): boolean =>
    name.endsWith('.bias') && !wholeModules.some((module) => name.startsWith(`${module}.`));
  const lostBiases = wholes.filter((name) => !(name in own) && isBias(name));
  const expected = [...wholes, ...vocabulary].filter(
    (name) => name in shapes && !lostBiases.includes(name),
  );
  const isIgnored = (name: string): boolean =>
    ignored.some((module) => name.startsWith(`${module}.lora_`));
  const others = Object.keys(own).filter(
    (name) =>
      !(name in factors) &&
      !expected.includes(name) &&
      !vocabulary.includes(name) &&
      !isIgnored(name) &&
      !equal(own[name], model.params[name]),
  );
  const why = (name: string): string => {
    if (name in shapes) return ': adapter_config.json does not name it in modules_to_save or bias';
    if (name.endsWith('magnitude_vector') && !lora.dora) return ': use_dora is false';
    return model.config.tiedEmbeddings && /embed|lm_head|wte/.test(name)
      ? ' in a tied model: load into untie(model)'
      : '';
  };
  const startless = peft.startsRandom && modules.length > 0 ? absent : [];
  refuse('loadAdapter', [
    ...tensorProblems(
      { ...factors, ...Object.fromEntries(expected.map((name) => [name, shapes[name]!])) },
      own,
    ),
    ...others.map((name) => `'${name}' is unexpected${why(name)}`),
    ...startless.map((name) => `'${name}' has no factors, and init_lora_weights is false`),
    ...(modules.length > 0
      ? []
      : [
          ignored.length > 0
            ? `target_modules names none of the modules that the file has, as ${listed(ignored)}`
            : 'there is no factor at all',
        ]),
  ]);
  return {
    config: adapted,
    params: { ...params, ...pick(expected, own), ...pick(Object.keys(factors), own) },
    notices: [
      ...(lora.dropout === undefined
        ? []
        : [
            `lora_dropout is ${lora.dropout}: it acts in training only, so what is computed is the same; training here is without it`,
          ]),
      ...(ignored.length > 0
        ? [
            `the file has adapters of ${ignored.length} modules that target_modules does not name, which are left out: ${listed(ignored)}`,
          ]
        : []),
      ...(absent.length > 0
        ? [
            `the file has no adapters of ${absent.length} modules that target_modules names, which stay as they are: ${listed(absent)}`,
          ]
        : []),
      ...(lostBiases.length > 0
        ? [
            `the file has no biases for bias ${JSON.stringify(lora.bias)}, the model's stay: ${listed(lostBiases)}`,
          ]
        : []),
      ...notices,
    ],
  };
}

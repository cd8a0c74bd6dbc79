import { existsSync } from 'node:fs';
import { join } from 'node:path';

import { disposeParams } from '@cfrl/engine';
import { type LanguageModel, type ModelConfig, mergeLora, untie } from '@cfrl/model';
import { loadAdapter, loadPretrained } from '@cfrl/model/node';

/** Two models that differ in their weights alone: adapters merged, both with a classifier of their own or neither. */
export interface ModelPair {
  readonly before: LanguageModel;
  readonly after: LanguageModel;
  readonly dispose: () => void;
}

/** Options of {@link loadPair}. */
export interface LoadPairOptions {
  /** The model that adapters are for. @defaultValue of an adapter as `after`, the model before */
  readonly base?: string;
  readonly signal?: AbortSignal;
}

const isAdapter = (path: string): boolean => existsSync(join(path, 'adapter_config.json'));

/** Loads the models before and after: folders, GGUF files, ids of the hub, or adapters of `base`. */
export async function loadPair(
  beforePath: string,
  afterPath: string,
  { base, signal }: LoadPairOptions = {},
): Promise<ModelPair> {
  if (isAdapter(beforePath) && base === undefined) {
    throw new RangeError(
      `explain: ${beforePath} is an adapter, expected a model before; name the model that it is for with --base`,
    );
  }
  const load = (path: string): Promise<LanguageModel> =>
    isAdapter(path)
      ? adapted(path, base ?? beforePath, signal)
      : loadPretrained(path, signal && { signal });
  const before = await load(beforePath);
  let after: LanguageModel | undefined;
  try {
    after = await load(afterPath);
    checkAlike(before.config, after.config);
    return alike(before, after);
  } catch (error) {
    disposeParams(before.params);
    if (after !== undefined) disposeParams(after.params);
    throw error;
  }
}

/** A model with an adapter, merged. */
async function adapted(
  path: string,
  base: string,
  signal: AbortSignal | undefined,
): Promise<LanguageModel> {
  const model = await loadPretrained(base, signal && { signal });
  try {
    const withAdapter = await loadAdapter(path, model);
    try {
      return { ...model, ...mergeLora(withAdapter) };
    } finally {
      disposeParams(withAdapter.params);
    }
  } finally {
    disposeParams(model.params);
  }
}

/** What may differ: the classifier is made alike, and the others change nothing that is computed. */
const FREE = ['tiedEmbeddings', 'maxPositions', 'initializerRange', 'lora'];

function checkAlike(before: ModelConfig, after: ModelConfig): void {
  const [a, b] = [before, after] as unknown as Record<string, unknown>[];
  const names = [...new Set([...Object.keys(a!), ...Object.keys(b!)])].filter(
    (name) => !FREE.includes(name),
  );
  const shown = (value: unknown): string => (value === undefined ? 'none' : JSON.stringify(value));
  const different = names
    .filter((name) => JSON.stringify(a![name]) !== JSON.stringify(b![name]))
    .map((name) => `${name} ${shown(a![name])} before and ${shown(b![name])} after`);
  if (different.length > 0) {
    throw new RangeError(
      `explain: the models have ${different.join(', ')}, expected two checkpoints of one model; a change between different models has no path`,
    );
  }
}

/** Where one of them has a classifier of its own, as after CF-RL, the other gets one that equals its embedding. */
function alike(before: LanguageModel, after: LanguageModel): ModelPair {
  const dispose = (...models: readonly LanguageModel[]): void =>
    models.forEach(({ params }) => disposeParams(params));
  if (before.config.tiedEmbeddings === after.config.tiedEmbeddings) {
    return { before, after, dispose: () => dispose(before, after) };
  }
  const own = (model: LanguageModel): LanguageModel => {
    if (!model.config.tiedEmbeddings) return model;
    const untied = untie(model);
    dispose(model);
    return untied;
  };
  const pair = { before: own(before), after: own(after) };
  return { ...pair, dispose: () => dispose(pair.before, pair.after) };
}

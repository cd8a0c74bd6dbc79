import { isAbsolute, join } from 'node:path';

import { readJson } from '../checkpoint/json-files.js';
import { hasWeights, pickledWeights } from '../checkpoint/pickled-weights.js';
import { INDEX, parseIndex } from '../checkpoint/shards.js';
import { type Repository, repository } from './api.js';
import {
  type ModelCache,
  cachedCommit,
  exists,
  fetchFiles,
  modelCache,
  noteCommit,
  snapshotOf,
} from './cache.js';
import { type HubOptions, hubSettings } from './settings.js';

/** `organisation/name`, or `name` alone for the oldest models. */
const isId = (text: string): boolean =>
  /^\w([\w.-]*\w)?(\/\w([\w.-]*\w)?)?$/.test(text) && !/--|\.\./.test(text);

/** A relative path without a way upwards. */
const isInside = (path: string): boolean =>
  path !== '' && !isAbsolute(path) && !/\\|\0/.test(path) && !/(^|\/)\.{0,2}(\/|$)/.test(path);

/** What is read of a repository beside its weights, where it has them. */
const FILES = [
  'config.json',
  'generation_config.json',
  'tokenizer.json',
  'tokenizer_config.json',
  'special_tokens_map.json',
  'chat_template.jinja',
];
/** What stands in for a tokenizer.json that is not there. */
const OLD_TOKENIZER = ['vocab.json', 'merges.txt', 'added_tokens.json'];
/** The templates that have names. */
const TEMPLATE = /^additional_chat_templates\/[^/]+\.jinja$/;
const WEIGHTS = 'model.safetensors';

const isGguf = (name: string): boolean => name.endsWith('.gguf');

/** The GGUF file of a repository: the one that is asked for, or the only one. */
function ggufOf(id: string, files: readonly string[]): string {
  const all = files.filter(isGguf);
  if (all.length === 1) return all[0]!;
  throw new RangeError(
    all.length === 0
      ? `loadPretrained: ${id} has no config.json and no .gguf, expected a model`
      : `loadPretrained: ${id} has ${all.length} GGUF files, expected one; name it with { file }, one of ${all.join(', ')}`,
  );
}

/** The files to load first. Shards are known once the index is here. */
function firstFiles(id: string, { files }: Repository, file: string | undefined): string[] {
  if (file !== undefined) {
    if (files.includes(file)) return [file];
    throw new RangeError(
      `loadPretrained: ${id} has no ${file}, expected one of ${files.filter(isGguf).join(', ')}`,
    );
  }
  if (!files.includes('config.json') || (!hasWeights(files) && files.some(isGguf))) {
    return [ggufOf(id, files)];
  }
  const weights = [WEIGHTS, INDEX].find((name) => files.includes(name));
  if (weights === undefined) throw pickledWeights(id, files, `./${id.split('/').at(-1)}`);
  const wanted = files.includes('tokenizer.json') ? FILES : [...FILES, ...OLD_TOKENIZER];
  const templates = files.filter((name) => TEMPLATE.test(name));
  return [...wanted.filter((name) => files.includes(name)), ...templates, weights];
}

async function fromCache(cache: ModelCache, revision: string, file?: string): Promise<string> {
  const commit = await cachedCommit(cache, revision);
  const path = commit === undefined ? undefined : join(snapshotOf(cache, commit), file ?? '');
  if (path !== undefined && (await exists(path))) return path;
  throw new Error(
    `loadPretrained: ${cache.id} at ${revision} is not in the cache ${cache.settings.cache}, and nobody may be asked (localFilesOnly, HF_HUB_OFFLINE); load it once online`,
  );
}

async function fromHub(id: string, options: HubOptions): Promise<string> {
  const { revision = 'main', file, onProgress } = options;
  if (!isInside(revision)) {
    throw new RangeError(
      `loadPretrained: revision is ${JSON.stringify(revision)}, expected a branch, a tag or a commit`,
    );
  }
  if (file !== undefined && !(isInside(file) && file.endsWith('.gguf'))) {
    throw new RangeError(
      `loadPretrained: file is ${JSON.stringify(file)}, expected a .gguf of the repository`,
    );
  }
  const settings = await hubSettings(options);
  const cache = modelCache(id, settings);
  if (settings.offline) return fromCache(cache, revision, file);
  const found = await repository(id, revision, settings);
  const files = firstFiles(id, found, file);
  const snapshot = snapshotOf(cache, found.commit);
  await fetchFiles(cache, found.commit, files, onProgress);
  if (files.includes(INDEX)) {
    const index = parseIndex(await readJson('loadPretrained', snapshot, INDEX));
    await fetchFiles(cache, found.commit, [...index.keys()], onProgress);
  }
  await noteCommit(cache, revision, found.commit);
  return files[0]!.endsWith('.gguf') ? join(snapshot, files[0]!) : snapshot;
}

/**
 * The path of a model on this machine.
 *
 * @param pathOrId - a path, or a name on the hub where no such path is
 * @param options - how the hub is asked
 * @returns a folder or a `.gguf` file; for a model of the hub it lies in the cache
 */
export async function resolvePretrained(pathOrId: string, options: HubOptions): Promise<string> {
  if (!isId(pathOrId) || (await exists(pathOrId))) {
    const { file } = options;
    return file === undefined ? pathOrId : join(pathOrId, file);
  }
  return fromHub(pathOrId, options);
}

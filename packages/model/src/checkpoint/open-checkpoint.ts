import { stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';

import { openGguf } from '../gguf/open.js';
import { toHuggingFace } from '../gguf/to-hugging-face.js';
import { tokenizerOf } from '../gguf/tokenizer.js';
import type { HuggingFaceConfig } from '../huggingface/config-json.js';
import { openSafetensors } from '../safetensors/open.js';
import { type PretrainedTokenizer, tokenizerFromFiles } from '../tokenizer/pretrained.js';
import { closingOnError, openDataFile } from '../tensor-files/data-file.js';
import { inFile, reading } from '../tensor-files/reading.js';
import type { Stored } from '../tensor-files/stored-tensor.js';
import { namesIn, readJson } from './json-files.js';
import { hasWeights, pickledWeights } from './pickled-weights.js';
import { loadTokenizer } from './tokenizer-folder.js';
import { INDEX, openShards } from './shards.js';

/** A checkpoint of any kind, its tensors not yet read. */
export interface Source extends Stored {
  readonly json: HuggingFaceConfig;
  /** The file that the config was read from. */
  readonly file: string;
  readonly generationConfig: Readonly<Record<string, unknown>>;
  readonly tokenizer: () => Promise<PretrainedTokenizer>;
}

const WHERE = 'loadPretrained';
const WEIGHTS = 'model.safetensors';

async function openWeights(folder: string): Promise<Stored> {
  const names = await namesIn(WHERE, folder);
  if (names.includes(WEIGHTS)) return openSafetensors(join(folder, WEIGHTS), 'loadPretrained');
  const index = await readJson(WHERE, folder, INDEX);
  if (index === undefined) throw pickledWeights(folder, names, folder);
  return openShards(folder, index);
}

async function tokenizerIn(folder: string): Promise<PretrainedTokenizer> {
  const names = await namesIn(WHERE, folder);
  const files = [['tokenizer.json'], ['vocab.json', 'merges.txt']];
  if (files.some((all) => all.every((name) => names.includes(name)))) return loadTokenizer(folder);
  throw new RangeError(
    'loadPretrained: the checkpoint has no tokenizer.json, nor vocab.json and merges.txt, expected a tokenizer; pass { tokenizer: false } to load without one',
  );
}

async function openFolder(folder: string): Promise<Source> {
  const json = await readJson(WHERE, folder, 'config.json');
  if (json === undefined) {
    const names = await namesIn(WHERE, folder);
    if (names.includes('adapter_config.json')) throw pickledWeights(folder, names, folder);
    throw new RangeError(
      `loadPretrained: '${folder}' has no config.json, expected a folder of a saved model`,
    );
  }
  const generationConfig = (await readJson(WHERE, folder, 'generation_config.json')) ?? {};
  return {
    ...(await openWeights(folder)),
    json,
    file: join(folder, 'config.json'),
    generationConfig,
    tokenizer: () => tokenizerIn(folder),
  };
}

async function openGgufModel(path: string): Promise<Source> {
  const { metadata, tensors, close } = await openGguf(path);
  return closingOnError({ close }, async () => ({
    ...(await inFile(path, () => toHuggingFace(metadata, tensors))),
    file: path,
    tokenizer: () => inFile(path, async () => tokenizerFromFiles(tokenizerOf(metadata))),
    close,
  }));
}

/** The GGUF file of a folder that is no Hugging Face folder. */
async function onlyGguf(folder: string): Promise<string | undefined> {
  const names = await namesIn(WHERE, folder);
  const files = names.filter((name) => name.endsWith('.gguf'));
  if (files.length === 0 || (names.includes('config.json') && hasWeights(names))) return undefined;
  if (files.length > 1) {
    throw new RangeError(
      `loadPretrained: '${folder}' has ${files.length} GGUF files, expected one; name the file: ${files.join(', ')}`,
    );
  }
  return join(folder, files[0]!);
}

/** Whether a file is GGUF by its first bytes, whatever it is called. */
async function beginsAsGguf(path: string): Promise<boolean> {
  const file = await openDataFile(path, WHERE);
  try {
    const start = new Uint8Array(Math.min(4, file.size));
    await file.readInto(start, 0);
    return new TextDecoder().decode(start) === 'GGUF';
  } finally {
    await file.close();
  }
}

/** Opens a GGUF file or a folder. The caller closes it. */
export async function openSource(path: string): Promise<Source> {
  const info = await reading(WHERE, path, () => stat(path), { value: undefined });
  if (path.endsWith('.gguf') && !info?.isDirectory()) return openGgufModel(path);
  if (info === undefined) {
    throw new RangeError(
      `loadPretrained: '${path}' is not there, expected a folder of a saved model, a GGUF file, or a name on the hub as 'organisation/name'`,
    );
  }
  if (!info.isDirectory()) {
    if (await beginsAsGguf(path)) return openGgufModel(path);
    throw new RangeError(
      `loadPretrained: '${path}' is a file, expected a folder of a saved model or a GGUF file; pass its folder, '${dirname(path)}'`,
    );
  }
  const file = await onlyGguf(path);
  return file === undefined ? openFolder(path) : openGgufModel(file);
}

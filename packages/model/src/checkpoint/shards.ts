import { join } from 'node:path';

import type { Params } from '@cfrl/engine';

import { type StoredDtype, safetensorsChunks, storedBytes } from '../safetensors/encode.js';
import { openSafetensors } from '../safetensors/open.js';
import { closingOnError } from '../tensor-files/data-file.js';
import type { Stored, StoredTensor } from '../tensor-files/stored-tensor.js';
import { firstOf } from './check-params.js';
import { json, namesIn } from './json-files.js';
import type { Contents } from './write-files.js';

/** Of a sharded checkpoint: which tensor lies in which file. */
export const INDEX = 'model.safetensors.index.json';

const fail = (problem: string): never => {
  throw new RangeError(`loadPretrained: ${INDEX}: ${problem}`);
};

/** A shard lies beside its index: whatever else a name could reach is refused. */
const isShardName = (name: unknown): name is string =>
  typeof name === 'string' && /^[^/\\\0]+\.safetensors$/.test(name);

/** Names of tensors by file, from a parsed index. */
export function parseIndex(json: unknown): ReadonlyMap<string, ReadonlySet<string>> {
  const map = (json as { weight_map?: unknown } | null)?.weight_map;
  if (typeof map !== 'object' || map === null || Array.isArray(map)) {
    return fail('weight_map is absent, expected an object from names of tensors to files');
  }
  const shards = new Map<string, Set<string>>();
  for (const [tensor, file] of Object.entries(map)) {
    if (!isShardName(file)) {
      return fail(
        `'${tensor}' lies in ${JSON.stringify(file)}, expected the name of a .safetensors file in the same folder`,
      );
    }
    const names = shards.get(file) ?? new Set();
    shards.set(file, names.add(tensor));
  }
  if (shards.size === 0) return fail('weight_map is empty, expected the tensors of a model');
  return shards;
}

function checkShard(file: string, tensors: readonly StoredTensor[], names: ReadonlySet<string>) {
  const stored = new Set(tensors.map(({ name }) => name));
  const missing = [...names].find((name) => !stored.has(name));
  if (missing !== undefined) fail(`'${missing}' is not in ${file}, where the index says it is`);
  const extra = tensors.find(({ name }) => !names.has(name));
  if (extra !== undefined)
    fail(`'${extra.name}' is in ${file}, expected only what the index lists`);
}

export async function openShards(folder: string, json: unknown): Promise<Stored> {
  const opened: Stored[] = [];
  const close = async (): Promise<void> => {
    await Promise.all(opened.map((shard) => shard.close()));
  };
  return closingOnError({ close }, async () => {
    const shards = parseIndex(json);
    const there = new Set(await namesIn('loadPretrained', folder));
    const missing = [...shards.keys()].filter((file) => !there.has(file));
    if (missing.length > 0) {
      fail(
        `'${folder}' has no ${firstOf(missing, ', ')}, which the index lists; download what is missing`,
      );
    }
    for (const [file, names] of shards) {
      const shard = await openSafetensors(join(folder, file), 'loadPretrained');
      opened.push(shard);
      checkShard(file, shard.tensors, names);
    }
    return { tensors: opened.flatMap(({ tensors }) => tensors), close };
  });
}

/** Files that hold weights, of this checkpoint or of one that was saved before. */
export const isWeights = (name: string): boolean =>
  name === INDEX || /^model(-\d{5}-of-\d{5})?\.safetensors$/.test(name);

/** Tensors in their order, as many a shard as fit; one that is larger gets a shard of its own. */
function split(params: Params, dtype: StoredDtype, maxShardSize: number): Params[] {
  const shards: Record<string, Params[string]>[] = [];
  let room = 0;
  for (const [name, tensor] of Object.entries(params)) {
    const bytes = storedBytes(name, tensor, dtype);
    if (bytes > room || shards.length === 0) {
      shards.push({});
      room = maxShardSize;
    }
    shards.at(-1)![name] = tensor;
    room -= bytes;
  }
  return shards;
}

const chunksOf = (params: Params, dtype: StoredDtype): Contents =>
  safetensorsChunks(params, { format: 'pt' }, dtype).chunks;

/** The files of a model's weights, as transformers names them; `maxShardSize` is in bytes of tensors. */
export function weightFiles(
  params: Params,
  dtype: StoredDtype,
  maxShardSize: number,
): Record<string, Contents> {
  const shards = split(params, dtype, maxShardSize);
  if (shards.length === 1) return { 'model.safetensors': chunksOf(params, dtype) };
  const digits = (n: number): string => String(n).padStart(5, '0');
  const fileOf = (i: number): string =>
    `model-${digits(i + 1)}-of-${digits(shards.length)}.safetensors`;
  const sizes = Object.entries(params).map(([name, tensor]) => storedBytes(name, tensor, dtype));
  const weightMap = shards.flatMap((shard, i) =>
    Object.keys(shard).map((name) => [name, fileOf(i)] as const),
  );
  const index = {
    metadata: { total_size: sizes.reduce((sum, bytes) => sum + bytes, 0) },
    weight_map: Object.fromEntries(weightMap),
  };
  return {
    ...Object.fromEntries(shards.map((shard, i) => [fileOf(i), chunksOf(shard, dtype)])),
    [INDEX]: json(index),
  };
}

import type { Params } from '@cfrl/engine';

import { type StoredDtype, safetensorsChunks, storedBytes } from '../safetensors/encode.js';
import { INDEX } from './read-shards.js';
import { json } from './json-files.js';
import type { Contents } from './write-files.js';

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

/**
 * The files of a model's weights, as transformers names them.
 *
 * @param maxShardSize - bytes of tensors a file
 */
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

import { type Params, yieldToEventLoop } from '@cfrl/engine';
import { copyRoom, copyToTensor, mapTensors } from '@cfrl/engine/node';
import * as tf from '@tensorflow/tfjs-core';

import type { ModelConfig } from '../config/types.js';
import { paramShapes } from '../transformer/init-params.js';
import { type Numbers, allFinite } from '../tensor-files/number-format.js';
import { adaptNames, dropTied } from './names.js';
import { checkParams } from './check-params.js';
import { type StoredTensor, sizeOf } from '../tensor-files/stored-tensor.js';

/** The tensors that can stay in their files; see `mapTensors`. */
function mapAll(stored: readonly (readonly [string, StoredTensor])[]): Map<string, tf.Tensor> {
  const byPath = new Map<string, [string, { begin: number; shape: readonly number[] }][]>();
  for (const [name, { shape, raw }] of stored) {
    if (raw === undefined) continue;
    const spans = byPath.get(raw.path) ?? [];
    byPath.set(raw.path, [...spans, [name, { begin: raw.begin, shape }]]);
  }
  const found = new Map<string, tf.Tensor>();
  for (const [path, spans] of byPath) {
    const tensors = mapTensors(
      path,
      spans.map(([, span]) => span),
    );
    spans.forEach(([name], i) => tensors[i] !== undefined && found.set(name, tensors[i]));
  }
  return found;
}

/** Numbers that pass through the room at a time, where a tensor can be read in pieces. */
const PIECE = 2 ** 21;

/** The numbers of the tensor's first axis that are read at a time, and how many numbers that is. */
const pieceOf = ({
  shape,
  whole,
}: StoredTensor): { readonly rows: number; readonly size: number } => {
  const [all, size] = [shape[0] ?? 1, sizeOf(shape)];
  if (whole === true || size <= PIECE) return { rows: all, size };
  const rows = Math.max(1, Math.floor((PIECE * all) / size));
  return { rows, size: rows * (size / all) };
};

/** Reads a tensor through the room. One of several pieces is there twice for a moment. */
async function readTensor(
  stored: StoredTensor,
  room: Float32Array,
  signal?: AbortSignal,
): Promise<tf.Tensor> {
  const { shape, read } = stored;
  const [size, piece] = [sizeOf(shape), pieceOf(stored)];
  const pieces: tf.Tensor[] = [];
  try {
    for (let from = 0; from < size || pieces.length === 0; from += piece.size) {
      await yieldToEventLoop(signal);
      const numbers = room.subarray(0, Math.min(piece.size, size - from));
      await read(numbers, from);
      const rows = numbers.length / (size / shape[0]!);
      pieces.push(
        copyToTensor(numbers, size === numbers.length ? shape : [rows, ...shape.slice(1)]),
      );
    }
    if (pieces.length === 1) return pieces.pop()!;
    return tf.concat(pieces, 0);
  } finally {
    tf.dispose(pieces);
  }
}

/** A sum is finite only if its terms are; one of finite terms may overflow, so then they are looked at. */
function isFinite(tensor: tf.Tensor): boolean {
  const sum = tf.tidy(() => tf.sum(tensor).dataSync()[0]!);
  return Number.isFinite(sum) || allFinite(tensor.dataSync() as Numbers);
}

/**
 * The parameters of a configuration. Where the backend can map files into memory, numbers that are
 * float32 already stay there; others pass through a room of some MB. The caller owns them; after an error none exists.
 */
export async function readParams(
  config: ModelConfig,
  tensors: readonly StoredTensor[],
  signal?: AbortSignal,
): Promise<Params> {
  const byName = await dropTied(config, adaptNames(config, tensors));
  checkParams('loadPretrained', config, byName);
  const stored = Object.keys(paramShapes(config)).map((name) => [name, byName.get(name)!] as const);
  const made = mapAll(stored);
  const toRead = stored.filter(([name]) => !made.has(name));
  const room = copyRoom(Math.max(0, ...toRead.map(([, tensor]) => pieceOf(tensor).size)));
  // The largest come first, while there is little beside them.
  toRead.sort(([, a], [, b]) => sizeOf(b.shape) - sizeOf(a.shape));
  try {
    for (const [name, tensor] of toRead) {
      made.set(name, await readTensor(tensor, room, signal));
    }
    for (const [name] of stored) {
      await yieldToEventLoop(signal);
      if (isFinite(made.get(name)!)) continue;
      throw new RangeError(
        `loadPretrained: '${name}' has NaN or infinite numbers, expected finite ones`,
      );
    }
  } catch (error) {
    made.forEach((tensor) => tensor.dispose());
    throw error;
  }
  return Object.fromEntries(stored.map(([name]) => [name, made.get(name)!]));
}

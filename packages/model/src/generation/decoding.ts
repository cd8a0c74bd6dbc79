/** Rows that are decoded together: their tokens are read, and their cached keys and values kept. */
import { bucket } from '@cfrl/engine';
import * as tf from '@tensorflow/tfjs-core';

import type { LayerCache } from '../transformer/decoder.js';
import { type Draw, LARGEST_FILTER } from './draw.js';
import type { LanguageModel } from './language-model.js';
import { type CompileMode, type Scored, decodingSteps } from './steps.js';

/** What rows have read so far. Its tensors belong to whoever holds it. */
export type Rows = Pick<Scored, 'cache'> & {
  /** Padded columns at the left of each row. */
  readonly padding: readonly number[];
  /** Columns that are used, padding included. */
  readonly time: number;
};

export type Decoding = Rows & Scored;

/** What a chunk has drawn, `count` entries a row. */
export interface Drawn {
  /** `[R * CHUNK]` */
  readonly tokens: Int32Array;
  /** `[R * CHUNK]`, nats. */
  readonly logProbs: Float32Array;
  readonly sampledLogProbs: Float32Array;
  /** `[R * CHUNK * D]`, if asked for. */
  readonly features?: Float32Array;
}

/** What can be done to a distribution inside of a graph. */
export interface PlainSampling {
  /** 0 takes the most probable token. */
  readonly temperature: number;
  readonly topK: number;
  readonly topP: number;
  /** So many of the first rows of the embedding may be drawn. */
  readonly drawable: number;
}

/** Which rows the next step has, and what they read. */
export interface NextRows {
  /** For each new row, the previous row that it continues: rows can be dropped or copied. */
  readonly from: readonly number[];
  /** The latest token of each new row. */
  readonly tokens: readonly number[];
}

/** Prompts and caches are padded to multiples of this, so that few shapes, and few graphs, come about. */
const COLUMNS = 8;

/** Tokens that are drawn in one go. */
export const CHUNK = 16;

/** Among which tokens a graph draws. */
function amongOf({ temperature, topK, topP, drawable }: PlainSampling): Draw['among'] {
  if (temperature === 0) return 'best';
  return topK < drawable || topP < 1 ? 'some' : 'all';
}

/** Whether a graph can draw so: it filters small vocabularies only. */
export const drawsInGraph = (sampling: PlainSampling): boolean =>
  amongOf(sampling) !== 'some' || sampling.drawable <= LARGEST_FILTER;

/** `tf.tidy`, whose type knows no read-only lists. */
const tidy = <T>(compute: () => T): T => tf.tidy(compute as () => tf.TensorContainer) as T;

const int32 = (values: readonly number[]): tf.Tensor1D =>
  tf.tensor1d(Int32Array.from(values), 'int32');

/** The rows `from[0], from[1], ...` of a cache; the same cache when that is all of them in order. */
function selectRows({ cache, padding }: Rows, from: readonly number[]): readonly LayerCache[] {
  if (from.length === padding.length && from.every((row, i) => row === i)) return cache;
  const rows = int32(from);
  return cache.map(({ key, value }) => ({
    key: tf.gather(key, rows),
    value: tf.gather(value, rows),
  }));
}

/** Reads the tokens of rows. Previous rows stay as they are, and their owner's; the caller owns the new ones. */
export function createDecoder(
  { params, config }: Pick<LanguageModel, 'params' | 'config'>,
  mode: CompileMode,
  features: boolean,
) {
  const steps = decodingSteps(mode);
  const paddingOf = (previous: Rows, { from }: NextRows): number[] =>
    from.map((row) => previous.padding[row]!);
  const inputOf = (previous: Rows, next: NextRows) => ({
    tokens: tf.reshape(int32(next.tokens), [-1, 1]) as tf.Tensor2D,
    padding: int32(paddingOf(previous, next)),
    time: tf.scalar(previous.time, 'int32'),
    cache: selectRows(previous, next.from),
    features,
  });
  return {
    /** Reads all prompts in one pass, padded at the left; `room` tokens may follow. */
    prefill(prompts: readonly (readonly number[])[], room: number): Decoding {
      const time = bucket(Math.max(...prompts.map((prompt) => prompt.length)), COLUMNS);
      const padding = prompts.map((prompt) => time - prompt.length);
      const ids = new Int32Array(prompts.length * time);
      prompts.forEach((prompt, row) => ids.set(prompt, row * time + padding[row]!));
      const scored = tidy(() =>
        steps.readPrompts(params, config, {
          tokens: tf.tensor2d(ids, [prompts.length, time], 'int32'),
          padding: int32(padding),
          capacity: bucket(time + room, COLUMNS),
          features,
        }),
      );
      return { ...scored, padding, time };
    },

    /** Reads one more token a row. */
    advance(previous: Rows, next: NextRows): Decoding {
      const scored = tidy(() => steps.readTokens(params, config, inputOf(previous, next)));
      return { ...scored, padding: paddingOf(previous, next), time: previous.time + 1 };
    },

    /**
     * Reads the latest token of each row and draws the next, `count` times.
     *
     * @param count - at most {@link CHUNK}
     * @param uniforms - `[R * CHUNK]`, numbers in [0, 1) that decide
     * @returns the rows, whose last tokens are drawn but not read, and what was drawn
     */
    async advanceChunk(
      previous: Rows,
      next: NextRows,
      count: number,
      uniforms: Float32Array,
      sampling: PlainSampling,
    ): Promise<{ rows: Rows; drawn: Drawn }> {
      const { cache, ...tensors } = tidy(() =>
        steps.readChunk(params, config, {
          ...inputOf(previous, next),
          count: tf.scalar(count, 'int32'),
          uniforms: tf.tensor2d(uniforms, [next.from.length, CHUNK]),
          temperature: tf.scalar(sampling.temperature || 1),
          topK: tf.scalar(sampling.topK, 'int32'),
          topP: tf.scalar(sampling.topP),
          among: amongOf(sampling),
          drawable: sampling.drawable,
        }),
      );
      const drawn = {
        tokens: (await tensors.tokens.data()) as Int32Array,
        logProbs: (await tensors.logProbs.data()) as Float32Array,
        sampledLogProbs: (await tensors.sampledLogProbs.data()) as Float32Array,
        ...(tensors.features && { features: (await tensors.features.data()) as Float32Array }),
      };
      tf.dispose(tensors);
      const rows = { cache, padding: paddingOf(previous, next), time: previous.time + count };
      return { rows, drawn };
    },
  };
}

/** Rows that are decoded together: their tokens are read, and their cached keys and values kept. */
import { bucket } from '@cfrl/engine';
import * as tf from '@tensorflow/tfjs-core';

import type { LayerCache } from '../transformer/decoder.js';
import { type Draw, LARGEST_FILTER } from './draw.js';
import type { LanguageModel } from './language-model.js';
import { type CompileMode, decodingSteps } from './steps.js';

/** What rows have read so far. Its tensors belong to whoever holds it. */
export interface Rows {
  /** `[R, K, S, d]` each; `S` has room for all tokens that may come. */
  readonly cache: readonly LayerCache[];
  /** Padded columns at the left of each row. */
  readonly padding: readonly number[];
  /** Columns that are used, padding included. */
  readonly time: number;
}

/** Rows with the scores of their next tokens. */
export interface Decoding extends Rows {
  /** `[R, V]` */
  readonly logits: tf.Tensor;
  /** `[R, D]`, if asked for: what the scores were made from. */
  readonly features?: tf.Tensor;
}

/** Rows after a chunk: their last tokens are drawn but not read. */
export interface Drawn extends Rows {
  /** `[R * CHUNK]`, `count` a row. */
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

/** How a chunk is drawn. */
export interface Drawing {
  /** `[R * CHUNK]`, numbers in [0, 1) that decide. */
  readonly uniforms: Float32Array;
  /** How many tokens, at most {@link CHUNK}. */
  readonly count: number;
  readonly sampling: PlainSampling;
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

export const disposeDecoding = ({ logits, features, cache }: Rows & Partial<Decoding>): void => {
  tf.dispose([
    ...(logits ? [logits] : []),
    ...(features ? [features] : []),
    ...cache.flatMap(({ key, value }) => [key, value]),
  ]);
};

/** Among which tokens a graph draws. */
function amongOf({ temperature, topK, topP, drawable }: PlainSampling): Draw['among'] {
  if (temperature === 0) return 'best';
  return topK < drawable || topP < 1 ? 'some' : 'all';
}

/** Whether a graph can draw so: it filters small vocabularies only. */
export const drawsInGraph = (sampling: PlainSampling): boolean =>
  amongOf(sampling) !== 'some' || sampling.drawable <= LARGEST_FILTER;

/** The rows `from[0], from[1], ...` of a cache; the same cache when that is all of them in order. */
function selectRows(
  cache: readonly LayerCache[],
  from: readonly number[],
  rows: number,
): readonly LayerCache[] {
  if (from.length === rows && from.every((row, i) => row === i)) return cache;
  return tf.tidy(() => {
    const indices = tf.tensor1d(Int32Array.from(from), 'int32');
    return cache.map(({ key, value }) => ({
      key: tf.gather(key, indices),
      value: tf.gather(value, indices),
    }));
  });
}

/** What the next step reads. */
function inputOf(previous: Rows, { from, tokens }: NextRows) {
  const padding = from.map((row) => previous.padding[row]!);
  const cache = selectRows(previous.cache, from, previous.padding.length);
  const tensors = {
    tokens: tf.tensor2d(Int32Array.from(tokens), [tokens.length, 1], 'int32'),
    padding: tf.tensor1d(Int32Array.from(padding), 'int32'),
    time: tf.scalar(previous.time, 'int32'),
  };
  return {
    padding,
    input: { ...tensors, cache },
    free: (): void => {
      tf.dispose(Object.values(tensors));
      if (cache !== previous.cache) tf.dispose(cache as unknown as tf.TensorContainer);
    },
  };
}

/**
 * Reads the tokens of rows. Previous rows stay as they are, and their owner's; the caller owns the new ones.
 *
 * @param features - whether these are wanted besides the scores
 */
export function createDecoder(
  { params, config }: Pick<LanguageModel, 'params' | 'config'>,
  mode: CompileMode,
  features: boolean,
) {
  const steps = decodingSteps(mode);
  return {
    /** Reads all prompts in one pass, padded at the left; `room` tokens may follow. */
    prefill(prompts: readonly (readonly number[])[], room: number): Decoding {
      const time = bucket(Math.max(...prompts.map((prompt) => prompt.length)), COLUMNS);
      const padding = prompts.map((prompt) => time - prompt.length);
      const ids = new Int32Array(prompts.length * time);
      prompts.forEach((prompt, row) => ids.set(prompt, row * time + padding[row]!));
      const tensors = {
        tokens: tf.tensor2d(ids, [prompts.length, time], 'int32'),
        padding: tf.tensor1d(padding, 'int32'),
      };
      try {
        const input = { ...tensors, capacity: bucket(time + room, COLUMNS), features };
        return { ...steps.readPrompts(params, config, input), padding, time };
      } finally {
        tf.dispose(Object.values(tensors));
      }
    },

    /** Reads one more token a row. */
    advance(previous: Rows, next: NextRows): Decoding {
      const { padding, input, free } = inputOf(previous, next);
      try {
        const scored = steps.readTokens(params, config, { ...input, features });
        return { ...scored, padding, time: previous.time + 1 };
      } finally {
        free();
      }
    },

    /** Reads the latest token of each row and draws the next, `count` times. */
    async advanceChunk(
      previous: Rows,
      next: NextRows,
      { uniforms, count, sampling }: Drawing,
    ): Promise<Drawn> {
      const { padding, input, free } = inputOf(previous, next);
      const tensors = {
        count: tf.scalar(count, 'int32'),
        uniforms: tf.tensor2d(uniforms, [padding.length, CHUNK]),
        temperature: tf.scalar(sampling.temperature || 1),
        topK: tf.scalar(sampling.topK, 'int32'),
        topP: tf.scalar(sampling.topP),
      };
      try {
        const how = { among: amongOf(sampling), drawable: sampling.drawable };
        const chunk = steps.readChunk(params, config, { ...input, ...tensors, ...how, features });
        const { cache, ...drawn } = chunk;
        const read = {
          tokens: (await drawn.tokens.data()) as Int32Array,
          logProbs: (await drawn.logProbs.data()) as Float32Array,
          sampledLogProbs: (await drawn.sampledLogProbs.data()) as Float32Array,
          ...(drawn.features && { features: (await drawn.features.data()) as Float32Array }),
        };
        tf.dispose(Object.values(drawn));
        return { ...read, cache, padding, time: previous.time + count };
      } finally {
        free();
        tf.dispose(Object.values(tensors));
      }
    },
  };
}

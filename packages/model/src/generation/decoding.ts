import {
  type Compiled,
  type Params,
  bucket,
  causalMask,
  compile,
  padTo,
  repeat,
} from '@cfrl/engine';
import * as tf from '@tensorflow/tfjs-core';

import type { Lookup } from '../architecture/blueprint.js';
import type { ModelConfig } from '../config/types.js';
import { type LayerCache, classify, decode, lookup } from '../transformer/decoder.js';
import { type Draw, LARGEST_FILTER, draw } from './draw.js';

/** Rows that are being decoded together. Its tensors belong to whoever holds it. */
export interface Decoding {
  /** `[R, V]`: scores of each row's next token. */
  readonly logits: tf.Tensor;
  /** `[R, D]`, if asked for: what the scores were made from. */
  readonly features?: tf.Tensor;
  /** `[R, K, S, d]` each; `S` has room for all tokens that may come. */
  readonly cache: readonly LayerCache[];
  /** Padded columns at the left of each row. */
  readonly padding: readonly number[];
  /** Columns that are used, padding included. */
  readonly time: number;
}

export const disposeDecoding = ({ logits, features, cache }: Partial<Decoding>): void => {
  tf.dispose([
    ...(logits ? [logits] : []),
    ...(features ? [features] : []),
    ...(cache ?? []).flatMap(({ key, value }) => [key, value]),
  ]);
};

/** Prompts and caches are padded to multiples of this, so that few shapes, and few graphs, come about. */
const COLUMNS = 8;

/** What the two steps of decoding compute. A type, since compiled functions take no interfaces. */
type Scored = {
  readonly logits: tf.Tensor;
  readonly features?: tf.Tensor;
  readonly cache: readonly LayerCache[];
};

/** The scores of rows `[R, D]`, and their features if they are asked for. */
function score(
  get: Lookup,
  config: ModelConfig,
  hidden: tf.Tensor,
  wanted: boolean,
): Omit<Scored, 'cache'> {
  const { logits, features } = classify(get, config, hidden);
  return wanted ? { logits, features } : { logits };
}

type PromptTensors = {
  /** `[R, T]` int32, padded at the left. */
  readonly tokens: tf.Tensor2D;
  /** `[R]` int32 */
  readonly padding: tf.Tensor1D;
  readonly capacity: number;
  readonly features: boolean;
};

const real = (padding: tf.Tensor1D, columns: number): tf.Tensor =>
  tf.greaterEqual(tf.range(0, columns, 1, 'int32'), tf.reshape(padding, [-1, 1]));

function readPrompts(
  params: Params,
  config: ModelConfig,
  { tokens, padding, capacity, features }: PromptTensors,
): Scored {
  const get = lookup('generate', params);
  const [rows, time] = tokens.shape;
  const columns = tf.sub(tf.range(0, time, 1, 'int32'), tf.reshape(padding, [-1, 1]));
  const { hidden, cache } = decode(get, config, {
    tokens,
    positions: tf.maximum(columns, tf.scalar(0, 'int32')),
    mask: (window) => causalMask(time, real(padding, time), window),
  });
  const streams = tf.reshape(hidden, [rows, time, config.hiddenSize]);
  const last = tf.reshape(tf.slice(streams, [0, time - 1, 0], [-1, 1, -1]), [rows, -1]);
  // What stands in padded columns is masked for ever; it need not be 0.
  const roomy = (x: tf.Tensor): tf.Tensor => padTo(x, capacity, { axis: 2 });
  return {
    ...score(get, config, last, features),
    cache: cache.map(({ key, value }) => ({ key: roomy(key), value: roomy(value) })),
  };
}

type TokenTensors = {
  /** `[R, 1]` int32 */
  readonly tokens: tf.Tensor2D;
  /** `[R]` int32 */
  readonly padding: tf.Tensor1D;
  /** int32, the column of the new tokens. */
  readonly time: tf.Scalar;
  readonly cache: readonly LayerCache[];
  readonly features: boolean;
};

function readTokens(
  params: Params,
  config: ModelConfig,
  { tokens, padding, time, cache: before, features }: TokenTensors,
): Scored {
  const get = lookup('generate', params);
  const capacity = before[0]!.key.shape[2]!;
  const columns = tf.range(0, capacity, 1, 'int32');
  const { hidden, cache } = decode(get, config, {
    tokens,
    positions: tf.reshape(tf.sub(time, padding), [-1, 1]),
    mask: (window) => {
      const seen = tf.logicalAnd(real(padding, capacity), tf.lessEqual(columns, time));
      if (window === undefined || window >= capacity) return { keyMask: seen };
      const near = tf.greater(columns, tf.sub(time, tf.scalar(window, 'int32')));
      return { keyMask: tf.logicalAnd(seen, near) };
    },
    past: { cache: before, column: time },
  });
  return { ...score(get, config, hidden, features), cache };
}

type ChunkTensors = Omit<TokenTensors, 'time'> &
  Draw & {
    /** int32, the column of the first tokens that are read. */
    readonly time: tf.Scalar;
    /** int32, tokens to draw, at most `N`. */
    readonly count: tf.Scalar;
    /** `[R, N]`, numbers in [0, 1) that decide. */
    readonly uniforms: tf.Tensor2D;
  };

type Chunk = {
  /** `[R, N]`, 0 beyond the count. */
  readonly tokens: tf.Tensor;
  readonly logProbs: tf.Tensor;
  readonly sampledLogProbs: tf.Tensor;
  /** `[R, N, D]` */
  readonly features?: tf.Tensor;
  readonly cache: readonly LayerCache[];
};

/** Reads and draws many tokens in one go: {@link readTokens} and a draw, `count` times. */
function readChunk(
  params: Params,
  config: ModelConfig,
  { tokens: first, padding, time, cache: before, ...given }: ChunkTensors,
): Chunk {
  const { count, uniforms, features: wanted, ...how } = given;
  const [rows, length] = uniforms.shape;
  const columns = tf.range(0, length, 1, 'int32');
  const start = {
    latest: first as tf.Tensor,
    cache: before,
    tokens: tf.zeros(uniforms.shape, 'int32') as tf.Tensor,
    logProbs: tf.zeros(uniforms.shape) as tf.Tensor,
    sampledLogProbs: tf.zeros(uniforms.shape) as tf.Tensor,
    ...(wanted && { features: tf.zeros([rows, length, config.hiddenSize]) as tf.Tensor }),
  };
  const { tokens, logProbs, sampledLogProbs, features, cache } = repeat(
    count,
    start,
    (round, state) => {
      const { logits, features, cache } = readTokens(params, config, {
        ...{ tokens: state.latest as tf.Tensor2D, padding, cache: state.cache },
        ...{ time: tf.add(time, round), features: wanted },
      });
      const column = tf.equal(columns, round);
      const here = tf.cast(column, 'float32');
      const uniform = tf.sum(tf.mul(uniforms, here), 1);
      const [token, logProb, sampled] = draw(logits, uniform, how);
      const latest = tf.reshape(token, [-1, 1]);
      const put = (before: tf.Tensor, now: tf.Tensor): tf.Tensor =>
        tf.add(before, tf.mul(tf.reshape(now, [-1, 1]), here));
      const row = [rows, 1, config.hiddenSize];
      return {
        ...{ latest, cache: [...cache] },
        tokens: tf.add(state.tokens, tf.mul(latest, tf.cast(column, 'int32'))),
        logProbs: put(state.logProbs, logProb),
        sampledLogProbs: put(state.sampledLogProbs, sampled),
        ...(wanted && {
          features: tf.add(
            state.features!,
            tf.mul(tf.reshape(features!, row), tf.reshape(here, [-1, 1])),
          ),
        }),
      };
    },
  );
  return { tokens, logProbs, sampledLogProbs, ...(wanted && { features: features! }), cache };
}

/** How steps run: operation by operation, as graphs, or as machine code. */
export type CompileMode = boolean | 'xla';

/** The steps of decoding. */
export interface DecodingSteps {
  readonly readPrompts: typeof readPrompts;
  readonly readTokens: typeof readTokens;
  readonly readChunk: typeof readChunk;
}

const compiled = new Map<CompileMode, { [K in keyof DecodingSteps]: Compiled<DecodingSteps[K]> }>();

/** The steps, shared by all models: a graph is for a configuration and shapes, and parameters are fed. */
export function decodingSteps(mode: CompileMode): DecodingSteps {
  const known = compiled.get(mode);
  if (known !== undefined) return known;
  const options = { eager: mode === false, xla: mode === 'xla' };
  const steps = {
    readPrompts: compile(readPrompts, { name: 'generate: prompts', ...options }),
    readTokens: compile(readTokens, { name: 'generate: token', ...options }),
    readChunk: compile(readChunk, { name: 'generate: tokens', ...options }),
  };
  compiled.set(mode, steps);
  return steps;
}

/**
 * Reads all prompts in one pass, padded at the left. The caller owns the result.
 *
 * @param room - tokens that may follow
 * @param features - whether these are wanted besides the scores
 */
export function prefill(
  steps: DecodingSteps,
  params: Params,
  config: ModelConfig,
  prompts: readonly (readonly number[])[],
  room: number,
  features: boolean,
): Decoding {
  const time = bucket(Math.max(...prompts.map((prompt) => prompt.length)), COLUMNS);
  const padding = prompts.map((prompt) => time - prompt.length);
  const ids = new Int32Array(prompts.length * time);
  prompts.forEach((prompt, row) => ids.set(prompt, row * time + padding[row]!));
  const input = {
    tokens: tf.tensor2d(ids, [prompts.length, time], 'int32'),
    padding: tf.tensor1d(padding, 'int32'),
    ...{ capacity: bucket(time + room, COLUMNS), features },
  };
  try {
    return { ...steps.readPrompts(params, config, input), padding, time };
  } finally {
    tf.dispose([input.tokens, input.padding]);
  }
}

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

/**
 * Reads one more token a row.
 *
 * @param previous - stays as it is, and its owner's
 * @param from - for each new row, the previous row that it continues: rows can be dropped or copied
 * @param tokens - one for each new row
 * @returns the new rows; the caller owns them
 */
export function advance(
  steps: DecodingSteps,
  params: Params,
  config: ModelConfig,
  previous: Pick<Decoding, 'cache' | 'padding' | 'time'>,
  from: readonly number[],
  tokens: readonly number[],
  features: boolean,
): Decoding {
  const padding = from.map((row) => previous.padding[row]!);
  const { time } = previous;
  const cache = selectRows(previous.cache, from, previous.padding.length);
  const input = {
    tokens: tf.tensor2d(Int32Array.from(tokens), [tokens.length, 1], 'int32'),
    padding: tf.tensor1d(Int32Array.from(padding), 'int32'),
    time: tf.scalar(time, 'int32'),
    ...{ cache, features },
  };
  try {
    return { ...steps.readTokens(params, config, input), padding, time: time + 1 };
  } finally {
    tf.dispose([input.tokens, input.padding, input.time]);
    if (cache !== previous.cache) tf.dispose(cache as unknown as tf.TensorContainer);
  }
}

/** Tokens that are drawn in one go. */
export const CHUNK = 16;

/** Rows after a chunk: their last tokens are drawn but not read. */
export interface Drawn {
  readonly cache: readonly LayerCache[];
  readonly padding: readonly number[];
  readonly time: number;
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

/** Among which tokens a graph draws. */
function amongOf({ temperature, topK, topP, drawable }: PlainSampling): Draw['among'] {
  if (temperature === 0) return 'best';
  return topK < drawable || topP < 1 ? 'some' : 'all';
}

/** Whether a graph can draw so: it filters small vocabularies only. */
export const drawsInGraph = (sampling: PlainSampling): boolean =>
  amongOf(sampling) !== 'some' || sampling.drawable <= LARGEST_FILTER;

/** How a chunk is drawn. */
export interface Drawing {
  /** `[R * CHUNK]`, numbers in [0, 1) that decide. */
  readonly uniforms: Float32Array;
  /** How many tokens, at most {@link CHUNK}. */
  readonly count: number;
  readonly sampling: PlainSampling;
  readonly features: boolean;
}

/**
 * Reads the latest token of each row and draws the next, `count` times.
 *
 * @param previous - stays as it is, and its owner's
 * @param from - as for {@link advance}
 * @param tokens - the latest one of each new row
 * @returns the new rows; the caller owns the cache
 */
export async function advanceChunk(
  steps: DecodingSteps,
  params: Params,
  config: ModelConfig,
  previous: Pick<Decoding, 'cache' | 'padding' | 'time'>,
  from: readonly number[],
  tokens: readonly number[],
  { uniforms, count, sampling, features }: Drawing,
): Promise<Drawn> {
  const padding = from.map((row) => previous.padding[row]!);
  const { time } = previous;
  const cache = selectRows(previous.cache, from, previous.padding.length);
  const { cache: given, ...input } = {
    tokens: tf.tensor2d(Int32Array.from(tokens), [tokens.length, 1], 'int32'),
    padding: tf.tensor1d(Int32Array.from(padding), 'int32'),
    time: tf.scalar(time, 'int32'),
    count: tf.scalar(count, 'int32'),
    uniforms: tf.tensor2d(uniforms, [tokens.length, CHUNK]),
    temperature: tf.scalar(sampling.temperature || 1),
    topK: tf.scalar(sampling.topK, 'int32'),
    topP: tf.scalar(sampling.topP),
    cache,
  };
  try {
    const how = { among: amongOf(sampling), drawable: sampling.drawable };
    const chunk = steps.readChunk(params, config, { ...input, cache: given, ...how, features });
    const { cache: after, ...drawn } = chunk;
    const read = {
      tokens: (await drawn.tokens.data()) as Int32Array,
      logProbs: (await drawn.logProbs.data()) as Float32Array,
      sampledLogProbs: (await drawn.sampledLogProbs.data()) as Float32Array,
      ...(drawn.features && { features: (await drawn.features.data()) as Float32Array }),
    };
    tf.dispose(Object.values(drawn));
    return { ...read, cache: after, padding, time: time + count };
  } finally {
    tf.dispose(Object.values(input));
    if (cache !== previous.cache) tf.dispose(cache as unknown as tf.TensorContainer);
  }
}

/** The computations of decoding, each of which can run as a graph. */
import { type Params, causalMask, compile, padTo, repeat } from '@cfrl/engine';
import * as tf from '@tensorflow/tfjs-core';

import type { Lookup } from '../architecture/blueprint.js';
import type { ModelConfig } from '../config/types.js';
import { type LayerCache, classify, decode, lookup, once } from '../transformer/decoder.js';
import { type Draw, draw } from './draw.js';

/** What reading computes. A type, since compiled functions take no interfaces. */
export type Scored = {
  /** `[R, V]`, of the next tokens. */
  readonly logits: tf.Tensor;
  /** `[R, D]`, if asked for: what the scores were made from. */
  readonly features?: tf.Tensor;
  /** `[R, K, S, d]` each; `S` has room for all tokens that may come. */
  readonly cache: readonly LayerCache[];
};

type PromptTensors = {
  /** `[R, T]` int32, padded at the left. */
  readonly tokens: tf.Tensor2D;
  /** `[R]` int32 */
  readonly padding: tf.Tensor1D;
  readonly capacity: number;
  readonly features: boolean;
};

/** The scores of rows `[R, D]`, and their features if they are asked for. */
function score(get: Lookup, config: ModelConfig, hidden: tf.Tensor, wanted: boolean) {
  const { logits, features } = classify(get, config, hidden);
  return { logits, ...(wanted && { features }) };
}

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

/** `tokens` are `[R, 1]`. */
type TokenTensors = Omit<PromptTensors, 'capacity'> & {
  /** int32, the column of the new tokens. */
  readonly time: tf.Scalar;
  readonly cache: readonly LayerCache[];
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

type ChunkTensors = TokenTensors &
  Draw & {
    /** int32, tokens to draw, at most `N`. */
    readonly count: tf.Scalar;
    /** `[R, N]`, numbers in [0, 1) that decide. */
    readonly uniforms: tf.Tensor2D;
  };

/** Reads and draws many tokens in one go: {@link readTokens} and a draw, `count` times. What is drawn is 0 beyond the count. */
function readChunk(params: Params, config: ModelConfig, given: ChunkTensors) {
  const { tokens: first, padding, time, cache: before, features: wanted, ...more } = given;
  const { count, uniforms, ...how } = more;
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
  const { latest: _, ...drawn } = repeat(count, start, (round, state) => {
    const { logits, features, cache } = readTokens(params, config, {
      tokens: state.latest as tf.Tensor2D,
      padding,
      time: tf.add(time, round),
      cache: state.cache,
      features: wanted,
    });
    const column = tf.equal(columns, round);
    const uniform = tf.sum(tf.mul(uniforms, tf.cast(column, 'float32')), 1);
    const [token, logProb, sampled] = draw(logits, uniform, how);
    const latest = tf.reshape(token, [-1, 1]);
    const put = (before: tf.Tensor, now: tf.Tensor, here: tf.Tensor = column): tf.Tensor =>
      tf.add(before, tf.mul(now, tf.cast(here, now.dtype)));
    const drawnFeatures = (): tf.Tensor =>
      put(
        state.features!,
        tf.reshape(features!, [rows, 1, config.hiddenSize]),
        tf.reshape(column, [-1, 1]),
      );
    return {
      latest,
      cache: [...cache],
      tokens: put(state.tokens, latest),
      logProbs: put(state.logProbs, tf.reshape(logProb, [-1, 1])),
      sampledLogProbs: put(state.sampledLogProbs, tf.reshape(sampled, [-1, 1])),
      ...(wanted && { features: drawnFeatures() }),
    };
  });
  return drawn;
}

/** How steps run: operation by operation (false), as graphs, or as machine code (`'xla'`). */
export type CompileMode = boolean | 'xla';

/** The steps of decoding, shared by all models: a graph is for a configuration and shapes, and parameters are fed. */
export const decodingSteps = once((mode: CompileMode) => {
  const options = { eager: mode === false, xla: mode === 'xla' };
  return {
    readPrompts: compile(readPrompts, { name: 'generate: prompts', ...options }),
    readTokens: compile(readTokens, { name: 'generate: token', ...options }),
    readChunk: compile(readChunk, { name: 'generate: tokens', ...options }),
  };
});

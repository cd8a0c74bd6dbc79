import { type Params, causalMask, paddingBias } from '@cfrl/engine';
import * as tf from '@tensorflow/tfjs-core';

import type { ModelConfig } from '../config.js';
import { classify, decode, lookup } from '../decoder.js';
import type { LayerCache } from '../decoder.js';

/** Rows that are being decoded together. Its tensors belong to whoever holds it. */
export interface Decoding {
  /** `[R, V]`: scores of each row's next token. */
  readonly logits: tf.Tensor;
  readonly cache: readonly LayerCache[];
  /** Padded positions at the left of each row. */
  readonly padding: readonly number[];
  /** Positions in the cache, padding included. */
  readonly time: number;
}

export const disposeDecoding = ({ logits, cache }: Decoding): void => {
  tf.dispose([logits, ...cache.flatMap(({ key, value }) => [key, value])]);
};

/** Reads all prompts in one pass, padded at the left to the longest. The caller owns the result. */
export function prefill(
  params: Params,
  config: ModelConfig,
  prompts: readonly (readonly number[])[],
): Decoding {
  const rows = prompts.length;
  const time = Math.max(...prompts.map((prompt) => prompt.length));
  const padding = prompts.map((prompt) => time - prompt.length);
  const ragged = padding.some((length) => length > 0);
  const column = (value: (row: number, t: number) => number): tf.Tensor2D =>
    tf.tensor2d(
      Int32Array.from({ length: rows * time }, (_, i) => value(Math.floor(i / time), i % time)),
      [rows, time],
      'int32',
    );
  const { logits, cache } = tf.tidy(() => {
    const get = lookup('generate', params);
    const { hidden, cache } = decode(get, config, {
      tokens: column((row, t) => prompts[row]![t - padding[row]!] ?? 0),
      positions: ragged
        ? column((row, t) => Math.max(0, t - padding[row]!))
        : tf.range(0, time, 1, 'int32'),
      mask: ragged
        ? causalMask(
            time,
            column((row, t) => (t < padding[row]! ? 0 : 1)),
          )
        : causalMask(time),
    });
    const streams = tf.reshape(hidden, [rows, time, config.hiddenSize]);
    const last = tf.reshape(tf.slice(streams, [0, time - 1, 0], [-1, 1, -1]), [rows, -1]);
    return { logits: classify(get, config, last).logits, cache };
  });
  return { logits, cache, padding, time };
}

/** The rows `from[0], from[1], ...` of a cache; the same cache when that is all of them in order. */
function selectRows(
  cache: readonly LayerCache[],
  from: readonly number[],
  rows: number,
): readonly LayerCache[] {
  if (from.length === rows && from.every((row, i) => row === i)) return cache;
  const indices = tf.tensor1d(Int32Array.from(from), 'int32');
  return cache.map(({ key, value }) => ({
    key: tf.gather(key, indices),
    value: tf.gather(value, indices),
  }));
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
  params: Params,
  config: ModelConfig,
  previous: Decoding,
  from: readonly number[],
  tokens: readonly number[],
): Decoding {
  const padding = from.map((row) => previous.padding[row]!);
  const ragged = padding.some((length) => length > 0);
  const { time } = previous;
  const { logits, cache } = tf.tidy(() => {
    const get = lookup('generate', params);
    const { hidden, cache } = decode(get, config, {
      tokens: tf.tensor2d(Int32Array.from(tokens), [tokens.length, 1], 'int32'),
      positions: ragged
        ? tf.tensor2d(
            Int32Array.from(padding, (length) => time - length),
            [padding.length, 1],
            'int32',
          )
        : tf.tensor1d([time], 'int32'),
      ...(ragged && { mask: { bias: paddingBias(padding, time + 1) } }),
      past: selectRows(previous.cache, from, previous.padding.length),
    });
    return { logits: classify(get, config, hidden).logits, cache };
  });
  return { logits, cache, padding, time: time + 1 };
}

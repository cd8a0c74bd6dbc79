import { showNames, showValue } from '@cfrl/engine';
import * as tf from '@tensorflow/tfjs-core';

import { checkNotEmpty } from '../check.js';
import type { Sequence, SequenceModel, TokenBatch } from './sequence-model.js';

/** A sequence whose positions are written out. */
export type Contexts = Required<Sequence>;

/** Refuses what is no model on sequences. */
export function checkSequenceModel(where: string, model: SequenceModel): void {
  if (typeof model?.features !== 'function' || typeof model.logits !== 'function') {
    throw new TypeError(
      `${where}: model has no features(params, batch) and logits(params, features), expected a SequenceModel; of a language model sequenceModel(model) makes one`,
    );
  }
  if (model.params?.[model.classifier] === undefined) {
    throw new RangeError(
      `${where}: model.classifier is '${model.classifier}', expected one of ${showNames(Object.keys(model.params ?? {}))}`,
    );
  }
}

/** Sequences, checked, with all positions where none were named. */
export function resolveSequences(
  where: string,
  model: SequenceModel,
  sequences: readonly Sequence[],
): Contexts[] {
  checkNotEmpty(where, sequences);
  sequences.forEach((sequence, i) => {
    if (typeof sequence !== 'object' || sequence === null || !Array.isArray(sequence.tokens)) {
      throw new TypeError(
        `${where}[${i}] is ${showValue(sequence)}, expected { tokens, positions }`,
      );
    }
  });
  model.checkTokens?.(
    where,
    sequences.map(({ tokens }) => tokens),
  );
  return sequences.map(({ tokens, positions = tokens.map((_, t) => t) }, i) => {
    if (tokens.length === 0)
      throw new RangeError(`${where}[${i}].tokens is empty, expected at least one token`);
    if (positions.length === 0) {
      throw new RangeError(
        `${where}[${i}].positions is empty, expected at least one index into its tokens`,
      );
    }
    positions.forEach((position, p) => {
      const least = p === 0 ? 0 : positions[p - 1]! + 1;
      if (!(Number.isInteger(position) && position >= least && position < tokens.length)) {
        throw new RangeError(
          `${where}[${i}].positions[${p}] is ${String(position)}, expected an ascending index in [0, ${tokens.length})`,
        );
      }
    });
    return { tokens, positions };
  });
}

/** Sequences of a batch, and where their contexts are among its rows `[B T]`. */
export interface SequenceBatch {
  /** Index of the first of them among all. */
  readonly from: number;
  readonly sequences: readonly Contexts[];
  /** The longest of them, `T`. */
  readonly time: number;
}

/** Sequences in runs of at most `size`, in their order. */
export function sequenceBatches(sequences: readonly Contexts[], size: number): SequenceBatch[] {
  return Array.from({ length: Math.ceil(sequences.length / size) }, (_, i) => {
    const own = sequences.slice(i * size, (i + 1) * size);
    return {
      from: i * size,
      sequences: own,
      time: Math.max(...own.map(({ tokens }) => tokens.length)),
    };
  });
}

/** Tokens and mask as tensors, padded behind with token 0, where a causal model does not look; the caller owns them. */
export function tokenBatch({ sequences, time }: SequenceBatch): TokenBatch {
  const fill = (of: (tokens: readonly number[], t: number) => number): tf.Tensor2D =>
    tf.tensor2d(
      Int32Array.from(
        sequences.flatMap(({ tokens }) => Array.from({ length: time }, (_, t) => of(tokens, t))),
      ),
      [sequences.length, time],
      'int32',
    );
  return {
    tokens: fill((tokens, t) => tokens[t] ?? 0),
    attentionMask: fill((tokens, t) => (t < tokens.length ? 1 : 0)),
  };
}

/** Rows of `[B T]` at which the contexts of a batch end, sequence after sequence. */
export const contextRows = ({ sequences, time }: SequenceBatch): number[] =>
  sequences.flatMap(({ positions }, b) => positions.map((position) => b * time + position));

/** The token that follows each context, sequence after sequence; -1 where none does. */
export const nextTokens = (sequences: readonly Contexts[]): number[] =>
  sequences.flatMap(({ tokens, positions }) =>
    positions.map((position) => tokens[position + 1] ?? -1),
  );

/** Refuses contexts that no token follows. */
export function checkNextTokens(where: string, contexts: readonly Contexts[]): void {
  contexts.forEach(({ tokens, positions }, i) => {
    if (positions.at(-1) === tokens.length - 1) {
      throw new RangeError(
        `${where}[${i}].positions has ${tokens.length - 1}, its last token, expected positions that a token follows: the functional looks at it`,
      );
    }
  });
}

import { fold, randomInt, rng } from '@cfrl/engine';
import { type LanguageModel, charTokenizer, initParams, modelConfig } from '@cfrl/model';
import * as tf from '@tensorflow/tfjs-core';

/** The sizes of a model. */
interface Shape {
  readonly layers: number;
  readonly hiddenSize: number;
  readonly heads: number;
}

/** The models that are measured, from about 100 thousand to 11 million parameters. */
export const sizes = {
  XS: { layers: 2, hiddenSize: 64, heads: 4 },
  S: { layers: 4, hiddenSize: 128, heads: 4 },
  M: { layers: 6, hiddenSize: 384, heads: 6 },
} as const satisfies Record<string, Shape>;

/** The name of a fresh model. */
export type Size = keyof typeof sizes;

/** Character level: 94 printable characters, pad and end, so a vocabulary of 96. */
const CHARACTERS = 94;
export const tokenizer = charTokenizer(
  String.fromCharCode(...Array.from({ length: CHARACTERS }, (_, i) => 32 + i)),
);

/** A fresh GPT-2 with an output layer of its own, which every peer can load; equal on every backend. */
export function freshModel(shape: Shape, maxPositions = 64): LanguageModel {
  const config = modelConfig({
    architecture: 'gpt2',
    ...shape,
    vocabSize: tokenizer.vocabSize,
    maxPositions,
    // Wider than usual, so that fresh weights have preferences which a comparison of tokens can see.
    initializerRange: 0.05,
  });
  return { config, params: initParams(config, 0), tokenizer };
}

/** Random tokens, `[rows][length]`; the seed determines them. */
export const randomRows = (
  seed: number,
  rows: number,
  length: number,
  vocabulary = CHARACTERS,
): number[][] =>
  Array.from({ length: rows }, (_, row) => {
    const source = rng(fold(seed, 'row', row));
    return Array.from({ length }, () => randomInt(source, vocabulary));
  });

/** What a training step is given: tokens and the tokens after them, `[B, T]`. */
export type Batch = { readonly inputs: tf.Tensor2D; readonly targets: tf.Tensor2D };

/** Rows of T + 1 tokens as a batch. */
export function batchOf(rows: number[][]): Batch {
  const tensor = (from: number, to?: number): tf.Tensor2D =>
    tf.tensor2d(
      rows.map((row) => row.slice(from, to)),
      undefined,
      'int32',
    );
  return { inputs: tensor(0, -1), targets: tensor(1) };
}

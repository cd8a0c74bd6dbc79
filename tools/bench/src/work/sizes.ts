import { charTokenizer, type ModelConfig, modelConfig } from '@cfrl/model';

/** The models that are measured, from about 100 thousand to 11 million parameters. */
export const sizes = {
  XS: { layers: 2, hiddenSize: 64, heads: 4 },
  S: { layers: 4, hiddenSize: 128, heads: 4 },
  M: { layers: 6, hiddenSize: 384, heads: 6 },
} as const;

/** The name of a fresh model. */
export type Size = keyof typeof sizes;

/** The name of a model: a fresh one, SmolLM2-135M-Instruct with its own weights, or none. */
export type Model = Size | 'SmolLM2' | '-';

/** Every model, the smallest first. */
export const models: readonly Model[] = [...(Object.keys(sizes) as Size[]), 'SmolLM2', '-'];

/** Character level: 94 printable characters, pad and end, so a vocabulary of 96. */
export const alphabet = String.fromCharCode(...Array.from({ length: 94 }, (_, i) => 32 + i));

/** One tokenizer for every model. */
export const tokenizer = charTokenizer(alphabet);

/** GPT-2 with an output layer of its own, which every peer can load. */
export const configOf = (size: Size): ModelConfig =>
  modelConfig({
    architecture: 'gpt2',
    ...sizes[size],
    vocabSize: tokenizer.vocabSize,
    maxPositions: 64,
    // Wider than usual, so that fresh weights have preferences which a comparison of tokens can see.
    initializerRange: 0.05,
  });

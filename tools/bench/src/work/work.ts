/** Supervised training: what one step is given, and how it is updated. */
export const training = {
  batch: 64,
  time: 32,
  batches: 4,
  learningRate: 1e-3,
  weightDecay: 0.01,
  maxGradNorm: 1,
  /** Steps after the first whose losses are compared. */
  checkSteps: 3,
  seed: 1,
} as const;

/** Cached sampling at temperature 1. */
export const decoding = { batch: 64, promptLength: 8, newTokens: 24, seed: 2 } as const;

/** One GRPO step: sample, reward, one update. */
export const grpo = {
  prompts: 8,
  groupSize: 8,
  promptLength: 8,
  newTokens: 24,
  learningRate: 1e-4,
  weightDecay: 0,
  maxGradNorm: 1,
  clipRange: 0.2,
  /** The reward is how often this letter was written. */
  letter: 'e',
  seed: 3,
} as const;

/** What is asked of SmolLM2-135M: a long prompt, and completions of short ones. */
export const smollm2 = {
  prefill: { batch: 1, promptLength: 256, newTokens: 1 },
  decoding: { promptLength: 16, newTokens: 32 },
  seed: 4,
} as const;

/** Text to tokens: a byte-level BPE that was trained on the text, without special tokens. */
export const tokenizing = { characters: 1_000_000, merges: 8000 } as const;

/** The same for all processes: threads an operation may use. */
export const threads = 2;

/** Self-BLEU: completions of words whose frequencies fall as those of language. */
export const selfBleuTexts = {
  texts: 1000,
  length: 64,
  vocabulary: 5000,
  /** Scores that are compared. */
  compared: 2,
  seed: 4,
} as const;

/** Distinct-n and entropy of tokens. */
export const manyTokens = { texts: 64_000, length: 64, vocabulary: 50_000, seed: 5 } as const;

/** Entropy from logits: 64 completions of 32 tokens. */
export const logits = { rows: 64 * 32, vocabulary: 50_000, seed: 6 } as const;

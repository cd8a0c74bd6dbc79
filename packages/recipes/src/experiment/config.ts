import { checkPositiveInteger, checkSeed } from '@cfrl/engine';
import { type ModelConfig, charTokenizer, modelConfig } from '@cfrl/model';
import type { Tokenizer } from '@cfrl/model';

import { addition } from '../tasks/addition.js';
import type { CharacterTask } from '../tasks/task.js';

/** Everything that decides the numbers of an experiment. */
export interface ExperimentConfig {
  /** Digits of the operands of the addition task. */
  readonly digits: number;
  /** Width of the model. */
  readonly hiddenSize: number;
  /** Blocks of the model. */
  readonly layers: number;
  /** Attention heads. */
  readonly heads: number;
  /** Seeds; each gives one warm start, and one run of each recipe from it. */
  readonly seeds: readonly number[];
  /** Supervised steps before RL, at most. */
  readonly warmStartSteps: number;
  /** The warm start ends when held-out answers have this mean probability; looked at every ten steps. */
  readonly warmStartAccuracy: number;
  /** Examples a supervised step. */
  readonly warmStartBatch: number;
  /** Step size of the warm start. */
  readonly warmStartLearningRate: number;
  /** Tokens to sample for training in each RL run. */
  readonly tokenBudget: number;
  /** Prompts an RL step. */
  readonly promptsPerStep: number;
  /** Completions a prompt. */
  readonly groupSize: number;
  /** Step size of RL on everything. */
  readonly learningRate: number;
  /** Step size of RL on the classifier alone. */
  readonly classifierLearningRate: number;
  /** Share of the token budget for the classifier alone. */
  readonly classifierShare: number;
  /** RL steps between two probes. */
  readonly probeEvery: number;
  /** Held-out prompts that a probe completes. */
  readonly probePrompts: number;
  /** Contexts between which a probe computes the kernel. */
  readonly kernelContexts: number;
  /** Steps between two checkpoints. */
  readonly checkpointEvery: number;
}

/** The demo: three seeds, in under four minutes on two cores. */
export const demo = {
  digits: 2,
  hiddenSize: 64,
  layers: 2,
  heads: 4,
  seeds: [0, 1, 2],
  warmStartSteps: 400,
  warmStartAccuracy: 0.4,
  warmStartBatch: 128,
  warmStartLearningRate: 3e-3,
  tokenBudget: 30_720,
  promptsPerStep: 16,
  groupSize: 8,
  learningRate: 3e-4,
  classifierLearningRate: 3e-3,
  classifierShare: 0.25,
  probeEvery: 20,
  probePrompts: 64,
  kernelContexts: 2,
  checkpointEvery: 20,
} as const satisfies ExperimentConfig;

/** The demo in under forty seconds: a smaller model and one digit, so its findings say little. */
export const quickDemo = {
  ...demo,
  digits: 1,
  hiddenSize: 32,
  layers: 1,
  warmStartSteps: 150,
  warmStartAccuracy: 0.3,
  warmStartBatch: 64,
  tokenBudget: 2_560,
  promptsPerStep: 8,
  probeEvery: 10,
  probePrompts: 32,
  checkpointEvery: 10,
} as const satisfies ExperimentConfig;

/** The task, tokenizer and model that a config stands for. */
export interface Setup {
  /** What to learn. */
  readonly task: CharacterTask;
  /** One token a character. */
  readonly tokenizer: Tokenizer;
  /** The model's sizes. */
  readonly modelConfig: ModelConfig;
}

/**
 * Builds what a config describes.
 *
 * @param config - the experiment
 * @returns task, tokenizer and model config
 * @throws RangeError if the config has no seeds, one seed twice, or a number outside its range
 *
 * @example
 * ```ts
 * setup(quickDemo).modelConfig.vocabSize; // => 14
 * ```
 */
export function setup(config: ExperimentConfig): Setup {
  if (config.seeds.length === 0 || new Set(config.seeds).size !== config.seeds.length) {
    throw new RangeError(
      `setup: seeds is [${config.seeds.join(', ')}], expected at least one, and each only once`,
    );
  }
  config.seeds.forEach((seed) => checkSeed('setup: seed', seed));
  checkPositiveInteger('setup: checkpointEvery', config.checkpointEvery);
  const heldOut = config.digits === 1 ? 32 : 256;
  const task = addition({ digits: config.digits, heldOut });
  const tokenizer = charTokenizer(task.alphabet);
  return {
    task,
    tokenizer,
    modelConfig: modelConfig({
      architecture: 'llama',
      vocabSize: tokenizer.vocabSize,
      hiddenSize: config.hiddenSize,
      layers: config.layers,
      heads: config.heads,
      maxPositions: 3 * config.digits + 3,
      tiedEmbeddings: false,
    }),
  };
}

import { type ExperimentConfig, quickDemo } from '@cfrl/recipes';

/** An experiment of a second or two. */
export const tiny: ExperimentConfig = {
  ...quickDemo,
  hiddenSize: 16,
  heads: 2,
  seeds: [3],
  warmStartSteps: 12,
  warmStartAccuracy: 1,
  warmStartBatch: 16,
  tokenBudget: 512,
  promptsPerStep: 4,
  groupSize: 4,
  probeEvery: 4,
  probePrompts: 6,
  kernelContexts: 2,
  checkpointEvery: 3,
};

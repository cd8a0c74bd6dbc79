import { join } from 'node:path';

import {
  adamw,
  chain,
  clipByGlobalNorm,
  constant,
  disposeParams,
  fold,
  warmup,
} from '@cfrl/engine';
import { type LanguageModel, initParams } from '@cfrl/model';
import { grpo } from '@cfrl/rl';

import { cfrl, standardRl } from '../recipe/cfrl.js';
import type { RecipeOptions, RecipeRecord } from '../recipe/stages.js';
import { answerProbability, warmStart } from '../recipe/warm-start.js';
import { CFRL_ARM, STANDARD_ARM, type Sample } from '../run/row-types.js';
import { loadCheckpoint } from '../run/checkpoint.js';
import { type LoopRecord, recordLoop } from '../run/resumable-loop.js';
import type { Row } from '../run/run-folder.js';
import type { ExperimentConfig, Setup } from './config.js';

/** What a run's config holds besides the experiment's: where the numbers were made. */
export interface Environment {
  /** The backend; another one would round differently. */
  readonly backend: string;
  /** Name to version. */
  readonly versions: Readonly<Record<string, string>>;
}

/** A recipe under the name that reports use. */
export interface Arm {
  /** The name in reports. */
  readonly name: string;
  /** The name of its folder. */
  readonly folder: string;
  /** One sentence for reports. */
  readonly description: string;
  /** Starts it. */
  readonly start: (
    config: ExperimentConfig,
    options: RecipeOptions,
  ) => AsyncGenerator<RecipeRecord, void, void>;
}

/** The recipes that an experiment compares. */
export const arms: readonly Arm[] = [
  {
    name: CFRL_ARM,
    folder: 'cf-rl',
    description:
      'Stage 1 trains the classifier alone by RL, stage 2 everything, with the same algorithm and reward.',
    start: ({ learningRate, classifierLearningRate, classifierShare }, options) =>
      cfrl({ ...options, learningRate, classifierLearningRate, classifierShare }),
  },
  {
    name: STANDARD_ARM,
    folder: 'standard-rl',
    description: 'RL on everything from the first step, for the same number of sampled tokens.',
    start: ({ learningRate }, options) => standardRl({ ...options, learningRate }),
  },
];

/** An experiment on disk: what every run of it is given. */
export interface Experiment {
  readonly root: string;
  readonly config: ExperimentConfig;
  readonly parts: Setup;
  readonly environment: Environment;
  readonly signal: AbortSignal | undefined;
}

/** The folder of a seed's warm start. */
export const warmStartPath = (root: string, seed: number): string =>
  join(root, 'warm-start', `seed-${seed}`);

/** The folder of a recipe's run. */
export const runPath = (root: string, arm: Arm, seed: number): string =>
  join(root, arm.folder, `seed-${seed}`);

/** One row of progress: how far a unit is. */
export interface UnitProgress {
  /** Part of the unit that is done, in [0, 1]. */
  readonly fraction: number;
  /** What to show beside it. */
  readonly text: string;
}

/** The supervised warm start of one seed, recorded. */
export async function* runWarmStart(
  { root, config, parts, environment, signal }: Experiment,
  seed: number,
): AsyncGenerator<UnitProgress, void, void> {
  const { task, tokenizer, modelConfig } = parts;
  const { warmStartSteps: steps, warmStartBatch: batchSize, warmStartLearningRate } = config;
  const optimizer = chain(
    clipByGlobalNorm(1),
    adamw({ learningRate: warmup(20, constant(warmStartLearningRate)), weightDecay: 0 }),
  );
  const params = initParams(modelConfig, fold(seed, 'init'));
  const model: LanguageModel = { config: modelConfig, params, tokenizer };
  try {
    const loop = recordLoop({
      path: warmStartPath(root, seed),
      config: { kind: 'warm start', ...unitConfig(config, seed), ...environment },
      model,
      checkpointEvery: config.checkpointEvery,
      ...(signal && { signal }),
      start: async function* (from) {
        const options = { model, task, optimizer, steps, batchSize, seed, ...(from && { from }) };
        for await (const { row, state } of warmStart(options)) {
          const looks = row.step % 10 === 0;
          const accuracy = looks ? answerProbability(state.params, model, task.heldOut) : 0;
          const done = row.step === steps || accuracy >= config.warmStartAccuracy;
          yield { append: { steps: { ...row, ...(looks && { accuracy }) } }, state, done };
          if (done) return;
        }
      },
    });
    for await (const { append, state, done } of loop) {
      const { loss } = append['steps'] as unknown as { loss: number };
      yield { fraction: done ? 1 : state.step / steps, text: `loss ${loss.toFixed(3)}` };
    }
  } finally {
    disposeParams(params);
  }
}

/** One run of one recipe from the seed's warm start, recorded. */
export async function* runArm(
  { root, config, parts, environment, signal }: Experiment,
  arm: Arm,
  seed: number,
): AsyncGenerator<UnitProgress, void, void> {
  const warm = await loadCheckpoint(join(warmStartPath(root, seed), 'checkpoints'));
  if (warm === undefined) {
    throw new Error(
      `runArm: ${warmStartPath(root, seed)} has no checkpoint, expected a warm start`,
    );
  }
  const { model, state } = warm;
  const { task } = parts;
  const { tokenBudget, promptsPerStep, groupSize, probeEvery } = config;
  const algorithm = grpo({ groupSize });
  const probe = { prompts: config.probePrompts, kernelContexts: config.kernelContexts };
  const shared = { model, task, algorithm, seed, tokenBudget, promptsPerStep, probeEvery, probe };
  try {
    const loop = recordLoop({
      path: runPath(root, arm, seed),
      config: {
        kind: arm.name,
        ...unitConfig(config, seed),
        algorithm: { name: algorithm.name, ...algorithm.options },
        task: task.name,
        model: model.config,
        ...environment,
      },
      model,
      checkpointEvery: config.checkpointEvery,
      ...(signal && { signal }),
      start: async function* (from) {
        for await (const record of arm.start(config, { ...shared, ...(from && { from }) })) {
          yield toLoopRecord(record);
        }
      },
    });
    for await (const { append, state: now } of loop) {
      const reward = (append['steps'] as { rewardMean?: number } | undefined)?.rewardMean;
      yield {
        fraction: Math.min(now.sampledTokens / tokenBudget, 1),
        text: reward === undefined ? 'probing' : `reward ${reward.toFixed(2)}`,
      };
    }
  } finally {
    disposeParams(model.params);
    disposeParams(state.optState);
  }
}

/** A row of `samples.jsonl`. */
export interface SamplesRow extends Row {
  /** One completion of the first held-out prompts. */
  readonly samples: readonly Sample[];
}

/** The experiment's config as a run of one seed sees it. */
const unitConfig = ({ seeds: _, ...config }: ExperimentConfig, seed: number) => ({
  seed,
  ...config,
});

function toLoopRecord({ row, completions, probed, state, done }: RecipeRecord): LoopRecord {
  const { step } = state;
  const samples: SamplesRow | undefined = probed && { step, samples: probed.samples };
  return {
    append: {
      ...(row && { steps: row }),
      ...(probed && { probes: probed.row }),
      ...(samples && { samples }),
    },
    ...(probed && row && { write: { [`completions/step-${step}.jsonl`]: completions } }),
    state,
    done,
  };
}

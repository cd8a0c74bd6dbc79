import {
  type Optimizer,
  type Params,
  type Resolved,
  checkPositiveInteger,
  checkSeed,
  disposeExcept,
  mapParams,
  option,
  required,
  resolveOptions,
  selectParams,
  showValue,
  yieldToEventLoop,
  checkSignal,
} from '@cfrl/engine';
import type { LanguageModel } from '@cfrl/model';
import { entropyChange } from '@cfrl/ntk';
import { type Algorithm, type ScoredCompletion, type TrainState, initState, train } from '@cfrl/rl';
import * as tf from '@tensorflow/tfjs-core';

import type { ProbeRow, Sample, Stage as StageName, StepRow } from '../run/row-types.js';
import { type LoopState, checkFrom, disposeLoopState } from '../run/loop-state.js';
import { checkTask, rewardOf } from '../tasks/check-task.js';
import type { Task } from '../tasks/task.js';
import { sequencesWithin } from './batches.js';
import { type Context, checkModel, splitModel, withoutAdapters } from './contexts.js';
import { heldOutContexts, probe, type ProbeOptions, resolveProbe } from './probe.js';
import { languageModelPolicy } from './policy.js';

/** A part of a recipe: which parameters are trained, how, and for how long. */
export interface Stage {
  /** `classifier` or `all`, as it stands in the records. */
  readonly name: StageName;
  /** Which of the model's parameters are trained. */
  readonly trainable: (name: string) => boolean;
  /** Made anew when the stage begins. */
  readonly optimizer: Optimizer;
  /** The stage ends with the first step after which this many tokens have been sampled in all. */
  readonly untilTokens: number;
}

/** Options that every recipe shares. */
export interface RecipeOptions {
  /** Where RL begins: untied, with adapters or without; borrowed. With adapters these alone are trained. */
  readonly model: LanguageModel;
  /** What to learn. */
  readonly task: Task;
  /** How rewards become updates. */
  readonly algorithm: Algorithm;
  /** Integer in `[0, 2^53)`; determines everything random. */
  readonly seed: number;
  /** Tokens to sample for training over the whole run. */
  readonly tokenBudget: number;
  /** Prompts a step. @defaultValue 16 */
  readonly promptsPerStep?: number;
  /** Completions whose activations an update holds at a time: less memory for a forward pass more. @defaultValue all */
  readonly microBatchSize?: number;
  /** Steps between two probes. @defaultValue 20 */
  readonly probeEvery?: number;
  /** What a probe looks at. */
  readonly probe?: ProbeOptions;
  /** Ends the run between two pieces of work: it throws the signal's reason, and the last record's state goes on. */
  readonly signal?: AbortSignal;
  /** Where to go on, from a checkpoint; the generator owns it from then on. */
  readonly from?: LoopState;
}

/** A measurement, with samples. */
export interface ProbeRecord {
  /** The numbers. */
  readonly row: ProbeRow;
  /** One completion of the first held-out prompts. */
  readonly samples: readonly Sample[];
}

/** One step of a recipe; at step 0 only a probe. */
export interface RecipeRecord {
  /** What to log; absent at step 0. */
  readonly row?: StepRow;
  /** The step's completions with their rewards. */
  readonly completions: readonly ScoredCompletion[];
  /** What was measured after the step, where a probe was due. */
  readonly probed?: ProbeRecord;
  /** Where the recipe stands, lent until the next record is asked for; the last is the caller's. */
  readonly state: LoopState;
  /** True after the last step. */
  readonly done: boolean;
}

function checkUntied(where: string, model: LanguageModel): void {
  checkModel('recipe', model);
  if (!model.config.tiedEmbeddings) return;
  throw new RangeError(
    `${where} has tied embeddings, expected a classifier of its own; call untie(model) first`,
  );
}

function checkAlgorithm(where: string, algorithm: Algorithm): void {
  if (typeof algorithm?.prepare === 'function') return;
  throw new TypeError(`${where} is ${showValue(algorithm)}, expected what a call as grpo() gives`);
}

/** The options that every recipe shares, with their defaults and checks; `checkRecipe` looks at the task. */
export const recipeTable = {
  model: required<LanguageModel>(checkUntied),
  task: required<Task>(() => undefined),
  algorithm: required<Algorithm>(checkAlgorithm),
  seed: required<number>(checkSeed),
  tokenBudget: required<number>(checkPositiveInteger),
  promptsPerStep: option(16, checkPositiveInteger),
  probeEvery: option(20, checkPositiveInteger),
  probe: option<ProbeOptions>({}, resolveProbe),
  from: option<LoopState | undefined>(undefined, checkFrom),
  microBatchSize: option<number | undefined>(undefined, checkPositiveInteger),
  signal: option<AbortSignal | undefined>(undefined, checkSignal),
};

type Recipe = Resolved<typeof recipeTable>;

const modelOf = (model: LanguageModel, params: Params): LanguageModel => ({
  ...model,
  params: selectParams(params, (name) => name in model.params),
});

/** What a stage begins with. */
const begin = (stage: Stage, { model, algorithm, seed }: Recipe, params: Params): TrainState =>
  initState({
    policy: { featureSize: model.config.hiddenSize },
    params,
    algorithm,
    optimizer: stage.optimizer,
    seed,
    trainable: stage.trainable,
  });

/** Refuses what a recipe cannot run on, before anything is sampled. */
function checkRecipe(options: Recipe): void {
  const { model, task } = resolveOptions('recipe', options, recipeTable);
  const { prompts, kernelContexts } = resolveProbe('recipe: probe', options.probe);
  checkTask('recipe', model, task, { heldOut: Math.max(prompts, kernelContexts), train: true });
  splitModel(model).dispose(); // refuses logits that the attribution does not hold for
}

/**
 * Runs the stages of a recipe one after the other, with probes before, between and after: one record a step, and one for the probe at
 * step 0.
 *
 * @param stages - in order, each until more tokens than the one before
 */
export async function* runStages(
  stages: readonly Stage[],
  options: Recipe,
): AsyncGenerator<RecipeRecord, void, void> {
  checkRecipe(options);
  let state: LoopState = options.from ?? {
    ...begin(stages[0]!, options, options.model.params),
    sampledTokens: 0,
    stage: 0,
  };
  // What train refuses is refused now, and not after a probe.
  try {
    if (state.stage < stages.length) await trainOn(stages[state.stage]!, options, state).return();
  } catch (error) {
    if (options.from === undefined) disposeLoopState(state, options.model.params);
    throw error;
  }
  if (state.step === 0) {
    const first = state;
    const probed = await measure(stages[0]!, options, first).catch((error: unknown) => {
      // No record has lent this state.
      if (options.from === undefined) disposeLoopState(first, options.model.params);
      throw error;
    });
    yield { completions: [], probed, state, done: false };
  }
  while (state.stage < stages.length) {
    for await (const record of runStage(stages, options, state)) {
      state = record.state;
      yield record;
    }
  }
}

async function* runStage(
  stages: readonly Stage[],
  options: Recipe,
  start: LoopState,
): AsyncGenerator<RecipeRecord, void, void> {
  const { model, task, probeEvery, signal } = options;
  const probe = resolveProbe('recipe: probe', options.probe);
  const stage = stages[start.stage]!;
  const next = stages[start.stage + 1];
  const contexts = heldOutContexts(model, task, probe.prompts);
  let { sampledTokens } = start;
  /** The state that the last record lent. It stays whole until the next record: its tensors are copies, which `train` does not free. */
  let lent = start;
  let own: TrainState | undefined;
  try {
    for await (const { metrics, completions, state } of trainOn(stage, options, start)) {
      own = state;
      const { sampledTokens: sampledNow, ...logged } = metrics;
      sampledTokens += sampledNow;
      const ended = sampledTokens >= stage.untilTokens;
      const due = state.step % probeEvery === 0;
      let probed: ProbeRecord | undefined;
      if (ended || due) {
        const before = modelOf(model, lent.params).params;
        const change = due ? changeOf(model, probe.maxBytes, before, state.params, contexts) : {};
        const now = { ...state, sampledTokens, stage: start.stage };
        probed = await measure(stage, options, now, change);
      }
      const changing = ended && next !== undefined;
      const now: LoopState = {
        step: state.step,
        sampledTokens,
        stage: start.stage + (ended ? 1 : 0),
        params: share(state.params, start.params),
        optState: changing
          ? begin(next, options, state.params).optState
          : share(state.optState, start.optState),
      };
      disposeExcept([lent.params, lent.optState], [now.params, now.optState, model.params]);
      lent = now;
      yield {
        row: { step: state.step, stage: stage.name, sampledTokens, ...logged },
        completions,
        ...(probed && { probed }),
        state: now,
        done: ended && next === undefined,
      };
      if (ended) break;
      await yieldToEventLoop(signal);
    }
  } finally {
    if (own !== undefined) {
      disposeExcept([own.params, own.optState], [lent.params, lent.optState, model.params]);
    }
  }
}

/** Tensors of their own on the same numbers, but for those that were there before and stay as they are. */
function share(params: Params, start: Params): Params {
  return mapParams(params, (tensor, name) => (tensor === start[name] ? tensor : tf.clone(tensor)));
}

/** What an update did to the entropy at some contexts, as it stands in the records. */
function changeOf(
  model: LanguageModel,
  maxBytes: number,
  before: Params,
  after: Params,
  contexts: readonly Context[],
): Partial<ProbeRow> {
  const split = splitModel({ ...model, params: before });
  const now = withoutAdapters(modelOf(model, after));
  const longest = Math.max(...contexts.map(({ length }) => length));
  const batchSize = sequencesWithin(model.config, longest, maxBytes, true);
  try {
    const change = entropyChange(split, now.params, contexts, { batchSize });
    return {
      predictedEntropyChange: change.predicted,
      measuredEntropyChange: change.measured,
      entropyChangeClassifier: change.classifier,
      entropyChangeBody: change.body,
      attributionResidual: change.residual,
    };
  } finally {
    split.dispose();
    now.dispose();
  }
}

function trainOn(stage: Stage, options: Recipe, from: TrainState) {
  const { model, task, algorithm, seed, promptsPerStep, microBatchSize, signal } = options;
  return train({
    policy: languageModelPolicy(model, {
      maxNewTokens: task.maxNewTokens,
      ...(task.stopTokens && { stopTokens: task.stopTokens }),
    }),
    params: model.params,
    algorithm,
    prompts: task.train,
    reward: ({ text }, prompt) => rewardOf('recipe', task, text, prompt),
    optimizer: stage.optimizer,
    steps: Number.MAX_SAFE_INTEGER, // the stage ends by its tokens
    seed,
    promptsPerStep,
    ...(microBatchSize !== undefined && { microBatchSize }),
    ...(signal && { signal }),
    trainable: stage.trainable,
    from,
  });
}

async function measure(
  stage: Stage,
  { model, task, seed, probe: options, signal }: Recipe,
  { step, sampledTokens, params }: LoopState,
  change: Partial<ProbeRow> = {},
): Promise<ProbeRecord> {
  const { row, samples } = await probe(modelOf(model, params), task, seed, {
    ...(signal && { signal }),
    ...options,
  });
  return { row: { step, stage: stage.name, sampledTokens, ...row, ...change }, samples };
}

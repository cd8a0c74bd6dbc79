import {
  type Optimizer,
  adamw,
  between,
  chain,
  clipByGlobalNorm,
  option,
  resolveOptions,
} from '@cfrl/engine';
import { type LanguageModel, adapterParams, isClassifier } from '@cfrl/model';

import { checkModel } from './contexts.js';
import { type RecipeOptions, type RecipeRecord, recipeTable, runStages } from './stages.js';

/** Options of {@link standardRl}. */
export interface StandardRlOptions extends RecipeOptions {
  /** Step size. @defaultValue 3e-4 */
  readonly learningRate?: number;
}

/** Options of {@link cfrl}. */
export interface CfrlOptions extends StandardRlOptions {
  /** Share of the token budget that stage 1 takes, in (0, 1). @defaultValue 0.25 */
  readonly classifierShare?: number;
  /** Step size of stage 1. @defaultValue 3e-3 */
  readonly classifierLearningRate?: number;
}

/** The shared options are checked when the recipe begins, its own at the call. */
const shared = Object.fromEntries(
  Object.entries(recipeTable).map(([name, { value }]) => [name, option(value)]),
) as typeof recipeTable;

const stepSize = (value: number) => option(value, between(Number.MIN_VALUE, Infinity));

const standardTable = { ...shared, learningRate: stepSize(3e-4) };

const cfrlTable = {
  ...standardTable,
  classifierShare: option(0.25, between(0, 1)),
  classifierLearningRate: stepSize(3e-3),
};

const optimizer = (learningRate: number): Optimizer =>
  chain(clipByGlobalNorm(1), adamw({ learningRate, weightDecay: 0 }));

/** What is trained of a model: its adapters where it has some, else everything. */
function trainedOf({ config }: LanguageModel): (name: string) => boolean {
  if (config.lora === undefined) return () => true;
  const names = new Set(adapterParams(config));
  return (name) => names.has(name);
}

/**
 * Classifier-first RL: RL updates on the classifier alone, then ordinary RL on every parameter.
 * Both stages use the same algorithm, prompts and reward; AdamW starts afresh in each. Of a model with adapters these alone are
 * trained: that of the classifier in stage 1, all in stage 2.
 *
 * @param options - model, task, algorithm, budget, and how the budget is divided
 * @returns one record a step, and one for the probe at step 0
 * @throws RangeError or TypeError if an option is outside its range, of a wrong kind or unknown, or the model cannot read the task's
 *   prompts; the signal's reason, if it aborts
 * @see Tomihari 2026, https://arxiv.org/abs/2601.04670
 *
 * @example
 * ```ts
 * import { initParams } from '@cfrl/model';
 * import { grpo } from '@cfrl/rl';
 * const { task, tokenizer, modelConfig: config } = setup({ ...quickDemo, hiddenSize: 8, heads: 2 });
 * const model = { config, params: initParams(config, 0), tokenizer };
 * const stages: string[] = [];
 * const run = cfrl({
 *   model, task, algorithm: grpo({ groupSize: 2 }), seed: 0, tokenBudget: 32, promptsPerStep: 4,
 *   probe: { prompts: 4, groupSize: 2, kernelContexts: 2 }, classifierShare: 0.5,
 * });
 * for await (const { row } of run) if (row) stages.push(row.stage);
 * stages; // => ['classifier', 'all']
 * ```
 */
export function cfrl(options: CfrlOptions): AsyncGenerator<RecipeRecord, void, void> {
  const { classifierShare, classifierLearningRate, learningRate, ...recipe } = resolveOptions(
    'cfrl',
    options,
    cfrlTable,
  );
  checkModel('cfrl', options.model);
  const trained = trainedOf(options.model);
  const inClassifier = (name: string): boolean => isClassifier(name) && trained(name);
  const { params, config } = options.model;
  if (!config.tiedEmbeddings && !Object.keys(params).some(inClassifier)) {
    throw new RangeError(
      "cfrl: model has adapters, but none at its classifier, which stage 1 trains; give addLora targets with 'lm_head'",
    );
  }
  const { tokenBudget } = recipe;
  return runStages(
    [
      {
        name: 'classifier',
        trainable: inClassifier,
        optimizer: optimizer(classifierLearningRate),
        untilTokens: Math.round(classifierShare * tokenBudget),
      },
      {
        name: 'all',
        trainable: trained,
        optimizer: optimizer(learningRate),
        untilTokens: tokenBudget,
      },
    ],
    recipe,
  );
}

/**
 * The baseline: RL on every parameter (of a model with adapters, on these) from the first step, for the same number of sampled tokens.
 *
 * @param options - model, task, algorithm and budget
 * @returns one record a step, and one for the probe at step 0
 * @throws RangeError or TypeError if an option is outside its range, of a wrong kind or unknown, or the model cannot read the task's
 *   prompts; the signal's reason, if it aborts
 *
 * @example
 * ```ts
 * import { initParams } from '@cfrl/model';
 * import { grpo } from '@cfrl/rl';
 * const { task, tokenizer, modelConfig: config } = setup({ ...quickDemo, hiddenSize: 8, heads: 2 });
 * const model = { config, params: initParams(config, 0), tokenizer };
 * const tokens: number[] = [];
 * const run = standardRl({
 *   model, task, algorithm: grpo({ groupSize: 2 }), seed: 0, tokenBudget: 32, promptsPerStep: 4,
 *   probe: { prompts: 4, groupSize: 2, kernelContexts: 2 },
 * });
 * for await (const { row } of run) if (row) tokens.push(row.sampledTokens);
 * tokens; // => [16, 32]
 * ```
 */
export function standardRl(options: StandardRlOptions): AsyncGenerator<RecipeRecord, void, void> {
  const { learningRate, ...recipe } = resolveOptions('standardRl', options, standardTable);
  checkModel('standardRl', options.model);
  return runStages(
    [
      {
        name: 'all',
        trainable: trainedOf(options.model),
        optimizer: optimizer(learningRate),
        untilTokens: recipe.tokenBudget,
      },
    ],
    recipe,
  );
}

import {
  between,
  checkFunction,
  checkPositiveInteger,
  checkSeed,
  fold,
  option,
  resolveOptions,
  yieldToEventLoop,
  checkSignal,
} from '@cfrl/engine';
import { distinctN, mean, selfBleu } from '@cfrl/metrics';
import {
  CLASSIFIER,
  type Completion,
  type LanguageModel,
  generate,
  promptTokens,
} from '@cfrl/model';
import { type DecomposeOptions, decompose } from '@cfrl/ntk';
import * as tf from '@tensorflow/tfjs-core';

import type { ProbeRow, Sample } from '../run/row-types.js';
import { checkTask, rewardOf } from '../tasks/check-task.js';
import type { Task } from '../tasks/task.js';
import { type Context, checkModel, splitModel, withoutAdapters } from './contexts.js';
import { positions } from './positions.js';

/** What a probe looks at; the same at every probe of a run, so that only the model differs. */
export interface ProbeOptions {
  /** Held-out prompts to complete. @defaultValue 64 */
  readonly prompts?: number;
  /** Completions of each of them, at least 2. @defaultValue 4 */
  readonly groupSize?: number;
  /**
   * Contexts between which the kernel is computed, at least 2; each takes one backward pass a feature. 0 leaves the kernel out: on a
   * model with hundreds of features it takes longer than all the rest. @defaultValue 2
   */
  readonly kernelContexts?: number;
  /** Which parameters the kernel is over, as for `decompose`. @defaultValue every parameter */
  readonly select?: (name: string) => boolean;
  /** Bytes that gradients, or activations of a forward pass, may take at a time, about. @defaultValue 2 ** 29 */
  readonly maxBytes?: number;
  /** Longest n-gram of self-BLEU; completions are only a few tokens long. @defaultValue 2 */
  readonly maxN?: number;
  /** Completions to keep as samples. @defaultValue 8 */
  readonly samples?: number;
  /** Ends the probe: it throws the signal's reason. */
  readonly signal?: AbortSignal;
}

function checkGroupSize(where: string, groupSize: number): void {
  if (checkPositiveInteger(where, groupSize) < 2) {
    throw new RangeError(
      `${where} is ${groupSize}, expected at least 2: self-BLEU compares the completions of a prompt`,
    );
  }
}

function checkKernelContexts(where: string, count: number): void {
  if (count !== 0 && !(Number.isSafeInteger(count) && count >= 2)) {
    throw new RangeError(
      `${where} is ${count}, expected an integer >= 2 (the kernel is measured between different contexts), or 0 for no kernel`,
    );
  }
}

const checkSelect = (where: string, select: unknown): void =>
  checkFunction(where, select, 'write (name) => [...].includes(name)');

const table = {
  prompts: option(64, checkPositiveInteger),
  groupSize: option(4, checkGroupSize),
  kernelContexts: option(2, checkKernelContexts),
  select: option<ProbeOptions['select']>(undefined, checkSelect),
  maxBytes: option(2 ** 29, between(1, Infinity)),
  maxN: option(2, checkPositiveInteger),
  samples: option(8, between(0, Infinity)),
  signal: option<AbortSignal | undefined>(undefined, checkSignal),
};

/** Options with their defaults, checked. */
export const resolveProbe = (where: string, options: ProbeOptions) =>
  resolveOptions(where, options, table);

/** What a probe measured; see {@link ProbeRow} for units. */
export interface Probe {
  /** The numbers. */
  readonly row: Omit<ProbeRow, 'step' | 'stage' | 'sampledTokens'>;
  /** One completion of the first prompts. */
  readonly samples: readonly Sample[];
}

/** The contexts at the ends of the first held-out prompts, from which the first token is drawn. */
export function heldOutContexts(model: LanguageModel, task: Task, count: number): Context[] {
  return task.heldOut.slice(0, count).map(({ prompt }) => promptTokens(model, prompt));
}

/**
 * Measures a model on held-out prompts: reward, confidence, diversity, geometry of the features, and
 * the kernel's two components. Nothing is trained.
 *
 * The model is looked at as it samples: contexts with the special tokens that `generate` adds, adapters merged.
 *
 * @param model - untied, with adapters or without; borrowed
 * @param task - where the prompts come from
 * @param seed - integer in `[0, 2^53)`; determines the sampled completions
 * @param options - how much to look at
 * @returns the measurements; plain numbers
 * @throws RangeError or TypeError if the task has fewer held-out prompts than asked for or one that the model cannot read, a reward is
 *   not finite, an option is outside its range, the model is tied, or (with the kernel) its logits have a soft cap; the signal's reason
 *
 * @example
 * ```ts
 * import { initParams } from '@cfrl/model';
 * const { task, tokenizer, modelConfig: config } = setup({ ...quickDemo, hiddenSize: 8, heads: 2 });
 * const model = { config, params: initParams(config, 0), tokenizer };
 * const { row } = await probe(model, task, 0, { prompts: 4, groupSize: 2, kernelContexts: 2 });
 * [row.confidence < 0.2, row.gradientNorm > 0]; // => [true, true]
 * ```
 */
export async function probe(
  model: LanguageModel,
  task: Task,
  seed: number,
  options: ProbeOptions = {},
): Promise<Probe> {
  const resolved = resolveProbe('probe', options);
  checkModel('probe', model);
  checkSeed('probe: seed', seed);
  if (!(CLASSIFIER in model.params)) {
    throw new RangeError(
      'probe: model has tied embeddings, expected a classifier of its own; call untie(model) first',
    );
  }
  const { prompts, kernelContexts } = resolved;
  checkTask('probe', model, task, { heldOut: Math.max(prompts, kernelContexts), train: false });
  const { config, params, dispose } = withoutAdapters(model);
  try {
    return await measured({ ...model, config, params }, task, seed, resolved);
  } finally {
    dispose();
  }
}

/** {@link probe} of a model without adapters. */
async function measured(
  model: LanguageModel,
  task: Task,
  seed: number,
  options: ReturnType<typeof resolveProbe>,
): Promise<Probe> {
  const { groupSize, kernelContexts, maxN, maxBytes, select, signal } = options;
  const heldOut = task.heldOut.slice(0, options.prompts);
  const asked = heldOut.map(({ prompt }) => prompt);
  const common = {
    maxNewTokens: task.maxNewTokens,
    ...(task.stopTokens && { stopTokens: task.stopTokens }),
    ...(signal && { signal }),
  };
  const sampled = await generate(model, asked, { ...common, groupSize, seed: fold(seed, 'probe') });
  const greedy = await generate(model, asked, { ...common, temperature: 0 });

  const rewards = (completions: readonly Completion[], size: number): Promise<number[]> =>
    Promise.all(
      completions.map(({ text }, i) =>
        rewardOf('probe', task, text, heldOut[Math.floor(i / size)]!),
      ),
    );
  const reward = await rewards(sampled, groupSize);
  const greedyReward = await rewards(greedy, 1);
  const groups = heldOut.map((_, i) => sampled.slice(i * groupSize, (i + 1) * groupSize));
  const diversity = (group: readonly Completion[]): number =>
    selfBleu(
      group.map((c) => c.tokens),
      { maxN },
    ).mean;
  const ofPositions = await positions(model, sampled, { maxBytes, signal });
  await yieldToEventLoop(signal);
  const limits = { maxBytes, ...(select && { select }) };
  return {
    row: {
      reward: mean(reward),
      greedyReward: mean(greedyReward),
      selfBleu: mean(groups.map(diversity)),
      distinct: distinctN(
        sampled.map(({ tokens }) => tokens),
        maxN,
      ),
      ...ofPositions,
      ...(kernelContexts > 0 &&
        kernel(model, heldOutContexts(model, task, kernelContexts), limits)),
      classifierNorm: tf.tidy(() => tf.norm(model.params[CLASSIFIER]!).dataSync()[0]!),
    },
    samples: groups.slice(0, options.samples).map(([completion], i) => ({
      prompt: completion!.prompt,
      completion: completion!.text,
      answer: heldOut[i]!.answer,
      reward: reward[i * groupSize]!,
    })),
  };
}

/** Mean Frobenius norms of `R(c, c')` and `G(c, c')` over all pairs of different contexts. */
function kernel(
  model: LanguageModel,
  contexts: readonly Context[],
  options: Pick<DecomposeOptions, 'select' | 'maxBytes'>,
) {
  const split = splitModel(model);
  try {
    return tf.tidy(() => {
      const { representationNorm, gradientNorm } = decompose(split, contexts, undefined, options);
      const betweenContexts = (norms: tf.Tensor2D): number =>
        mean((norms.arraySync() as number[][]).flatMap((row, i) => row.filter((_, j) => j !== i)));
      return {
        representationNorm: betweenContexts(representationNorm),
        gradientNorm: betweenContexts(gradientNorm),
      };
    });
  } finally {
    split.dispose();
  }
}

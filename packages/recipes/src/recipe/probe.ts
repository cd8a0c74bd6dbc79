import { fold } from '@cfrl/engine';
import {
  distinctN,
  effectiveRank,
  mean,
  meanCosine,
  selfBleu,
  tokenEntropy,
  confidence as topProbability,
} from '@cfrl/metrics';
import { CLASSIFIER, type Completion, type LanguageModel, generate, logitsOf } from '@cfrl/model';
import { decompose } from '@cfrl/ntk';
import * as tf from '@tensorflow/tfjs-core';

import type { ProbeRow, Sample } from '../report/types.js';
import type { Task, TaskPrompt } from '../tasks/task.js';
import { type Context, lastFeatures, splitModel } from './contexts.js';

/** What a probe looks at; the same at every probe of a run, so that only the model differs. */
export interface ProbeOptions {
  /** Held-out prompts to complete. @defaultValue 64 */
  readonly prompts?: number;
  /** Completions of each of them. @defaultValue 4 */
  readonly groupSize?: number;
  /** Contexts between which the kernel is computed; each takes one backward pass a feature. @defaultValue 2 */
  readonly kernelContexts?: number;
  /** Longest n-gram of self-BLEU; completions are only a few tokens long. @defaultValue 2 */
  readonly maxN?: number;
  /** Completions to keep as samples. @defaultValue 8 */
  readonly samples?: number;
}

/** What a probe measured; see {@link ProbeRow} for units. */
export interface Probe {
  /** The numbers. */
  readonly row: Omit<ProbeRow, 'step' | 'stage' | 'sampledTokens'>;
  /** One completion of the first prompts. */
  readonly samples: readonly Sample[];
}

/** The contexts at the ends of the first held-out prompts, from which the first token is drawn. */
export function heldOutContexts(model: LanguageModel, task: Task, count: number): Context[] {
  return task.heldOut.slice(0, count).map(({ prompt }) => model.tokenizer.encode(prompt));
}

/** Every context from which a token of a completion was drawn. */
const contextsOf = ({ promptTokens, tokens }: Completion): Context[] =>
  tokens.map((_, t) => [...promptTokens, ...tokens.slice(0, t)]);

/**
 * Measures a model on held-out prompts: reward, confidence, diversity, geometry of the features, and
 * the kernel's two components. Nothing is trained.
 *
 * @param model - untied; borrowed
 * @param task - where the prompts come from
 * @param seed - integer in `[0, 2^53)`; determines the sampled completions
 * @param options - how much to look at
 * @returns the measurements; plain numbers
 * @throws RangeError if the task has fewer held-out prompts than asked for
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
  {
    prompts = 64,
    groupSize = 4,
    kernelContexts: count = 2,
    maxN = 2,
    samples = 8,
  }: ProbeOptions = {},
): Promise<Probe> {
  if (task.heldOut.length < Math.max(prompts, count)) {
    throw new RangeError(
      `probe: task has ${task.heldOut.length} held-out prompts, expected at least ${Math.max(prompts, count)}`,
    );
  }
  const heldOut = task.heldOut.slice(0, prompts);
  const texts = heldOut.map(({ prompt }) => prompt);
  const common = { maxNewTokens: task.maxNewTokens, stopTokens: [] };
  const sampled = await generate(model, texts, { ...common, groupSize, seed: fold(seed, 'probe') });
  const greedy = await generate(model, texts, { ...common, temperature: 0 });

  const reward = ({ text }: Completion, prompt: TaskPrompt): number => task.reward(text, prompt);
  const ofPrompt = (i: number): TaskPrompt => heldOut[Math.floor(i / groupSize)]!;
  const groups = heldOut.map((_, i) => sampled.slice(i * groupSize, (i + 1) * groupSize));
  const tokens = sampled.map((completion) => completion.tokens);
  return {
    row: {
      reward: mean(sampled.map((completion, i) => reward(completion, ofPrompt(i)))),
      greedyReward: mean(greedy.map((completion, i) => reward(completion, heldOut[i]!))),
      selfBleu: mean(
        groups.map(
          (group) =>
            selfBleu(
              group.map((c) => c.tokens),
              { maxN },
            ).mean,
        ),
      ),
      distinct: distinctN(tokens, maxN),
      ...positions(model, sampled),
      ...kernel(model, heldOutContexts(model, task, count)),
      classifierNorm: tf.tidy(() => tf.norm(model.params[CLASSIFIER]!).dataSync()[0]!),
    },
    samples: groups.slice(0, samples).map(([completion], i) => ({
      prompt: heldOut[i]!.prompt,
      completion: completion!.text,
      answer: heldOut[i]!.answer,
      reward: reward(completion!, heldOut[i]!),
    })),
  };
}

const norm = (row: ArrayLike<number>): number =>
  Math.sqrt(Array.from(row).reduce((sum, x) => sum + x * x, 0));

const rowsOf = (values: ArrayLike<number>, width: number): number[][] =>
  Array.from({ length: values.length / width }, (_, i) =>
    Array.from({ length: width }, (_, j) => values[i * width + j]!),
  );

/** Confidence, entropy and features at the positions that the completions were drawn from. */
function positions(model: LanguageModel, completions: readonly Completion[]) {
  const contexts = completions.flatMap(contextsOf);
  const { features, logits } = tf.tidy(() => {
    const phi = lastFeatures(model, contexts);
    const z = logitsOf(model.config, phi, model.params[CLASSIFIER]!);
    return {
      features: rowsOf(phi.dataSync(), phi.shape[1]),
      logits: rowsOf(z.dataSync(), z.shape[1]!),
    };
  });
  return {
    confidence: mean(logits.map(topProbability)),
    entropy: mean(logits.map(tokenEntropy)),
    featureCosine: meanCosine(features),
    effectiveRank: effectiveRank(features),
    featureNorm: mean(features.map(norm)),
  };
}

/** Mean Frobenius norms of `R(c, c')` and `G(c, c')` over all pairs of different contexts. */
function kernel(model: LanguageModel, contexts: readonly Context[]) {
  return tf.tidy(() => {
    const { representationNorm, gradientNorm } = decompose(splitModel(model), contexts);
    const betweenContexts = (norms: tf.Tensor2D): number =>
      mean((norms.arraySync() as number[][]).flatMap((row, i) => row.filter((_, j) => j !== i)));
    return {
      representationNorm: betweenContexts(representationNorm),
      gradientNorm: betweenContexts(gradientNorm),
    };
  });
}

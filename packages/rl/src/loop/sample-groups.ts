import { type Params, checkFinite, fold } from '@cfrl/engine';

import { checkList } from '../check.js';
import { completionSeed, promptsOfStep } from '../data/order.js';
import { contentOf } from '../data/prompt-content.js';
import type { Completion, Prompt } from '../types.js';
import type { TrainOptions } from './train-options.js';

/** A completion, and where it comes from. */
export interface SampledCompletion extends Completion {
  /** Index into the prompts that `train` was given. */
  readonly promptIndex: number;
  /** Place of the completion in its group, from 0. */
  readonly sample: number;
  /** The seed that determines it, given the parameters. */
  readonly seed: number;
}

/** What decides which completions a step asks for. */
export interface GroupOptions extends Pick<
  TrainOptions<Prompt>,
  'policy' | 'algorithm' | 'prompts' | 'seed' | 'signal'
> {
  /** `V`, of the policy's logits. */
  readonly vocabularySize: number;
}

/** One of the times that a step samples: the first, or one that the algorithm asked for. */
export interface Round {
  /** From 0. */
  readonly round: number;
  /** Prompts that the step has sampled before. */
  readonly slotsBefore: number;
  /** How many to sample now. */
  readonly promptCount: number;
}

/** Samples completions of a step, group after group, and checks what the policy returned. */
export async function sampleGroups(
  { policy, algorithm, prompts, seed, vocabularySize, signal }: GroupOptions,
  params: Params,
  step: number,
  { round, slotsBefore, promptCount }: Round,
): Promise<SampledCompletion[]> {
  const order = round === 0 ? seed : fold(seed, 'round', round);
  const indices = promptsOfStep(order, step, promptCount, prompts.length);
  const origins = indices.flatMap((promptIndex, slot) =>
    Array.from({ length: algorithm.groupSize }, (_, sample) => ({
      promptIndex,
      sample,
      seed: completionSeed(seed, step, slotsBefore + slot, sample),
    })),
  );
  const completions = await policy.sample(
    params,
    origins.map((origin) => ({
      prompt: contentOf(prompts[origin.promptIndex]!),
      seed: origin.seed,
    })),
    { ...(signal && { signal }) },
  );
  checkList('train: what policy.sample returned', completions, 'completions');
  if (completions.length !== origins.length) {
    throw new RangeError(
      `train: policy.sample returned ${completions.length} completions, expected ${origins.length}`,
    );
  }
  return completions.map((completion, i) => {
    checkCompletion(completion, i, vocabularySize);
    return { ...completion, ...origins[i]! };
  });
}

function checkCompletion(
  { promptTokens, tokens, logProbs }: Completion,
  index: number,
  vocabularySize: number,
): void {
  const where = `train: policy.sample's completion ${index}`;
  if (promptTokens.length === 0 || tokens.length === 0 || logProbs.length !== tokens.length) {
    throw new RangeError(
      `${where} has ${promptTokens.length} prompt tokens, ${tokens.length} tokens and ` +
        `${logProbs.length} logProbs, expected at least 1 token of each and one logProb a token`,
    );
  }
  for (const token of [...promptTokens, ...tokens]) {
    if (!Number.isSafeInteger(token) || token < 0) {
      throw new RangeError(`${where} has the token ${token}, expected an integer >= 0`);
    }
  }
  const largest = Math.max(...tokens);
  if (largest >= vocabularySize) {
    throw new RangeError(
      `train: completion token is ${largest}, expected less than ${vocabularySize}, the last ` +
        "dimension of policy.forward's logits; sample with the same model and tokenizer",
    );
  }
  logProbs.forEach((logProb, t) => checkFinite(`${where}: logProbs[${t}]`, logProb));
}

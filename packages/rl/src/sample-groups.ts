import { type Params, checkFinite } from '@cfrl/engine';

import { completionSeed, promptsOfStep } from './order.js';
import { contentOf } from './prompt-content.js';
import type { Completion, Policy, Prompt, Reward } from './types.js';

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
export interface GroupOptions {
  readonly policy: Policy;
  readonly prompts: readonly Prompt[];
  readonly seed: number;
  readonly promptsPerStep: number;
  readonly groupSize: number;
}

/** Samples a step's completions, group after group, and checks what the policy returned. */
export async function sampleGroups(
  { policy, prompts, seed, promptsPerStep, groupSize }: GroupOptions,
  params: Params,
  step: number,
): Promise<SampledCompletion[]> {
  const indices = promptsOfStep(seed, step, promptsPerStep, prompts.length);
  const origins = indices.flatMap((promptIndex, slot) =>
    Array.from({ length: groupSize }, (_, sample) => ({
      promptIndex,
      sample,
      seed: completionSeed(seed, step, slot, sample),
    })),
  );
  const completions = await policy.sample(
    params,
    origins.map((origin) => ({
      prompt: contentOf(prompts[origin.promptIndex]!),
      seed: origin.seed,
    })),
  );
  if (completions.length !== origins.length) {
    throw new RangeError(
      `train: policy.sample returned ${completions.length} completions, expected ${origins.length}`,
    );
  }
  return completions.map((completion, i) => {
    checkCompletion(completion, i);
    return { ...completion, ...origins[i]! };
  });
}

function checkCompletion({ promptTokens, tokens, logProbs }: Completion, index: number): void {
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
  logProbs.forEach((logProb, t) => checkFinite(`${where}: logProbs[${t}]`, logProb));
}

/** Asks the task for every completion's reward, all at once; the first failure, in order, is thrown. */
export async function rewardAll<P extends Prompt>(
  reward: Reward<P>,
  prompts: readonly P[],
  completions: readonly SampledCompletion[],
  step: number,
): Promise<number[]> {
  const answers = await Promise.allSettled(
    completions.map(async (completion) => reward(completion, prompts[completion.promptIndex]!)),
  );
  return answers.map((answer, i) => {
    const { promptIndex, sample, prompt, text } = completions[i]!;
    const at =
      `at step ${step}, prompt ${promptIndex} ${JSON.stringify(prompt)}, ` +
      `completion ${sample} ${JSON.stringify(text)}`;
    if (answer.status === 'rejected') {
      const { reason } = answer as { reason: unknown };
      const message = reason instanceof Error ? reason.message : String(reason);
      throw new Error(`train: reward threw ${at}: ${message}`, { cause: reason });
    }
    return checkFinite(`train: reward ${at}`, answer.value);
  });
}

import { type Params, adamw, chain, clipByGlobalNorm, gatherLogProbs } from '@cfrl/engine';
import { forward } from '@cfrl/model';
import { savePretrained } from '@cfrl/model/node';
import { languageModelPolicy } from '@cfrl/recipes';
import { type StepRecord, grpo, train } from '@cfrl/rl';
import * as tf from '@tensorflow/tfjs-core';

import { type Program, jobOf } from './job.js';
import { type Size, freshModel, randomRows, sizes, tokenizer } from './model.js';

/** One GRPO step: sample, reward, one update. */
const work = {
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
};

/** The steps of a training run. The first step's completions are handed over for the comparison. */
export const prepareGrpoStep: Program = ({ size }, folder) => {
  const { newTokens, learningRate, weightDecay, maxGradNorm, letter, seed } = work;
  const model = freshModel(sizes[size as Size]);
  const promptTokens = randomRows(seed, work.prompts, work.promptLength);
  const prompts = promptTokens.map(tokenizer.decode);
  const sampling = { maxNewTokens: newTokens, stopTokens: [], compile: 'xla' as const };
  const run = train({
    policy: languageModelPolicy(model, sampling),
    compile: 'xla',
    params: model.params,
    algorithm: grpo({ groupSize: work.groupSize, clipRange: work.clipRange }),
    prompts,
    reward: ({ text }) => text.split(letter).length - 1,
    optimizer: chain(clipByGlobalNorm(maxGradNorm), adamw({ learningRate, weightDecay })),
    steps: Number.MAX_SAFE_INTEGER,
    seed,
    promptsPerStep: work.prompts,
  });
  const next = async (): Promise<StepRecord> => (await run.next()).value!;

  /** Log-probabilities of the last tokens of each row, nats. */
  const lastLogProbs = (params: Params, rows: number[][]): number[] =>
    tf.tidy(() => {
      const tokens = tf.tensor2d(rows, undefined, 'int32');
      const start = tokens.shape[1] - newTokens;
      const { logits } = forward(params, model.config, { tokens });
      const before = tf.slice(logits, [0, start - 1, 0], [-1, newTokens, -1]);
      const targets = tf.slice(tokens, [0, start], [-1, newTokens]);
      return Array.from(gatherLogProbs(before, targets).dataSync());
    });
  return jobOf(next, async ({ completions, metrics, state }) => {
    await savePretrained(folder, model);
    const inOrder = completions.toSorted(
      (a, b) => a.promptIndex - b.promptIndex || a.sample - b.sample,
    );
    const rows = inOrder.map((each) => [...each.promptTokens, ...each.tokens]);
    const sampled = inOrder.map(({ tokens }) => tokens);
    const check = {
      logProbs: lastLogProbs(model.params, rows),
      logProbsAfterStep: lastLogProbs(state.params, rows),
      entropy: [metrics.entropy],
      reward: [metrics.rewardMean],
    };
    return { check, handoff: { work, folder, prompts, promptTokens, completions: sampled } };
  });
};
